/* Answers that take no work, or less than was asked for. A problem that accepts one of them on all of its data cannot
 * tell right from wrong. */
#pragma once
#include "problems/check/answers.h"
#include "problems/ops/arithmetic.h"

enum trivial_kind {
    TRIVIAL_ZEROS,
    TRIVIAL_CONSTANT,      /* the mean of another seed's output */
    TRIVIAL_SLICE,         /* the first slice along `axis`, for all of them */
    TRIVIAL_COPY,          /* of input `tensor`; where it is longer, its first elements; shorter, repeated */
    TRIVIAL_TAIL,          /* the last elements of a longer input */
    TRIVIAL_TRANSPOSED,    /* of an input, its last two axes */
    TRIVIAL_ROUNDED,       /* the reference with inputs, weights and output rounded to `format` */
    TRIVIAL_OTHER_SEED,    /* another seed's answer */
    TRIVIAL_OTHER_WEIGHTS, /* other weights' answer */
    TRIVIAL_OTHER_TENSOR,  /* the answer for another `tensor` */
};
struct trivial {
    enum trivial_kind kind;
    int output; /* index among the outputs, the others being right; -1: all of them */
    int tensor, axis;
    enum number_format format;
    char name[2 * NAME_MAX_LEN + 48]; /* "a copy of `x`" */
};
/* All that fit the shapes at this size. *ret is the caller's to free; the same problem's list differs between sizes
 * where counts fit at one and not at another. */
size_t trivial_list(const struct bound *b, struct trivial **ret);

/* A data set, and what else trivial answers to it are made of, computed at first need. */
struct trivial_case {
    const struct answers *right;
    struct data_seed seed;
    const volatile bool *cancel;
    void **other; /* outputs for other data */
    void **other_data;
};
void trivial_case_done(struct trivial_case *c);
/* Whether `t` would be accepted as the answer to the case's data. -1 with err. */
int trivial_passes(const struct trivial *t, struct trivial_case *c, bool *ret, struct error *err);
