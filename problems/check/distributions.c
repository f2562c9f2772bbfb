/* Which distributions a size is checked with. */
#include "problems/check/distributions.h"

#include <stddef.h>

/* Whether any input can hold `d` at all; one whose domain forbids it keeps its declared data. */
static bool applies(const struct bound *b, enum distribution d) {
    for (int i = 0; i < b->n_tensors; i++) {
        struct data_recipe recipe;
        if (b->tensor[i].role != TENSOR_INPUT && b->tensor[i].role != TENSOR_WEIGHT) continue;
        if (data_recipe_make(b, i, d, &recipe, NULL) == 0) return true;
    }
    return false;
}

int distributions_for(const struct bound *b, bool timed, enum distribution out[DIST_COUNT]) {
    int n = 0;
    for (int d = 0; d < DIST_COUNT; d++) {
        if (timed && d != DIST_DECLARED && d != DIST_SIGNED_UNIFORM && d != DIST_PRECISION_PROBE) continue;
        if (d == DIST_DECLARED || applies(b, (enum distribution)d)) out[n++] = (enum distribution)d;
    }
    return n;
}
