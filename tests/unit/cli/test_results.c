/* `portolan results`: points in time, CSV that tells null from nothing, and where a stream goes on that was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka last */
#include <cmocka.h>

#include "cli/results_csv.h"
#include "cli/results_stream.h"
#include "cli/when.h"
#include "records.h"

#define NOW INT64_C(1795248000000) /* 2026-11-21T08:00:00Z */

static int64_t at(const char *text) {
    struct error err = ERROR_INIT;
    int64_t ms = -1;
    if (when_parse(text, "--since", NOW, &ms, &err) != 0) fail_msg("%s", err.text);
    return ms;
}

static void dates_are_local_and_utc_with_a_z(void **state) {
    (void)state;
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    assert_int_equal(at("2026-11-21T08:00:00Z"), NOW);
    assert_int_equal(at("2026-11-21 09:00"), NOW);
    assert_int_equal(at("2026-11-21"), NOW - 9 * 3600000);
    assert_int_equal(at("2026-07-01T02:00"), at("2026-07-01Z")); /* summer time */
}

static void a_duration_is_how_long_ago(void **state) {
    (void)state;
    assert_int_equal(at("12h"), NOW - 12 * 3600000);
    assert_int_equal(at("1h30m"), NOW - 5400000);
    assert_int_equal(at("7d"), NOW - 7 * INT64_C(86400000));
}

static void what_is_no_time_is_refused_with_the_options_name(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "yesterday",
                                        "2026-02-31",
                                        "2026-13-01",
                                        "12",
                                        "2026-11-21T",
                                        "2026-11-21x",
                                        "1969-12-31T00:00:00Z",
                                        "-1h",
                                        "Z",
                                        "2026-11-21T08:00:00Z and so on, and on, and on, and on"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = ERROR_INIT;
        int64_t ms = -7;
        if (when_parse(texts[i], "--until", NOW, &ms, &err) == 0) fail_msg("`%s` is taken", texts[i]);
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.text, "--until"));
        assert_int_equal(ms, -7);
    }
}

/* --- CSV -------------------------------------------------------------------------------------- */
static char *line_of(const json_t *result) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    results_csv_line(&rec_result_desc, result, out);
    fclose(out);
    return text;
}

static size_t commas(const char *text) {
    size_t n = 0;
    for (bool quoted = false; *text; text++) {
        if (*text == '"') quoted = !quoted;
        n += *text == ',' && !quoted;
    }
    return n;
}

static void every_line_has_the_headers_columns(void **state) {
    (void)state;
    char *header = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&header, &len);
    results_csv_header(&rec_result_desc, out);
    fclose(out);
    assert_int_equal(strncmp(header, "task_id,result_id,revision,status,", 34), 0);
    assert_null(strstr(header, "kernel_source"));
    json_t *empty = json_object();
    char *line = line_of(empty);
    assert_int_equal(commas(header), rec_result_desc.field_count - 6 - 1);
    assert_int_equal(commas(line), commas(header));
    assert_string_equal(line + strlen(line) - 2, "\r\n");
    free(line);
    free(header);
    json_decref(empty);
}

static void null_is_nothing_and_an_empty_text_is_quoted(void **state) {
    (void)state;
    json_t *result = json_pack("{s:s,s:s,s:i,s:n,s:s}", "task_id", "a,b", "result_id", "say \"so\"\nand so", "revision",
                               7, "status", "promotion", "");
    char *line = line_of(result);
    assert_int_equal(strncmp(line, "\"a,b\",\"say \"\"so\"\"\nand so\",7,,\"\",", 32), 0);
    free(line);
    json_decref(result);
}

static void numbers_keep_every_digit_and_lists_are_json(void **state) {
    (void)state;
    json_t *result = json_pack("{s:f,s:b,s:[{s:s,s:i}]}", "speedup", 0.1 + 0.2, "weak_baseline", 1, "counts", "verdict",
                               "correct", "n", 3);
    char *line = line_of(result);
    assert_non_null(strstr(line, ",0.30000000000000004,"));
    assert_non_null(strstr(line, ",true,\"[{\"\"verdict\"\":\"\"correct\"\",\"\"n\"\":3}]\","));
    free(line);
    json_decref(result);
}

/* --- a stream that is cut --------------------------------------------------------------------- */
static const int64_t ROWS[] = {3, 3, 3, 5, 8, 8}; /* revisions of a stream's lines */
#define ROW_COUNT (sizeof ROWS / sizeof *ROWS)

/* A connection that gives `most` lines; how many of them were new. */
static size_t connection(struct results_cursor *at, size_t most) {
    size_t taken = 0;
    int64_t since = results_cursor_begin(at);
    for (size_t i = 0; i < ROW_COUNT && most > 0; i++) {
        if (ROWS[i] <= since) continue;
        taken += results_cursor_take(at, ROWS[i]);
        most--;
    }
    return taken;
}

static void a_stream_that_is_cut_anywhere_gives_each_line_once(void **state) {
    (void)state;
    for (size_t cut = 0; cut <= ROW_COUNT; cut++) {
        struct results_cursor at = {0};
        assert_int_equal(connection(&at, cut), cut);
        connection(&at, 1); /* and again at once */
        assert_int_equal(at.current, cut == 0 ? 3 : ROWS[cut - 1]);
        size_t before = cut == 0 ? 1 : cut;
        assert_int_equal(connection(&at, SIZE_MAX), ROW_COUNT - before);
        assert_int_equal(connection(&at, SIZE_MAX), 0);
    }
}

static void a_result_that_was_revised_after_the_cut_comes_whole(void **state) {
    (void)state;
    struct results_cursor at = {0};
    results_cursor_begin(&at);
    assert_true(results_cursor_take(&at, 3));
    assert_int_equal(results_cursor_begin(&at), 0);
    assert_true(results_cursor_take(&at, 9)); /* what was 3 */
    assert_true(results_cursor_take(&at, 9));
    assert_int_equal(results_cursor_begin(&at), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dates_are_local_and_utc_with_a_z),
                                       cmocka_unit_test(a_duration_is_how_long_ago),
                                       cmocka_unit_test(what_is_no_time_is_refused_with_the_options_name),
                                       cmocka_unit_test(every_line_has_the_headers_columns),
                                       cmocka_unit_test(null_is_nothing_and_an_empty_text_is_quoted),
                                       cmocka_unit_test(numbers_keep_every_digit_and_lists_are_json),
                                       cmocka_unit_test(a_stream_that_is_cut_anywhere_gives_each_line_once),
                                       cmocka_unit_test(a_result_that_was_revised_after_the_cut_comes_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
