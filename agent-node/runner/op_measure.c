/* Requests of a measuring runner: load programs, bind sets of buffers, run. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent-node/runner/session.h"
#include "common/cleanup.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; later than some libc headers */
#endif

static void invalid(struct session *s, const char *what) {
    struct error err = ERROR_INIT;
    error_set(&err, ERR_INTERNAL, "malformed request: %s", what);
    session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
}

static void release_program(struct session *s, struct loaded_program *p) {
    for (uint32_t i = 0; i < p->n_calls; i++) s->backend->call_free(p->call[i]);
    free(p->call);
    s->backend->program_free(p->program);
}

static int prepare_all(struct session *s, const struct run_plan *plan, struct loaded_program *p, struct error *err) {
    p->n_buffers = plan->n_buffers;
    p->call = xcalloc(plan->n_launches, sizeof *p->call);
    for (uint32_t i = 0; i < plan->n_launches; i++, p->n_calls++)
        if (s->backend->prepare(p->program, &plan->launch[i].launch, &p->call[i], err) < 0)
            return error_wrap(err, "launch %u", i + 1);
    return 0;
}

void session_load(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    CLEANUP(run_plan_done) struct run_plan plan = {0};
    if (s->n_programs == WIRE_MAX_PROGRAMS) return invalid(s, "too many programs");
    if (run_plan_decode(payload, len, &plan, &err) < 0) return session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
    struct loaded_program p = {0};
    if (s->backend->load(s->device, plan.rest, plan.rest_len, &p.program, &log, &err) < 0)
        return session_fail(s, WIRE_BUILD_FAILED, &log, &err);
    if (prepare_all(s, &plan, &p, &err) < 0) {
        release_program(s, &p);
        return session_fail(s, WIRE_LAUNCH_FAILED, &log, &err);
    }
    s->program = xrealloc(s->program, (s->n_programs + 1) * sizeof *s->program);
    s->program[s->n_programs] = p;
    session_ok(s, s->n_programs++);
}

static void release_set(struct session *s, struct bound_set *set) {
    uint32_t n = s->program[set->program].n_buffers;
    for (uint32_t i = 0; i < n; i++) s->backend->buffer_free(set->buffer[i]);
    free(set->buffer);
}

static bool slot_fits(const struct session *s, const struct wire_slot *slot, uint64_t guard) {
    return slot->bytes > 0 && slot->bytes <= s->arena_bytes && slot->offset <= s->arena_bytes - slot->bytes &&
           guard <= slot->offset && guard <= s->arena_bytes - slot->bytes - slot->offset;
}

/* The pages are there already, but not yet in this process's page table: without this, the first run over a set would
 * pay for one fault a page inside the timed window. */
static void map_pages(struct session *s, const struct wire_slot *slot) {
    const uintptr_t page = 4096;
    uintptr_t begin = (uintptr_t)(s->arena + slot->offset) & ~(page - 1);
    uintptr_t end = ((uintptr_t)(s->arena + slot->offset) + slot->bytes + page - 1) & ~(page - 1);
    madvise((void *)begin, end - begin, MADV_POPULATE_WRITE); /* Linux before 5.14 cannot: slower, not wrong */
}

void session_bind(struct session *s, const void *payload, size_t len) {
    struct wire_bind b;
    struct error err = ERROR_INIT;
    if (len < sizeof b) return invalid(s, "bind");
    memcpy(&b, payload, sizeof b);
    const struct wire_slot *slot = (const void *)((const char *)payload + sizeof b);
    if (len != sizeof b + (size_t)b.slots * sizeof *slot) return invalid(s, "slots");
    if (b.program >= s->n_programs || s->program[b.program].n_buffers != b.slots) return invalid(s, "program");
    if (s->n_sets == WIRE_MAX_SETS) return invalid(s, "too many sets");
    struct bound_set set = {b.program, xcalloc(b.slots, sizeof *set.buffer)};
    for (uint32_t i = 0; i < b.slots; i++) {
        if (!slot_fits(s, &slot[i], b.guard)) error_set(&err, ERR_INTERNAL, "slot %u lies outside the arena", i);
        if (err.code || s->backend->buffer(s->device, s->arena + slot[i].offset, slot[i].bytes, b.guard, &set.buffer[i],
                                           &err) < 0) {
            release_set(s, &set);
            return session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
        }
        if (s->backend->in_place(s->device)) map_pages(s, &slot[i]);
    }
    if ((s->n_sets & (s->n_sets - 1)) == 0) /* a power of two, or 0: the array is full */
        s->set = xrealloc(s->set, (s->n_sets ? 2 * (size_t)s->n_sets : 1) * sizeof *s->set);
    s->set[s->n_sets] = set;
    session_ok(s, s->n_sets++);
}

void session_unbind(struct session *s) {
    for (uint32_t i = 0; i < s->n_sets; i++) release_set(s, &s->set[i]);
    free(s->set);
    s->set = NULL;
    s->n_sets = 0;
    session_ok(s, 0);
}

/* The sets that a request names, NULL after having answered that it is malformed. */
static const uint32_t *request_sets(struct session *s, const void *payload, size_t len, uint32_t *ret_n) {
    const uint32_t *word = payload;
    if (len < sizeof *word || word[0] > WIRE_MAX_SETS || len != (word[0] + (size_t)1) * sizeof *word) {
        invalid(s, "sets");
        return NULL;
    }
    for (uint32_t i = 1; i <= word[0]; i++)
        if (word[i] >= s->n_sets) {
            invalid(s, "a set that is not bound");
            return NULL;
        }
    *ret_n = word[0];
    return word + 1;
}

static int upload_sets(struct session *s, const uint32_t *sets, uint32_t n, struct error *err) {
    for (uint32_t i = 0; i < n; i++) {
        const struct bound_set *set = &s->set[sets[i]];
        for (uint32_t b = 0; b < s->program[set->program].n_buffers; b++)
            if (s->backend->upload(set->buffer[b], err) < 0) return -1;
    }
    return s->backend->finish(s->device, err);
}

void session_upload(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    uint32_t n = 0;
    const uint32_t *sets = request_sets(s, payload, len, &n);
    if (!sets) return;
    if (upload_sets(s, sets, n, &err) < 0) return session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
    session_ok(s, 0);
}

static int run_sets(struct session *s, const uint32_t *sets, uint32_t n, struct error *err) {
    for (uint32_t i = 0; i < n; i++) {
        const struct bound_set *set = &s->set[sets[i]];
        const struct loaded_program *p = &s->program[set->program];
        for (uint32_t c = 0; c < p->n_calls; c++)
            if (s->backend->enqueue(p->call[c], set->buffer, err) < 0) {
                s->backend->finish(s->device, NULL); /* nothing of this request may run on after its answer */
                return -1;
            }
    }
    return s->backend->finish(s->device, err);
}

void session_measure_run(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    struct wire_claim claim = {0};
    uint32_t n = 0;
    const uint32_t *sets = request_sets(s, payload, len, &n);
    if (!sets) return;
    if (run_sets(s, sets, n, &err) < 0) {
        s->backend->times(s->device, &claim.span_ns, &claim.sum_ns);
        return session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
    }
    /* The worker's clock stops at this frame: events are read afterwards. */
    channel_send(&s->channel, WIRE_DONE, NULL, 0);
    s->backend->times(s->device, &claim.span_ns, &claim.sum_ns);
    channel_send(&s->channel, WIRE_CLAIM, &(struct part){&claim, sizeof claim}, 1);
}

static int download_buffers(struct session *s, const struct bound_set *set, const uint32_t *buffer, uint32_t n,
                            struct error *err) {
    for (uint32_t i = 0; i < n; i++)
        if (s->backend->download(set->buffer[buffer[i]], err) < 0) return -1;
    return s->backend->finish(s->device, err);
}

void session_download(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    const uint32_t *word = payload; /* struct wire_download, then the buffers */
    if (len < sizeof(struct wire_download) || word[1] > WIRE_MAX_BUFFERS || len != (word[1] + (size_t)2) * sizeof *word)
        return invalid(s, "download");
    if (word[0] >= s->n_sets) return invalid(s, "a set that is not bound");
    const struct bound_set *set = &s->set[word[0]];
    for (uint32_t i = 0; i < word[1]; i++)
        if (word[2 + i] >= s->program[set->program].n_buffers) return invalid(s, "a buffer that is not bound");
    if (download_buffers(s, set, word + 2, word[1], &err) < 0) return session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
    session_ok(s, 0);
}
