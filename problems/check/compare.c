/* Step 4, the arithmetic of it. Written so that a NaN anywhere fails: every test asks whether the error is *within* its
 * bound. */
#include "problems/check/compare.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/graph/pieces.h"
#include "problems/ops/arithmetic.h"

#define PIECE_ELEMENTS ((int64_t)1 << 16)
#define COARSE_UNITS 16.0
/* Lower precision shows in one of this many elements at least; a slip in the code may show in a few. */
#define COARSE_PARTS 8

struct tolerance tolerance_make(enum dtype dtype, int64_t reduction) {
    double u = dtype_unit_roundoff(dtype), k = reduction > 1 ? (double)reduction : 1.0;
    struct tolerance t = {.u = u, .element = TOLERANCE_C * u * sqrt(k)};
    if (dtype == DTYPE_F32) t.floor = FLT_MIN;
    if (dtype == DTYPE_F16) t.floor = 0x1p-14;
    if (u > 0) t.class_rms = fmax(CLASS_RMS_MAX, CLASS_RMS_CHAIN * sqrt(k));
    return t;
}

double tolerance_of(const struct tolerance *t, double want, double scale) {
    return t->element * fabs(scale) + t->relative * fabs(want) + t->floor;
}

double element_value(enum dtype dtype, const void *data, int64_t i) {
    if (dtype == DTYPE_F32) return ((const float *)data)[i];
    if (dtype == DTYPE_F16) return (double)number_from_half(((const uint16_t *)data)[i]);
    return ((const int32_t *)data)[i];
}

static double largest(enum dtype dtype) {
    return dtype == DTYPE_F32 ? FLT_MAX : dtype == DTYPE_F16 ? 65504.0 : INT32_MAX;
}

/* What is expected when the exact value lies beyond the dtype's range is an infinity; right at the edge either is fine.
 */
static bool not_finite_agrees(double got, double want, double max) {
    if (isnan(want)) return isnan(got);
    if (isinf(want)) return got == want;
    if (fabs(want) > max * (1 - 0x1p-10)) return isinf(got) && (got > 0) == (want > 0);
    return false;
}

static bool holds_poison(const struct poison *p, enum dtype dtype, const void *data, int64_t i) {
    size_t width = dtype_bytes(dtype), at = (size_t)i * width;
    uint32_t word = poison_word(p, dtype, at / 4);
    return memcmp((const uint8_t *)data + at, (const uint8_t *)&word + at % 4, width) == 0;
}

static void count(int64_t *n, int64_t *first, int64_t i) {
    if ((*n)++ == 0) *first = i;
}

struct piece {
    struct comparison c;
    double sum;      /* of squares */
    int64_t counted; /* terms of it */
};

static void compare_finite(const struct tolerance *t, double error, double want, double scale, int64_t i,
                           struct piece *p) {
    double bound = tolerance_of(t, want, scale), units = bound > 0 ? error / bound : error > 0 ? INFINITY : 0;
    if (!(error <= bound)) count(&p->c.wrong, &p->c.first_wrong, i);
    if (!(units <= p->c.worst)) {
        p->c.worst = units;
        p->c.worst_at = i;
    }
    double reduced = REDUCED_C * (t->u > 0 ? REDUCED_U : 0) * fabs(scale) + t->floor;
    if (!(error <= reduced)) p->c.beyond_reduced++;
    if (scale < 0) p->c.unjudged++;
    if (!(scale > 0) || !(t->u > 0)) return;
    double e = (error > t->floor ? error - t->floor : 0) / (t->u * scale);
    if (e > COARSE_UNITS) p->c.coarse++;
    if (e > p->c.most) p->c.most = e;
    p->sum += e * e;
    p->counted++;
}

static void compare_range(const struct expected *e, const struct tolerance *t, const void *got,
                          const struct poison *poison, int64_t begin, int64_t end, struct piece *p) {
    double max = largest(e->dtype);
    for (int64_t i = begin; i < end; i++) {
        double g = element_value(e->dtype, got, i), want = e->value[i];
        if (isfinite(g) && isfinite(want) && fabs(want) <= max) {
            double error = fabs(g - want);
            bool exact_poison = poison && e->dtype == DTYPE_I32 && error != 0 && holds_poison(poison, e->dtype, got, i);
            if (exact_poison)
                count(&p->c.unwritten, &p->c.first_unwritten, i);
            else
                compare_finite(t, error, want, e->scale[i], i, p);
        } else if (poison && isnan(g) && holds_poison(poison, e->dtype, got, i)) {
            count(&p->c.unwritten, &p->c.first_unwritten, i);
        } else if (isfinite(g) && fabs(want) > max && fabs(want) <= max * (1 + 0x1p-10) &&
                   fabs(g) >= max * (1 - 0x1p-10)) {
            continue;
        } else if (!not_finite_agrees(g, want, max)) {
            count(&p->c.not_finite, &p->c.first_not_finite, i);
        }
    }
}

struct job_compare {
    const struct expected *e;
    const struct tolerance *t;
    const void *got;
    const struct poison *poison;
    struct piece *piece;
};

static void compare_piece(void *context, int64_t begin, int64_t end) {
    struct job_compare *j = context;
    compare_range(j->e, j->t, j->got, j->poison, begin, end, &j->piece[begin / PIECE_ELEMENTS]);
}

static void add_count(int64_t *n, int64_t *first, int64_t more, int64_t more_first) {
    if (*n == 0) *first = more_first;
    *n += more;
}

void compare_output(const struct expected *e, const struct tolerance *t, const void *got, const struct poison *poison,
                    int threads, struct comparison *ret) {
    size_t pieces = (size_t)((e->n + PIECE_ELEMENTS - 1) / PIECE_ELEMENTS);
    CLEANUP_FREE struct piece *piece = xcalloc(pieces ? pieces : 1, sizeof *piece);
    struct job_compare j = {.e = e, .t = t, .got = got, .poison = poison, .piece = piece};
    pieces_run(e->n, PIECE_ELEMENTS, threads, NULL, compare_piece, &j);
    struct comparison c = {.n = e->n};
    double sum = 0;
    int64_t counted = 0;
    for (size_t i = 0; i < pieces; i++) {
        const struct comparison *p = &piece[i].c;
        if (p->unwritten) add_count(&c.unwritten, &c.first_unwritten, p->unwritten, p->first_unwritten);
        if (p->not_finite) add_count(&c.not_finite, &c.first_not_finite, p->not_finite, p->first_not_finite);
        if (p->wrong) add_count(&c.wrong, &c.first_wrong, p->wrong, p->first_wrong);
        c.beyond_reduced += p->beyond_reduced;
        c.coarse += p->coarse;
        c.unjudged += p->unjudged;
        if (p->most > c.most) c.most = p->most;
        if (p->worst > c.worst) {
            c.worst = p->worst;
            c.worst_at = p->worst_at;
        }
        sum += piece[i].sum;
        counted += piece[i].counted;
    }
    c.rms = counted > 0 ? sqrt(sum / (double)counted) : 0;
    *ret = c;
}

bool comparison_ok(const struct comparison *c) {
    return c->unwritten == 0 && c->not_finite == 0 && c->wrong == 0;
}

/* Dropped precision shows on the probe and on signed data; long positive sums hide it. */
bool comparison_judges_class(const struct tolerance *t, enum distribution d) {
    return t->class_rms > 0 && (t->class_always || d == DIST_PRECISION_PROBE || d == DIST_SIGNED_UNIFORM);
}

bool comparison_outside_class(const struct comparison *c, const struct tolerance *t, enum distribution d) {
    return comparison_judges_class(t, d) && !(c->rms <= t->class_rms);
}

bool comparison_passes(const struct comparison *c, const struct tolerance *t, enum distribution d) {
    return comparison_ok(c) && !comparison_outside_class(c, t, d);
}

bool comparison_reduced(const struct comparison *c) {
    return c->unwritten == 0 && c->not_finite == 0 && c->beyond_reduced == 0 &&
           c->coarse * COARSE_PARTS > c->n - c->unjudged;
}
