#include "cli/fleet_reach.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/number.h"
#include "problems/campaign/units.h"

#define STATUS_FIRST 192
#define STATUS_LAST 254
#define NAMED_AT_MOST 3 /* hosts in the progress line */

/* --- options ---------------------------------------------------------------------------------- */
static int read_time(const struct options *opts, const char *name, int64_t *ret_ms, struct error *err) {
    const char *text = options_string(opts, name), *why = NULL;
    if (units_duration(text, ret_ms, &why) != 0) return error_set(err, ERR_USAGE, "--%s `%.80s`: %s", name, text, why);
    return 0;
}

static int read_limits(const struct options *opts, struct reach_limits *ret, struct error *err) {
    long long parallel = options_int(opts, "parallel");
    if (parallel < 1 || parallel > REACH_MAX_PARALLEL)
        return error_set(err, ERR_USAGE, "--parallel is %lld; it must lie between 1 and %d", parallel,
                         REACH_MAX_PARALLEL);
    ret->parallel = (size_t)parallel;
    if (read_time(opts, "connect-timeout", &ret->connect_ms, err) != 0 ||
        read_time(opts, "handshake-timeout", &ret->handshake_ms, err) != 0 ||
        read_time(opts, "auth-timeout", &ret->auth_ms, err) != 0)
        return -1;
    return read_time(opts, "timeout", &ret->command_ms, err);
}

/* --- jobs of the inventory -------------------------------------------------------------------- */
/* The first of the variables that the host has; kept until the run is over. */
static const char *variable(struct fleet_run *run, const struct inventory_host *h, const char *const *names) {
    for (; *names; names++) {
        char *text = inventory_host_text(h, *names);
        if (!text) continue;
        run->text = xrealloc(run->text, (run->n_texts + 1) * sizeof *run->text);
        return run->text[run->n_texts++] = text;
    }
    return NULL;
}

/* NAME=VALUE of `-o`, where the value is one word. */
static void read_option(const char *option, struct reach_host *ret) {
    const struct {
        const char *name;
        const char **value;
    } known[] = {{"ProxyJump=", &ret->proxy_jump},
                 {"UserKnownHostsFile=", &ret->known_hosts},
                 {"GlobalKnownHostsFile=", &ret->global_known_hosts}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].name);
        if (strncasecmp(option, known[i].name, len) == 0) *known[i].value = option + len;
    }
}

/* Of OpenSSH's options "-J HOST" and "-o" with what concerns the way to a host and its key; the rest is for OpenSSH
 * alone. */
static void read_arguments(struct fleet_run *run, const char *arguments, struct reach_host *ret) {
    char *rest = xstrdup(arguments);
    run->text = xrealloc(run->text, (run->n_texts + 1) * sizeof *run->text);
    run->text[run->n_texts++] = rest;
    for (char *word; (word = strsep(&rest, " \t")) != NULL;) {
        bool jump = strncmp(word, "-J", 2) == 0, option = strncmp(word, "-o", 2) == 0;
        if (!jump && !option) continue;
        char *value = word[2] ? word + 2 : strsep(&rest, " \t");
        if (!value) return;
        if (jump)
            ret->proxy_jump = value;
        else
            read_option(value, ret);
        bool quoted = *value == '"' || *value == '\'';
        if (!option || strncasecmp(value + quoted, "ProxyCommand=", 13) != 0) continue;
        ret->proxy_command = value + quoted + 13; /* up to the closing quotation mark, or the end */
        if (rest) rest[-1] = ' ';
        char *close = strchr(value + quoted + 13, quoted ? *value : 0);
        rest = close && *close ? close + 1 : NULL;
        if (close) *close = 0;
    }
}

static const char *refusal(struct fleet_run *run, const struct inventory_host *h) {
    static const char *const connection[] = {"ansible_connection", NULL};
    const char *kind = variable(run, h, connection);
    if (!kind || strcmp(kind, "ssh") == 0 || strcmp(kind, "smart") == 0 || strcmp(kind, "paramiko") == 0) return NULL;
    return "its ansible_connection is not ssh";
}

static void address(struct fleet_run *run, const struct inventory_host *h, struct reach_host *ret) {
    static const char *const host[] = {"ansible_host", "ansible_ssh_host", NULL},
                             *const port[] = {"ansible_port", "ansible_ssh_port", NULL},
                             *const user[] = {"ansible_user", "ansible_ssh_user", NULL},
                             *const key[] = {"ansible_ssh_private_key_file", "ansible_private_key_file", NULL},
                             *const common[] = {"ansible_ssh_common_args", NULL},
                             *const extra[] = {"ansible_ssh_extra_args", NULL};
    const char *port_text = variable(run, h, port);
    int64_t number = 0;
    *ret = (struct reach_host){.name = inventory_host_name(h),
                               .address = variable(run, h, host),
                               .user = variable(run, h, user),
                               .identity = variable(run, h, key),
                               .refused = refusal(run, h)};
    if (port_text && (number_int(port_text, &number) != NUMBER_OK || number < 1 || number > 65535))
        ret->refused = "its ansible_port is no port number";
    ret->port = (int)number;
    const char *arguments = variable(run, h, common);
    if (arguments) read_arguments(run, arguments, ret);
    if ((arguments = variable(run, h, extra))) read_arguments(run, arguments, ret);
    const char *const texts[] = {ret->address,       ret->user,        ret->identity,          ret->proxy_jump,
                                 ret->proxy_command, ret->known_hosts, ret->global_known_hosts};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && strstr(texts[i], "{{"))
            ret->refused = "a variable of its connection is a template, and nothing is templated here";
}

int fleet_run_init(const struct options *opts, struct fleet_run *ret, struct error *err) {
    *ret = (struct fleet_run){.limits = REACH_LIMITS_DEFAULT};
    if (read_limits(opts, &ret->limits, err) != 0 || fleet_hosts_load(opts, &ret->hosts, err) != 0) return -1;
    ret->job = xcalloc(ret->hosts.n, sizeof *ret->job);
    ret->result = xcalloc(ret->hosts.n, sizeof *ret->result);
    ret->over = xcalloc(ret->hosts.n, sizeof *ret->over);
    for (size_t i = 0; i < ret->hosts.n; i++) address(ret, ret->hosts.host[i], &ret->job[i].host);
    return 0;
}

void fleet_run_done(struct fleet_run *run) {
    for (size_t i = 0; i < run->n_texts; i++) free(run->text[i]);
    free(run->text);
    free(run->job);
    free(run->result);
    free(run->over);
    fleet_hosts_done(&run->hosts);
}

const char *fleet_run_name(const struct fleet_run *run, size_t i) {
    return run->job[i].host.name;
}

/* --- running ---------------------------------------------------------------------------------- */
void fleet_run_clear(struct fleet_run *run) {
    if (run->progress) progress_clear(run->progress);
}

/* "2 failed; waiting for n07, n44": of the last few it is said who they are. */
static void describe(const struct fleet_run *run, struct buf *ret) {
    size_t left = run->hosts.n - run->n_over;
    if (run->n_failed) buf_printf(ret, "%zu failed", run->n_failed);
    if (!run->n_over || left > NAMED_AT_MOST) return;
    const char *before = run->n_failed ? "; waiting for " : "waiting for ";
    for (size_t i = 0; i < run->hosts.n; i++) {
        if (run->over[i]) continue;
        buf_printf(ret, "%s%s", before, fleet_run_name(run, i));
        before = ", ";
    }
}

static void on_tick(void *context) {
    struct fleet_run *run = context;
    if (run->events.tick) run->events.tick(run->events.context);
    if (!run->progress || run->own_progress) return;
    CLEANUP(buf_done) struct buf label = BUF_INIT;
    describe(run, &label);
    progress_update(run->progress, (double)run->n_over, (double)run->hosts.n, label.data);
}

static void on_started(void *context, size_t i) {
    struct fleet_run *run = context;
    if (run->events.started) run->events.started(run->events.context, i);
}

static void on_output(void *context, size_t i, bool is_stderr, const char *data, size_t len) {
    struct fleet_run *run = context;
    if (run->events.output) run->events.output(run->events.context, i, is_stderr, data, len);
}

static void on_copied(void *context, size_t i, uint64_t bytes, uint64_t total_bytes) {
    struct fleet_run *run = context;
    if (run->events.copied) run->events.copied(run->events.context, i, bytes, total_bytes);
}

static void on_ended(void *context, size_t i, const struct reach_result *result) {
    struct fleet_run *run = context;
    run->result[i] = *result;
    if (run->events.ended) run->events.ended(run->events.context, i, &run->result[i]);
    run->n_over++;
    run->n_failed += run->result[i].end != REACH_DONE;
    run->over[i] = true;
}

int fleet_run_go(struct fleet_run *run, struct error *err) {
    const struct reach_events events = {run, on_started, on_output, on_copied, on_ended, on_tick};
    if (run->title && isatty(STDERR_FILENO)) run->progress = progress_new(stderr, run->title);
    on_tick(run);
    int status = reach_run(run->job, run->hosts.n, &run->limits, &events, err);
    fleet_run_clear(run);
    progress_free(run->progress);
    run->progress = NULL;
    return status;
}

/* --- results ---------------------------------------------------------------------------------- */
char *fleet_result_reason(const struct reach_result *r) {
    return r->end == REACH_DONE ? xstrdup("") : xstrndup(r->err.text, strcspn(r->err.text, "\n"));
}

static const char *find_hint(const struct reach_result *r) {
    static const char mark[] = "\nhint: ";
    const char *hint = r->end == REACH_DONE ? NULL : strstr(r->err.text, mark);
    return hint ? hint + sizeof mark - 1 : NULL;
}

json_t *fleet_result_json(const struct fleet_run *run, size_t i) {
    const struct reach_result *r = &run->result[i];
    CLEANUP_FREE char *reason = fleet_result_reason(r);
    const char *hint = find_hint(r);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "host", fleet_run_name(run, i), "state", reach_end_name(r->end),
                  "phase", reach_phase_name(r->phase), "reason", reason[0] ? reason : NULL, "hint", hint);
    json_object_set_new(json, "exit_status", r->exit_status >= 0 ? json_integer(r->exit_status) : json_null());
    json_object_set_new(json, "total_ms", json_integer(r->total_ms));
    return json;
}

void fleet_print_failures(const struct fleet_run *run, bool table) {
    bool reasons = table && isatty(STDOUT_FILENO);
    fflush(stdout);
    for (size_t i = 0; i < run->hosts.n; i++) {
        const struct reach_result *r = &run->result[i];
        CLEANUP_FREE char *reason = fleet_result_reason(r);
        const char *hint = find_hint(r);
        if (r->end == REACH_DONE || (!reasons && !hint)) continue;
        if (reasons) fprintf(stderr, "%s: %s: %s\n", fleet_run_name(run, i), reach_end_name(r->end), reason);
        if (hint) fprintf(stderr, "%s: hint: %s\n", fleet_run_name(run, i), hint);
    }
    if (run->n_failed) fprintf(stderr, "%zu of %zu hosts failed\n", run->n_failed, run->hosts.n);
}

int fleet_exit_status(size_t n_failed) {
    if (!n_failed) return 0;
    return n_failed > STATUS_LAST - STATUS_FIRST ? STATUS_LAST : STATUS_FIRST + (int)n_failed;
}
