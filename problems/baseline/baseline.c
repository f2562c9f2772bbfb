/* The names of the baselines, and `plain`: each operator's own kernel, one after the other. */
#include "problems/baseline/baseline.h"

#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/baseline/fused.h"

#include <string.h>

DEFINE_CLEANUP(free_emit, struct op_emit *, emit_free)

static int plain(const struct bound *b, const struct baseline_device *d, struct plan **ret, struct error *err) {
    (void)d;
    CLEANUP(free_emit) struct op_emit *e = emit_new(b);
    for (int i = 0; i < b->n_nodes; i++)
        if (emit_node(e, i, err) != 0) return -1;
    return emit_finish(e, ret, err);
}

static const struct {
    const char *name;
    int (*plan)(const struct bound *b, const struct baseline_device *d, struct plan **ret, struct error *err);
} BASELINES[] = {{"plain", plain}, {"fused", fused_plan}};

int baseline_plan(const char *name, const struct bound *b, const struct baseline_device *d, struct plan **ret,
                  struct error *err) {
    for (size_t i = 0; i < sizeof BASELINES / sizeof *BASELINES; i++) {
        if (strcmp(name, BASELINES[i].name) != 0) continue;
        if (BASELINES[i].plan(b, d, ret, err) == 0) return 0;
        return error_wrap(err, "baseline %s", name);
    }
    error_set(err, ERR_NOT_FOUND, "baseline %s does not exist", name);
    return error_hint(err, "the baselines are: plain, fused");
}

const char *const *baseline_names(void) {
    static const char *const NAMES[] = {"plain", "fused", NULL};
    return NAMES;
}
