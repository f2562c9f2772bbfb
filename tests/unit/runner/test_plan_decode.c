/* Plans as they come over the socket: whole, or refused. */
#include "agent-node/runner/plan_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"

static void encode(struct buf *out) {
    struct wire_plan p = {.options = "-cl-mad-enable", .macros = 1, .buffers = 2, .launches = 1};
    struct wire_macro m = {"WG", 64};
    struct wire_buffer b[] = {{4096}, {8192}};
    struct wire_launch l = {
        .entry = "k", .args = 2, .dims = 2, .has_local = 1, .global = {64, 2, 1}, .local = {8, 1, 1}};
    struct wire_arg a[] = {{BACKEND_ARG_BUFFER, 1, 0, 0, 0}, {BACKEND_ARG_I32, 0, -7, 0, 0}};
    buf_append(out, &p, sizeof p);
    buf_append(out, &m, sizeof m);
    buf_append(out, b, sizeof b);
    buf_append(out, &l, sizeof l);
    buf_append(out, a, sizeof a);
    buf_puts(out, "kernel void k() {}");
}

static void a_whole_plan_decodes(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    encode(&payload);
    struct run_plan p;
    struct error err = ERROR_INIT;
    assert_int_equal(run_plan_decode(payload.data, payload.len, &p, &err), 0);
    assert_string_equal(p.options, "-cl-mad-enable");
    assert_int_equal(p.n_buffers, 2);
    assert_int_equal(p.buffer[1].bytes, 8192);
    assert_string_equal(p.launch[0].launch.entry, "k");
    assert_int_equal(p.launch[0].launch.arg[0].buffer, 1);
    assert_int_equal(p.launch[0].launch.arg[1].i, -7);
    assert_int_equal(p.launch[0].launch.global[0], 64);
    assert_int_equal(p.rest_len, 18);
    run_plan_done(&p);
}

static void a_plan_cut_anywhere_is_refused(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    encode(&payload);
    for (size_t len = 0; len < payload.len - 18; len++) {
        struct run_plan p;
        struct error err = ERROR_INIT;
        assert_int_equal(run_plan_decode(payload.data, len, &p, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void counts_and_indices_out_of_range_are_refused(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    encode(&payload);
    struct run_plan p;
    struct wire_plan *head = (struct wire_plan *)(void *)payload.data;
    size_t launch_at = sizeof *head + sizeof(struct wire_macro) + 2 * sizeof(struct wire_buffer);
    struct wire_launch *l = (struct wire_launch *)(void *)(payload.data + launch_at);
    struct wire_arg *a = (struct wire_arg *)(void *)(payload.data + launch_at + sizeof *l);
#define REFUSED(place, value)                                                       \
    do {                                                                            \
        __typeof__(place) before = place;                                           \
        place = value;                                                              \
        assert_int_equal(run_plan_decode(payload.data, payload.len, &p, NULL), -1); \
        place = before;                                                             \
    } while (0)
    REFUSED(head->buffers, WIRE_MAX_BUFFERS + 1);
    REFUSED(head->launches, 0xffffffffu);
    REFUSED(head->macros, WIRE_MAX_MACROS + 1);
    REFUSED(l->dims, 0);
    REFUSED(l->dims, 4);
    REFUSED(l->args, WIRE_MAX_ARGS + 1);
    REFUSED(a->buffer, 2);
    REFUSED(a->buffer, -1);
    REFUSED(a->kind, 99);
#undef REFUSED
    assert_int_equal(run_plan_decode(payload.data, payload.len, &p, NULL), 0);
    run_plan_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_plan_decodes),
        cmocka_unit_test(a_plan_cut_anywhere_is_refused),
        cmocka_unit_test(counts_and_indices_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
