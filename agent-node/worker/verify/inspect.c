/* Steps 4 and 5. The order of the checks is that of the verdicts. */
#include "agent-node/worker/verify/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent-node/worker/declared.h"
#include "common/buf.h"

void describe_element(const struct tensor *t, int64_t index, char *out, size_t size) {
    struct buf b = BUF_INIT;
    int64_t at[TENSOR_MAX_RANK];
    buf_puts(&b, t->name);
    for (int d = t->shape.rank - 1; d >= 0; d--) {
        at[d] = index % t->shape.dim[d];
        index /= t->shape.dim[d];
    }
    for (int d = 0; d < t->shape.rank; d++) buf_printf(&b, "%s%lld", d ? ", " : "[", (long long)at[d]);
    if (t->shape.rank > 0) buf_putc(&b, ']');
    snprintf(out, size, "%s", b.data);
    buf_done(&b);
}

void describe_where(const struct size_case *at, const struct data_set *d, const char *when, char *out, size_t size) {
    struct buf b = BUF_INIT;
    buf_printf(&b, "size %s (", at->bound->size);
    for (int i = 0; i < at->bound->n_dims; i++)
        buf_printf(&b, "%s%s=%lld", i ? ", " : "", at->bound->dim[i].name, (long long)at->bound->dim[i].value);
    buf_printf(&b, "), data %s", distribution_name(d->dist));
    if (when[0]) buf_printf(&b, ", %s", when);
    snprintf(out, size, "%s", b.data);
    buf_done(&b);
}

static void where(const struct inspection *in, char out[400]) {
    describe_where(in->at, in->data, in->when, out, 400);
}

static int check_guards(const struct inspection *in, struct finding *f) {
    const struct plan *p = in->at->plan;
    for (int i = 0; i < p->n_buffers; i++) {
        const struct slot *s = &in->group->slot[i];
        int64_t at = 0;
        if (group_check_guards(in->group, i, in->arena, in->guard, &at) == 0) continue;
        char text[400];
        where(in, text);
        long long off = at < 0 ? -at : at - (int64_t)s->bytes;
        return finding_verdict(f, VERDICT_OUT_OF_BOUNDS, "%s: wrote outside `%s` (%zu bytes): byte %lld %s", text,
                               p->buffer[i].name, s->bytes, off, at < 0 ? "in front of its start" : "behind its end");
    }
    return 0;
}

static int check_inputs(const struct inspection *in, struct finding *f) {
    const struct plan *p = in->at->plan;
    for (int i = 0; i < p->n_buffers; i++) {
        const struct plan_buffer *b = &p->buffer[i];
        if (b->role != PLAN_INPUT) continue;
        const uint8_t *now = in->arena + in->group->slot[i].offset, *before = data_set_input(in->data, b->tensor);
        if (memcmp(now, before, b->bytes) == 0) continue;
        size_t at = 0, width = dtype_bytes(b->dtype);
        while (now[at] == before[at]) at++;
        char text[400], element[120];
        where(in, text);
        describe_element(&in->at->bound->tensor[b->tensor], (int64_t)(at / width), element, sizeof element);
        return finding_verdict(f, VERDICT_INPUT_MODIFIED, "%s: the kernel changed its input: %s was %.9g and is %.9g",
                               text, element, element_value(b->dtype, before, (int64_t)(at / width)),
                               element_value(b->dtype, now, (int64_t)(at / width)));
    }
    return 0;
}

/* Is `got` right for one of the other sets? */
static bool is_stale(const struct inspection *in, int output, const void *got) {
    for (size_t i = 0; i < in->n_earlier; i++) {
        const struct data_set *d = in->earlier[i];
        if (d == in->data) continue;
        struct comparison c;
        const struct expected *e = &d->output[output].expected;
        struct tolerance t = data_set_tolerance(d, output, in->at->reduction, in->precision);
        compare_output(e, &t, got, NULL, in->trial->worker->threads, &c);
        if (comparison_ok(&c)) return true;
    }
    return false;
}

static int say_unwritten(const struct inspection *in, const struct tensor *t, const struct comparison *c,
                         struct finding *f) {
    char text[400], element[120];
    where(in, text);
    describe_element(t, c->first_unwritten, element, sizeof element);
    return finding_verdict(f, VERDICT_INCOMPLETE_WRITE,
                           "%s: %lld of %lld elements of `%s` were never written, the first is %s", text,
                           (long long)c->unwritten, (long long)c->n, t->name, element);
}

/* The scratch buffer whose poison stands at element `at` of an output, or NULL: it was read before it was written. */
static const char *copied_from(const struct inspection *in, enum dtype dtype, const void *got, int64_t at) {
    const struct plan *p = in->at->plan;
    size_t width = dtype_bytes(dtype);
    for (int i = 0; i < p->n_buffers; i++) {
        if (p->buffer[i].role != PLAN_SCRATCH || p->buffer[i].dtype != dtype) continue;
        struct poison poison = group_poison(in->group, i);
        if (width == 4 && memcmp((const uint8_t *)got + (size_t)at * width,
                                 &(uint32_t){poison_word(&poison, dtype, (size_t)at)}, width) == 0)
            return p->buffer[i].name;
    }
    return NULL;
}

static int say_not_finite(const struct inspection *in, const struct tensor *t, const struct expected *e,
                          const struct comparison *c, const void *got, struct finding *f) {
    int64_t at = c->first_not_finite;
    char text[400], element[120], why[160] = "";
    where(in, text);
    describe_element(t, at, element, sizeof element);
    const char *scratch = copied_from(in, e->dtype, got, at);
    if (scratch)
        snprintf(why, sizeof why, " (that is what scratch `%.64s` held before anything was written to it)", scratch);
    return finding_verdict(f, VERDICT_NOT_FINITE, "%s: %s is %.9g%s, expected %.9g; %lld of %lld elements are like it",
                           text, element, element_value(e->dtype, got, at), why, e->value[at], (long long)c->not_finite,
                           (long long)c->n);
}

static int say_wrong(const struct inspection *in, const struct tensor *t, const struct expected *e,
                     const struct tolerance *tol, const struct comparison *c, enum verdict v, const void *got,
                     struct finding *f) {
    int64_t at = c->wrong ? c->first_wrong : c->worst_at;
    char text[400], element[120], worst[120], more[320];
    where(in, text);
    describe_element(t, at, element, sizeof element);
    describe_element(t, c->worst_at, worst, sizeof worst);
    char kind[80] = "";
    if (v == VERDICT_STALE_STATE) snprintf(kind, sizeof kind, ": an earlier data set's answer came back");
    if (v == VERDICT_REDUCED_PRECISION)
        snprintf(kind, sizeof kind, ": less precise than %s",
                 in->precision != PRECISION_STRICT ? precision_name(in->precision)
                 : e->dtype == DTYPE_F16           ? "float16"
                                                   : "float32");
    if (v == VERDICT_REDUCED_PRECISION && tol->class_rms > 0)
        snprintf(more, sizeof more,
                 "the error's root mean square is %.3g units of rounding, honest arithmetic stays below %.3g", c->rms,
                 tol->class_rms);
    else
        snprintf(more, sizeof more, "the worst is %s: %.9g, expected %.9g", worst,
                 element_value(e->dtype, got, c->worst_at), e->value[c->worst_at]);
    return finding_verdict(f, v,
                           "%s%s: %s is %.9g, expected %.9g%s (tolerance %.2g); %lld of %lld elements are off by more "
                           "than the tolerance; %s",
                           text, kind, element, element_value(e->dtype, got, at), e->value[at],
                           e->scale[at] < 0 ? " (by the plain baseline)" : "",
                           tolerance_of(tol, e->value[at], e->scale[at]), (long long)c->wrong, (long long)c->n, more);
}

static int check_output(const struct inspection *in, int output, int buffer, struct accuracy *acc, struct finding *f) {
    const void *got = in->arena + in->group->slot[buffer].offset;
    struct poison poison = group_poison(in->group, buffer);
    /* Where it is computed in place of an input, that input was there, which says nothing of who wrote it. */
    bool poisoned = plan_buffer_source(&in->at->plan->buffer[buffer]) < 0;
    const struct expected *e = &in->data->output[output].expected;
    const struct tensor *t = &in->at->bound->tensor[in->data->output[output].tensor];
    struct tolerance tol = data_set_tolerance(in->data, output, in->at->reduction, in->precision);
    struct comparison c;
    compare_output(e, &tol, got, poisoned ? &poison : NULL, in->trial->worker->threads, &c);
    if (c.unwritten > 0) return say_unwritten(in, t, &c, f);
    if (c.not_finite > 0) return say_not_finite(in, t, e, &c, got, f);
    bool coarse = comparison_outside_class(&c, &tol, in->data->dist);
    if (c.wrong > 0 || coarse) {
        enum verdict v = c.wrong > 0 && is_stale(in, output, got) ? VERDICT_STALE_STATE
                         : comparison_reduced(&c) || c.wrong == 0 ? VERDICT_REDUCED_PRECISION
                                                                  : VERDICT_WRONG_OUTPUT;
        return say_wrong(in, t, e, &tol, &c, v, got, f);
    }
    if (c.worst > acc->worst) acc->worst = c.worst;
    if (c.rms > acc->rms) acc->rms = c.rms;
    acc->elements += c.n;
    return 0;
}

/* The buffer of the plan that holds tensor `tensor` as an output. A plan writes every output (checked when it was
 * bound). */
static int output_buffer(const struct plan *p, int tensor) {
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffer[i].role == PLAN_OUTPUT && p->buffer[i].tensor == tensor) return i;
    return -1;
}

int inspect(const struct inspection *in, struct accuracy *acc, struct finding *f) {
    if (check_guards(in, f) != 0 || check_inputs(in, f) != 0) return -1;
    int status = 0;
    for (int i = 0; i < in->data->n_outputs; i++) {
        int buffer = output_buffer(in->at->plan, in->data->output[i].tensor);
        if (buffer < 0) {
            status = finding_verdict(f, VERDICT_INCOMPLETE_WRITE, "output %s is bound nowhere",
                                     in->at->bound->tensor[in->data->output[i].tensor].name);
            continue;
        }
        if (check_output(in, i, buffer, acc, f) != 0) status = -1;
    }
    return status;
}
