#include "cli/fleet_command.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "common/display.h"
#include "common/utf8.h"

#define LINE_MAX_BYTES 65536 /* a longer one is printed in pieces */

struct host_output {
    struct buf text[2]; /* JSON: all of it; else what of a line has come */
    bool cut[2];
};

struct commanding {
    struct fleet_run run;
    struct host_output *out;
    bool json;
    int width; /* of the longest name */
};

static void print_line(struct commanding *c, size_t i, bool is_stderr, const char *line) {
    FILE *out = is_stderr ? stderr : stdout;
    CLEANUP_FREE char *shown = display_line(line);
    fleet_run_clear(&c->run);
    fprintf(out, "%s%-*s |%s %s\n", colour_on(out, is_stderr ? COLOUR_YELLOW : COLOUR_BLUE), c->width,
            fleet_run_name(&c->run, i), colour_off(out), shown);
}

static void keep(struct host_output *o, bool is_stderr, const char *data, size_t len) {
    struct buf *b = &o->text[is_stderr];
    size_t room = FLEET_OUTPUT_MAX_BYTES - b->len;
    if (len > room) o->cut[is_stderr] = true;
    buf_append(b, data, len < room ? len : room);
}

static void on_output(void *context, size_t i, bool is_stderr, const char *data, size_t len) {
    struct commanding *c = context;
    struct buf *b = &c->out[i].text[is_stderr];
    if (c->json) return keep(&c->out[i], is_stderr, data, len);
    while (len) {
        const char *feed = memchr(data, '\n', len);
        size_t n = feed ? (size_t)(feed - data) : len;
        buf_append(b, data, n);
        if (feed || b->len >= LINE_MAX_BYTES) {
            print_line(c, i, is_stderr, b->data ? b->data : "");
            buf_clear(b);
        }
        n += feed != NULL;
        data += n;
        len -= n;
    }
    fflush(stdout);
}

static void on_ended(void *context, size_t i, const struct reach_result *result) {
    struct commanding *c = context;
    for (int k = 0; !c->json && k < 2; k++)
        if (c->out[i].text[k].len) print_line(c, i, k, c->out[i].text[k].data);
    if (c->json || result->end == REACH_DONE) return;
    CLEANUP_FREE char *reason = fleet_result_reason(result);
    CLEANUP_FREE char *line = xasprintf("(%s: %s)", reach_end_name(result->end), reason);
    fflush(stdout);
    print_line(c, i, true, line);
}

static json_t *output_json(struct buf *b) {
    if (!b->len) return json_string("");
    char *nul;
    while ((nul = memchr(b->data, 0, b->len)) != NULL) *nul = '?';
    CLEANUP_FREE char *text = display_lines(b->data);
    json_t *json = json_string(text);
    return json ? json : json_string("");
}

static void print_json(struct commanding *c) {
    CLEANUP_JSON json_t *json = json_pack("{s:[], s:I}", "hosts", "failed", (json_int_t)c->run.n_failed);
    for (size_t i = 0; i < c->run.hosts.n; i++) {
        json_t *host = fleet_result_json(&c->run, i);
        json_object_set_new(host, "stdout", output_json(&c->out[i].text[0]));
        json_object_set_new(host, "stderr", output_json(&c->out[i].text[1]));
        json_object_set_new(host, "truncated", json_boolean(c->out[i].cut[0] || c->out[i].cut[1]));
        json_array_append_new(json_object_get(json, "hosts"), host);
    }
    command_print_json(json);
}

static void commanding_done(struct commanding *c) {
    for (size_t i = 0; c->out && i < c->run.hosts.n; i++) {
        buf_done(&c->out[i].text[0]);
        buf_done(&c->out[i].text[1]);
    }
    free(c->out);
    fleet_run_done(&c->run);
}

int fleet_command(const struct options *opts, const char *command, const char *title) {
    struct error err = ERROR_INIT;
    CLEANUP(commanding_done) struct commanding c = {.json = options_flag(opts, "json")};
    if (fleet_run_init(opts, &c.run, &err) != 0) return command_failed(&err);
    c.out = xcalloc(c.run.hosts.n, sizeof *c.out);
    for (size_t i = 0; i < c.run.hosts.n; i++) {
        int width = (int)display_width(fleet_run_name(&c.run, i));
        c.run.job[i].command = command;
        if (width > c.width) c.width = width;
    }
    c.run.events = (struct reach_events){.context = &c, .output = on_output, .ended = on_ended};
    c.run.title = title;
    if (fleet_run_go(&c.run, &err) != 0) return command_failed(&err);
    if (c.json)
        print_json(&c);
    else
        fleet_print_failures(&c.run, false);
    return fleet_exit_status(c.run.n_failed);
}
