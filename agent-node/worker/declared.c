#include "agent-node/worker/declared.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/check/emulate.h"

int data_set_declare(struct data_set *d, const struct bound *b, enum precision p, int threads,
                     const volatile bool *cancel, struct error *err) {
    bool learns = p == PRECISION_STRICT;
    if (d->declared[p] || (learns && !precision_learns(b))) return 0;
    if (d->sampled && learns) return 0; /* what is too large to evaluate keeps the constant limit */
    if (d->sampled) {
        error_set(err, ERR_LIMIT,
                  "size %s is too large to judge %s: the honest evaluation to compare with would take "
                  "too long",
                  b->size, precision_name(p));
        return error_hint(err, "time the kernel at a smaller size");
    }
    CLEANUP_FREE const void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    CLEANUP_FREE void **honest = xcalloc((size_t)b->n_outputs + 1, sizeof *honest);
    struct arithmetic a = learns ? precision_half() : precision_arithmetic(p);
    struct error failed = ERROR_INIT;
    struct cost cost;
    bound_cost(b, &cost);
    for (int i = 0; i < d->n_inputs; i++) data[d->input[i].tensor] = d->input[i].data;
    if (emulate(b, data, &a, threads, cancel, honest, &failed) != 0) {
        if (failed.code == ERR_UNSUPPORTED) return 0;
        if (err) *err = failed;
        return -1;
    }
    for (int i = 0; i < d->n_outputs; i++) {
        struct tolerance *t = &d->output[i].declared[p];
        *t = tolerance_make(d->output[i].expected.dtype, cost.reduction);
        if (learns)
            tolerance_learn_class(t, &d->output[i].expected, honest[i], threads);
        else
            tolerance_declare(t, p, &d->output[i].expected, honest[i], threads);
        free(honest[i]);
    }
    d->declared[p] = true;
    return 0;
}

struct tolerance data_set_tolerance(const struct data_set *d, int output, int64_t reduction, enum precision p) {
    if (d->declared[p]) return d->output[output].declared[p];
    return tolerance_make(d->output[output].expected.dtype, reduction);
}
