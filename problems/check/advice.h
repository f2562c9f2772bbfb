/* What to change in a problem that accepts a trivial answer. */
#pragma once
#include "common/buf.h"
#include "problems/check/trivial.h"
#include "problems/ops/op.h"

/* What was seen of a problem at one size, over all data. */
struct sighting {
    const struct bound *bound;
    bool *same;        /* per node: every element had the same value on all data */
    double *value;     /* that value */
    int64_t **branch;  /* per node: elements per branch, or NULL */
    int64_t reduction; /* K */
};
/* Appends the remedy for `t`, which passed on all data of `s`; returns the line of the file that is at fault, or 0. */
int advice_for_trivial(const struct trivial *t, const struct sighting *s, struct buf *out);
/* Appends the remedy for a branch of `node` that no element took. */
void advice_for_branch(const struct bound *b, const struct node *node, const char *branch, struct buf *out);
