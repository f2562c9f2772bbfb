/* Texts in an attacker's hands on their way to a terminal, a log and a record: names in records from Kafka, evidence,
 * what compilers and kernels print. A terminal obeys escape codes, and a reader believes colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent-node/commands/show_attempt.h"
#include "agent-node/worker/finding.h"
#include "agent-node/worker/runner_wire.h"
#include "cli/render.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"
#include "common/error.h"
#include "common/utf8.h"

/* Clear the screen, a title, conceal, green, the one-byte CSI of UTF-8, right-to-left override, a bell, a forged line.
 */
#define HOSTILE                                                     \
    "a\x1b[2J\x1b]0;owned\x07\x1b[8m\x1b[32mcorrect\x1b[0m\xc2\x9b" \
    "31m\xe2\x80\xae"                                               \
    "b\xff\r"

static void is_harmless(const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text + i, len - i, &c);
        if (!n || !(utf8_is_shown(c) || c == '\n' || c == '\t'))
            fail_msg("byte %zu (U+%04X) of: %s", i, (unsigned)c, text);
        i += n;
    }
}

static char *printed(FILE *file) {
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    char piece[1024];
    rewind(file);
    for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;) buf_append(&b, piece, n);
    fclose(file);
    return buf_take(&b);
}

static json_t *hostile_cell(const char *verdict) {
    char *clean = xstrdup(HOSTILE);
    char *bad = strchr(clean, '\xff'); /* JSON is UTF-8 */
    *bad = '!';
    json_t *cell = json_object(), *config = json_string(clean);
    static const char *const keys[] = {"task",     "target", "kernel", "problem", "size",  "baseline", "node",
                                       "evidence", "log",    "config", "outcome", "state", "phase",    "reason"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) json_object_set_new(cell, keys[i], json_string(clean));
    json_object_set_new(cell, "verdict", json_string(verdict ? verdict : clean));
    json_object_set_new(cell, "time_ns_p50", json_real(1000));
    json_object_set_new(cell, "speedup", json_real(2));
    json_decref(config);
    free(clean);
    return cell;
}

static void records_are_shown_without_their_codes(void **state) {
    (void)state;
    static const char *const verdicts[] = {"correct", "compile_error", "wrong_output", NULL};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        json_t *cell = hostile_cell(verdicts[i]), *event = hostile_cell(verdicts[i]);
        struct cell_layout layout = {0};
        FILE *line = tmpfile(), *whole = tmpfile();
        render_cell_line(cell, &layout, line);
        render_cell_whole(cell, event, true, whole);
        CLEANUP_FREE char *shown_line = printed(line), *shown_whole = printed(whole);
        is_harmless(shown_line);
        is_harmless(shown_whole);
        assert_non_null(strstr(shown_whole, "owned"));
        json_decref(cell);
        json_decref(event);
    }
}

static void the_matrix_and_verdicts_are_too(void **state) {
    (void)state;
    json_t *cell = hostile_cell(NULL), *matrix = json_object(), *verdicts = json_object();
    json_t *name = json_string(json_string_value(json_object_get(cell, "kernel")));
    json_object_set_new(matrix, "problems", json_pack("[O]", name));
    json_object_set_new(matrix, "targets", json_pack("[O]", name));
    json_object_set_new(matrix, "cells", json_pack("[O]", cell));
    json_object_set_new(verdicts, json_string_value(name), json_integer(1));
    json_object_set(matrix, "verdicts", verdicts);
    FILE *out = tmpfile();
    render_matrix(matrix, 120, out);
    CLEANUP_FREE char *shown = printed(out), *words = render_verdicts(verdicts);
    is_harmless(shown);
    is_harmless(words);
    json_decref(verdicts);
    json_decref(name);
    json_decref(cell);
    json_decref(matrix);
}

/* Colours are ours; in a text of somebody else's they would be a verdict's. */
static void foreign_colours_and_hidden_text_do_not_pass(void **state) {
    (void)state;
    CLEANUP_FREE char *line = display_line("\x1b[8mhidden\x1b[38;5;1m\x1b[1;31m\x1b[0;0m");
    is_harmless(line);
    json_t *object = json_pack("{s:s}", "kernel", "\x1b[32mgreen\x1b[0m");
    is_harmless(json_text(object, "kernel"));
    json_decref(object);
}

static void errors_evidence_and_logs_are_clean(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_INVALID, "the key `%s`", HOSTILE);
    is_harmless(err.text);
    error_wrap(&err, "%s", HOSTILE);
    error_hint(&err, "%s", HOSTILE);
    is_harmless(err.text);
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    finding_verdict(&f, VERDICT_COMPILE_ERROR, "%s", HOSTILE);
    is_harmless(f.text);
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    text_make_printable(&log, HOSTILE, strlen(HOSTILE));
    is_harmless(log.data);
}

static void an_attempt_is_shown_without_them_as_well(void **state) {
    (void)state;
    struct rec_attempt a;
    struct rec_task task;
    struct rec_device d;
    rec_attempt_init(&a);
    rec_task_init(&task);
    rec_device_init(&d);
    rec_set(&d.id, "pocl-cpu");
    rec_set(&a.outcome, "verdict");
    rec_set(&a.verdict, "compile_error");
    char **const texts[] = {&a.evidence, &a.infrastructure, &a.log,       &a.config,
                            &a.audit,    &a.busy,           &a.precision, &a.sandbox};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) rec_set(texts[i], HOSTILE);
    FILE *out = tmpfile();
    show_attempt(&d, &task, &a, out);
    CLEANUP_FREE char *shown = printed(out);
    is_harmless(shown);
    rec_attempt_done(&a);
    rec_task_done(&task);
    rec_device_done(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_shown_without_their_codes),
        cmocka_unit_test(the_matrix_and_verdicts_are_too),
        cmocka_unit_test(foreign_colours_and_hidden_text_do_not_pass),
        cmocka_unit_test(errors_evidence_and_logs_are_clean),
        cmocka_unit_test(an_attempt_is_shown_without_them_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
