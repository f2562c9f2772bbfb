/* Steps 4 and 5: what a run left in its buffers, against what the oracle says. Reads memory only; the runner is stopped
 * meanwhile. */
#pragma once
#include "agent-node/worker/group.h"
#include "agent-node/worker/subject.h"

/* How good the right answers were, over all that was looked at. */
struct accuracy {
    double worst; /* largest error in units of the tolerance */
    double rms;   /* largest root mean square of an output, in units of u * scale */
    int64_t elements;
};
struct inspection {
    const struct trial *trial;
    const struct size_case *at;
    const uint8_t *arena;
    size_t guard;
    const struct group *group;
    const struct data_set *data;
    enum precision precision;              /* declared by the kernel */
    const char *when;                      /* "", "timed run 17 of set 2" */
    const struct data_set *const *earlier; /* other sets that the runner has seen at this size, for stale_state */
    size_t n_earlier;
};
/* Adds to *f the most severe of out_of_bounds, input_modified, incomplete_write, not_finite, stale_state,
 * reduced_precision and wrong_output. Returns 0 when there is none of them, else -1. */
int inspect(const struct inspection *in, struct accuracy *acc, struct finding *f);

/* "y[3, 17]" */
void describe_element(const struct tensor *t, int64_t index, char *out, size_t size);
/* "size held1 (N=41, D=1013), data signed uniform" */
void describe_where(const struct size_case *at, const struct data_set *d, const char *when, char *out, size_t size);
