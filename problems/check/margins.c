/* Margins of a problem's tolerance. */
#include "problems/check/margins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/check/answers.h"
#include "problems/check/distributions.h"
#include "problems/check/emulate.h"
#include "problems/check/sizes.h"

DEFINE_CLEANUP(cleanup_answers, struct answers *, answers_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

#define HONEST(text, tier, half, ...)                \
    {                                                \
        text, EVALUATION_HONEST, tier, true, half, { \
            __VA_ARGS__                              \
        }                                            \
    }
#define DISHONEST(text, tier, single, half, ...)          \
    {                                                     \
        text, EVALUATION_DISHONEST, tier, single, half, { \
            __VA_ARGS__                                   \
        }                                                 \
    }
#define STORED(format) .inputs = format, .operands = format, .tensors = format
static const struct evaluation EVALUATIONS[] = {
    HONEST("in order", PRECISION_STRICT, true, .order = ADD_IN_ORDER),
    HONEST("fused multiply-add", PRECISION_STRICT, true, .fused = true),
    HONEST("tree", PRECISION_STRICT, true, .order = ADD_AS_TREE),
    HONEST("tiles of 32", PRECISION_STRICT, true, .order = ADD_IN_TILES),
    HONEST("coarse functions", PRECISION_STRICT, true, .coarse = true),
    {"half: sums", EVALUATION_HONEST, PRECISION_STRICT, false, true, {.sums = NUMBER_F16}},
    {"half: every operation",
     EVALUATION_HONEST,
     PRECISION_STRICT,
     false,
     true,
     {.sums = NUMBER_F16, .steps = NUMBER_F16}},
    DISHONEST("inputs in tf32", PRECISION_STRICT, true, false, .inputs = NUMBER_TF32),
    DISHONEST("inputs in f16", PRECISION_STRICT, true, false, .inputs = NUMBER_F16),
    DISHONEST("inputs in bf16", PRECISION_STRICT, true, true, .inputs = NUMBER_BF16),
    DISHONEST("inputs in fp8", PRECISION_STRICT, false, true, .inputs = NUMBER_FP8),
    DISHONEST("operands in tf32", PRECISION_STRICT, true, false, .operands = NUMBER_TF32),
    DISHONEST("operands in f16", PRECISION_STRICT, true, false, .operands = NUMBER_F16),
    DISHONEST("operands in bf16", PRECISION_STRICT, true, true, .operands = NUMBER_BF16),
    DISHONEST("sums in tf32", PRECISION_STRICT, true, false, .sums = NUMBER_TF32),
    DISHONEST("sums in f16", PRECISION_STRICT, true, false, .sums = NUMBER_F16),
    DISHONEST("sums in bf16", PRECISION_STRICT, true, true, .sums = NUMBER_BF16),
    DISHONEST("results in tf32", PRECISION_STRICT, true, false, .tensors = NUMBER_TF32),
    DISHONEST("results in f16", PRECISION_STRICT, true, false, .tensors = NUMBER_F16),
    DISHONEST("results in bf16", PRECISION_STRICT, true, true, .tensors = NUMBER_BF16),
    HONEST("declared tf32: in order", PRECISION_TF32, false, .operands = NUMBER_TF32),
    HONEST("declared tf32: fused", PRECISION_TF32, false, .operands = NUMBER_TF32, .fused = true),
    DISHONEST("declared tf32: operands in bf16", PRECISION_TF32, true, false, .operands = NUMBER_BF16),
    DISHONEST("declared tf32: inputs in bf16", PRECISION_TF32, true, false, .inputs = NUMBER_BF16),
    HONEST("declared f16: in order", PRECISION_F16, false, STORED(NUMBER_F16)),
    HONEST("declared f16: operands, fused", PRECISION_F16, false, .operands = NUMBER_F16, .fused = true),
    DISHONEST("declared f16: inputs in bf16", PRECISION_F16, true, false, .inputs = NUMBER_BF16),
    HONEST("declared bf16: in order", PRECISION_BF16, false, STORED(NUMBER_BF16)),
    HONEST("declared bf16: operands, fused", PRECISION_BF16, false, .operands = NUMBER_BF16, .fused = true),
    DISHONEST("declared bf16: inputs in fp8", PRECISION_BF16, true, false, .inputs = NUMBER_FP8),
};
#define EVALUATION_COUNT (sizeof EVALUATIONS / sizeof *EVALUATIONS)

size_t evaluation_count(void) {
    return EVALUATION_COUNT;
}

const struct evaluation *evaluation_at(size_t i) {
    return &EVALUATIONS[i];
}

struct run {
    const struct margins_options *o;
    const struct bound *bound;
    struct margin *ret, here[EVALUATION_COUNT]; /* of all sizes, of this one */
    double done, total;
};

static double larger(const struct margin *m) {
    return fmax(m->element, m->class_rms);
}

static bool wanted(const struct bound *b, const struct evaluation *e) {
    enum dtype dtype = b->tensor[b->output[0]].dtype;
    /* Whole numbers are equal or not: an index shows a rounded input where two candidates happen to be that close. */
    if (dtype == DTYPE_I32 && (e->kind == EVALUATION_DISHONEST || e->declared != PRECISION_STRICT)) return false;
    return (dtype == DTYPE_F16 ? e->f16 : e->f32) && emulate_concerns(b, &e->arithmetic);
}

static void outputs_free(const struct bound *b, void **out) {
    for (int i = 0; i < b->n_outputs; i++) free(out[i]);
}

/* The tolerance of `declared` in place of the strict one, as a worker would have it on these data. */
static int declare(struct answers *a, enum precision declared, const volatile bool *cancel, struct error *err) {
    void *honest[16] = {NULL};
    struct arithmetic arithmetic = precision_arithmetic(declared);
    if (emulate(a->bound, (const void *const *)a->data, &arithmetic, 0, cancel, honest, err) != 0) return -1;
    for (int i = 0; i < a->bound->n_outputs; i++)
        tolerance_declare(&a->tolerance[i], declared, &a->expected[i], honest[i], 0);
    outputs_free(a->bound, honest);
    return 0;
}

static void note(struct run *r, const struct answers *a, size_t k, const struct match *m) {
    struct margin *to = &r->here[k];
    if (!to->concerns || fmax(m->element, m->class_rms) > larger(to)) {
        to->dist = a->dist;
        snprintf(to->size, sizeof to->size, "%s", a->bound->size);
    }
    to->concerns = true;
    to->element = fmax(to->element, m->element);
    to->class_rms = fmax(to->class_rms, m->class_rms);
}

static int judge_data(struct run *r, struct answers *a, struct error *err) {
    struct tolerance strict[16];
    memcpy(strict, a->tolerance, (size_t)a->bound->n_outputs * sizeof *strict);
    enum precision now = PRECISION_STRICT;
    for (size_t k = 0; k < EVALUATION_COUNT; k++) {
        const struct evaluation *e = &EVALUATIONS[k];
        void *got[16] = {NULL};
        struct match m;
        if (!wanted(r->bound, e)) continue;
        if (e->declared != now) {
            memcpy(a->tolerance, strict, (size_t)a->bound->n_outputs * sizeof *strict);
            if (e->declared != PRECISION_STRICT && declare(a, e->declared, r->o->cancel, err) != 0) return -1;
            now = e->declared;
        }
        if (emulate(a->bound, (const void *const *)a->data, &e->arithmetic, 0, r->o->cancel, got, err) != 0) return -1;
        answers_match(a, (const void *const *)got, &m);
        outputs_free(a->bound, got);
        note(r, a, k, &m);
    }
    return 0;
}

static void merge(struct run *r) {
    for (size_t k = 0; k < EVALUATION_COUNT; k++) {
        const struct margin *here = &r->here[k];
        struct margin *all = &r->ret[k];
        bool honest = EVALUATIONS[k].kind == EVALUATION_HONEST;
        if (!here->concerns) continue;
        struct margin before = *all;
        if (!all->concerns || (honest ? larger(here) > larger(all) : larger(here) < larger(all))) *all = *here;
        if (honest && before.concerns) {
            all->element = fmax(before.element, here->element);
            all->class_rms = fmax(before.class_rms, here->class_rms);
        }
        all->as_it_should = honest ? larger(all) <= 1 : larger(all) > 1;
    }
}

static int judge_size(struct run *r, bool timed, struct error *err) {
    enum distribution dist[DIST_COUNT];
    int n = distributions_for(r->bound, timed, dist);
    memset(r->here, 0, sizeof r->here);
    for (int i = 0; i < n; i++) {
        char label[160];
        snprintf(label, sizeof label, "size %s, %s", r->bound->size, distribution_name(dist[i]));
        if (r->o->progress) r->o->progress(r->o->context, (r->done + (double)i / n) / r->total, label);
        CLEANUP(cleanup_answers)
        struct answers *a = answers_new(r->bound, &r->o->seed, 0, dist[i], false, r->o->cancel, err);
        if (!a || judge_data(r, a, err) != 0) return -1;
    }
    merge(r);
    r->done += 1;
    return 0;
}

int margins_compute(const struct problem *p, const struct margins_options *o, struct margin *ret, struct error *err) {
    const char *fallback[PROBLEM_SIZES_ROOM];
    const char *const *sizes = o->sizes;
    struct run r = {.o = o, .ret = ret};
    memset(ret, 0, EVALUATION_COUNT * sizeof *ret);
    if (!sizes) {
        sizes_for_checking(p, true, fallback);
        sizes = fallback;
    }
    for (size_t i = 0; sizes[i]; i++) r.total += 1;
    for (size_t i = 0; sizes[i]; i++) {
        CLEANUP(cleanup_bound) struct bound *b = problem_bind(p, sizes[i], err);
        if (!b) return -1;
        r.bound = b;
        if (judge_size(&r, !size_is_held_out(sizes[i]), err) != 0) return error_wrap(err, "%s", problem_name(p));
    }
    return 0;
}
