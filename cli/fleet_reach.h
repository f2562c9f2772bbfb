/* What the `portolan fleet` commands that contact hosts share: their options, jobs made of the inventory, results. */
#pragma once
#include <jansson.h>

#include "cli/fleet_hosts.h"
#include "common/table.h"
#include "fleet/ssh/reach.h"

#define FLEET_REACH_OPTIONS                                                                                         \
    {"parallel", 'P', OPTION_INT, "N", NULL, "64", "Most hosts at a time, at most 512."},                           \
        {"connect-timeout", 0, OPTION_STRING, "TIME", NULL, "5s", "Most time for a connection."},                   \
        {"handshake-timeout", 0, OPTION_STRING, "TIME", NULL, "8s", "Most time for SSH's handshake after that."}, { \
        "auth-timeout", 0, OPTION_STRING, "TIME", NULL, "8s", "Most time for authentication after that."            \
    }
#define FLEET_TIMEOUT_OPTION(fallback, what) \
    { "timeout", 't', OPTION_STRING, "TIME", NULL, fallback, what }
#define FLEET_JSON_OPTION(what) \
    { "json", 0, OPTION_FLAG, NULL, NULL, NULL, what }
#define FLEET_STATUS_TEXT                                                                                          \
    "The exit status is 0 when all hosts are well, and else 192 plus the number of those that failed, 254 for 62 " \
    "and more; other statuses mean that no host was contacted."

struct fleet_run {
    struct fleet_hosts hosts;
    struct reach_job *job; /* a job a host, addressed; the caller says what to do */
    struct reach_result *result;
    char **text; /* owned words of the jobs */
    size_t n_texts, n_over, n_failed;
    struct reach_limits limits;
    struct reach_events events; /* the caller's, its context too; `ended` may be NULL here */
    struct progress *progress;
    const char *title;
    bool *over;        /* a host each */
    bool own_progress; /* the caller's events draw it */
};
/* Reads the options and the inventory. Release with fleet_run_done(), also after an error. */
int fleet_run_init(const struct options *opts, struct fleet_run *ret, struct error *err);
void fleet_run_done(struct fleet_run *run);
/* Contacts all, with a progress line on a terminal's stderr when `title` is set. */
int fleet_run_go(struct fleet_run *run, struct error *err);
/* Takes the progress line away before something is printed; it comes back by itself. */
void fleet_run_clear(struct fleet_run *run);
const char *fleet_run_name(const struct fleet_run *run, size_t i);

/* {host, state, phase, reason, hint, exit_status, total_ms}: the caller owns it. */
json_t *fleet_result_json(const struct fleet_run *run, size_t i);
/* The reason in one line, without its hint; the caller frees. */
char *fleet_result_reason(const struct reach_result *r);
/* Those that failed, each with its hint, and the count, to stderr. `table`: a table with the reasons was printed
 * before, which a terminal cuts to its width. */
void fleet_print_failures(const struct fleet_run *run, bool table);
/* The exit status that says how many failed. */
int fleet_exit_status(size_t n_failed);
