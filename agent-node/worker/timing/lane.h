/* One side of the timed window: a runner with a subject's program in it and R groups of buffers. Outside its windows
 * the runner is stopped, and what it may not do then (use processor time) is noticed. Inputs are new and outputs
 * poisoned for every window; some of the sets have known answers, and which ones nobody can tell. */
#pragma once
#include "agent-node/worker/group.h"
#include "agent-node/worker/verify/inspect.h"

#define LANE_GUARD ((size_t)4096)
#define LANE_BYTES ((size_t)64 << 20) /* what R sets may take, unless two take more */
#define LANE_SETS_MAX 512
#define LANE_WINDOWS_MAX 256

/* How a window is filled: `n` launches in one go, `repeats` times. */
struct pace {
    int n, repeats;
};
/* For launches of about `launch_ns`, to fill `window_ns`. */
struct pace pace_for(const struct subject *s, double launch_ns, double window_ns);
/* Before it is known how long a launch takes. */
struct pace pace_first(const struct subject *s);
/* Bytes of arena for a lane of this subject. */
size_t lane_arena_bytes(const struct subject *s, const struct rec_device *d);
/* Sets to upload behind those of a window, so that what it reads comes from memory: as many as make it more than twice
 * the last-level cache on a device with memory of its own; none on drivers that run on the host, where the worker
 * writes past the caches. */
int lane_flush_sets(const struct pace *p, size_t bytes_of_set, const struct rec_device *d);

/* What happened on the machine while a window ran, all its repeats together. */
struct window_load {
    bool known;
    int64_t wall_ns;
    int64_t span_ns;    /* from one look at the machine to the next: the window, and until its runner stood still */
    int64_t foreign_ns; /* processor time of all others; may come out below zero by what a reading is off */
    int64_t cpu_ns;     /* the runner's */
};
/* Where a set with a known answer stands: in which window, which repeat of it, which launch. */
struct peek {
    int window, repeat, position;
};
struct lane {
    struct trial *t;
    const struct subject *s;
    const struct timed_data *data;
    struct finding *f;
    struct accuracy acc;
    struct runner *r; /* borrowed */
    int program;
    struct pace pace;
    int groups;             /* bound: one more than launches of a window */
    int idle;               /* the one that this window leaves out: what is done to it nobody asked for */
    int n_flush, *flush;    /* sets that are only uploaded */
    struct group *group[2]; /* [1]: the same inputs, each other's outputs */
    int *set[2];
    int *check; /* per group: index of the known answer that is there now, or -1 */
    uint64_t *number;
    struct peek peek[POOL_CHECKS];
    int set_no; /* of the fresh sets of runners, for messages */
    bool is_stopped;
    int64_t stopped_cpu_ns; /* its processor time when it was stopped */
    int64_t runs, run_cpu_ns,
        late_cpu_ns; /* number of runs, processor time of all runs, and after they had said that they were done */
    int64_t prepare_ns, window_ns;  /* where the time went */
    int64_t last_prepare_ns;        /* what writing the data of one repeat of a window takes */
    double claimed_ns, overhead_ns; /* sums over windows, where the device has a clock */
    double claim_ns;                /* what the runner said of the last window */
    struct window_load load;        /* of the last window */
};
/* Load the subject into `r`. The lane is stopped afterwards. -1 with *f set; lane_close() in any case. */
int lane_open(struct lane *l, struct trial *t, const struct subject *s, const struct timed_data *data, struct runner *r,
              struct finding *f);
void lane_close(struct lane *l);
/* Bind buffers for `pace`, in place of what was bound. Guard bands and a first set of data are written. */
int lane_fit(struct lane *l, struct pace pace);
/* Choose where the known answers will stand among `windows` windows. */
void lane_choose_peeks(struct lane *l, int windows);
/* One window, number `window` (-1: none that is recorded, no answers are looked at, data stay as they are unless the
 * subject overwrites them). Outputs are
 * where `variant` (0, 1) has them. *ret_wall_ns is the worker's clock over all repeats. -1 with *f set. */
int lane_window(struct lane *l, int window, int variant, int64_t *ret_wall_ns);
/* Median of what a request costs that launches nothing, from a stopped runner on, in nanoseconds. */
int lane_round_trip(struct lane *l, double *ret_ns);
/* All guard bands, and the runner's claims against the worker's clock. */
int lane_finish(struct lane *l);
