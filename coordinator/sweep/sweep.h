/* Sweeps: what is measured again at set times. A due time becomes a run at most once: the sweep's `handled_s`, the
 * run's row and the run's tasks are written in one transaction.
 *
 *   time is due ──▶ [pending] ──▶ running ──▶ complete | overdue | cancelled
 *              └──▶ skipped (a run was open) | missed (nobody could start it) | empty (nothing to measure)
 *
 * At most one run of a sweep is open. A time counts as missed when it cannot start within SWEEP_LATE_S of it; what
 * becomes of it then is the sweep's `catch_up`. Everything here is on the coordinator's thread, and reads its clock
 * only: the wall clock, since a schedule is about that. Set back, it makes no time due again; set forward, it makes
 * times missed, bounded as after any absence. */
#pragma once
#include "coordinator/sweep/file.h"

#define SWEEPS_MAX 256
#define SWEEP_LATE_S 300
#define SWEEP_PURPOSE "sweep"

struct sweep {
    struct row_sweep row;
    char *filename;
    struct sweep_file *file;  /* NULL: what is stored is not understood by this version */
    char problem[256];        /* why not */
    int64_t next_s;           /* the next time after row.handled_s; -1: none */
    struct row_sweep_run run; /* the open one, while `open` */
    bool open, removing;
};
struct sweeps {
    struct sweep **items; /* by name */
    size_t count;
};

/* --- life ------------------------------------------------------------------------------------- */
/* At the coordinator's start, when campaigns are loaded. */
int sweeps_load(struct core *core, struct error *err);
void sweeps_free(struct sweeps *sweeps); /* accepts NULL */
/* Start what is due, end what is over its deadline. Called twice a second; cheap when there is nothing to do. */
int sweeps_work(struct core *core, struct error *err);

/* --- what people ask -------------------------------------------------------------------------- */
/* NULL with ERR_NOT_FOUND, and the nearest name. */
struct sweep *sweep_find(struct core *core, const char *name, struct error *err);
/* Add, or with `replace` change, a sweep. Takes `file`, also on errors. `warnings` gets texts. ERR_CONFLICT: there is
 * one of this name; ERR_INVALID: a problem or kernel that it names is not known; ERR_LIMIT. */
int sweep_add(struct core *core, struct sweep_file *file, const char *filename, bool replace, json_t *warnings,
              struct sweep **ret, struct error *err);
/* Start a run now, paused or not. ERR_CONFLICT: one is open; ERR_BUSY: the fleet is not known yet. */
int sweep_start(struct core *core, struct sweep *sweep, struct error *err);
/* What is open goes on; times that pass meanwhile are not made up for. ERR_CONFLICT: it is so already. */
int sweep_pause(struct core *core, struct sweep *sweep, const char *reason, struct error *err);
int sweep_resume(struct core *core, struct sweep *sweep, struct error *err);
/* Its open run is cancelled. Frees `sweep`. */
int sweep_remove(struct core *core, struct sweep *sweep, struct error *err);
