/* How long an agent stays: inside a batch system's job it must end by itself, in time, and with nothing lost.
 *
 *   WORKING ──near its end──▶ ENDING (no new work; what runs may finish) ──nothing held, or the last moment──▶ OVER
 *
 * Nothing here reads a clock: the caller gives the monotonic time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum lifetime_phase { LIFETIME_WORKING, LIFETIME_ENDING, LIFETIME_OVER };
struct lifetime {
    int64_t ending_ms;    /* from here on no new work; INT64_MAX: never */
    int64_t over_ms;      /* what still runs now is handed back */
    int64_t idle_ms;      /* ends after being idle for so long; 0: never */
    int64_t empty_ms;     /* while ENDING: since when nothing is held; 0: something is */
    int64_t listening_ms; /* since when tasks could come; 0: they cannot */
};
/* The agent ends by itself `for_ms` after now (0: never), and when it was idle for `idle_ms` (0: never). A tenth of its
 * time, at least 5 s and at most 10 minutes, is left for what runs to finish; the last 15 s of it, or half of it, for
 * handing back what did not. */
void lifetime_init(struct lifetime *l, int64_t for_ms, int64_t idle_ms, int64_t now_ms);
/* How long there was nothing to do though there could have been: the shorter of how long tasks could come and how long
 * nothing was held (`empty_for_ms`). */
int64_t lifetime_idle_ms(struct lifetime *l, bool listening, int64_t empty_for_ms, int64_t now_ms);
/* `held`: attempts and reports that are not done with; `idle_for_ms`: as above. */
enum lifetime_phase lifetime_phase(struct lifetime *l, int64_t held, int64_t idle_for_ms, int64_t now_ms);
