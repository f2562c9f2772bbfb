/* What a candidate that owns its process says to the worker, and does to the memory that they share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent-node/runner/protocol.h"
#include "tests/attacks/hostile.h"

/* --- words ------------------------------------------------------------------------------------ */
static void put(const void *bytes, size_t len) {
    for (const char *at = bytes; len;) {
        ssize_t n = write(WIRE_FD_CHANNEL, at, len);
        if (n < 0 && errno != EINTR && errno != EAGAIN) return;
        if (n > 0) at += n, len -= (size_t)n;
    }
}

static void frame(uint16_t type, uint32_t seq, const void *payload, uint32_t len) {
    struct wire_header h = {WIRE_MAGIC, WIRE_VERSION, type, seq, len};
    put(&h, sizeof h);
    put(payload, len);
}

static void result(uint32_t seq, int32_t status, uint32_t log_bytes, uint32_t data_bytes, uint32_t sent) {
    static char zeros[4096];
    struct {
        struct wire_result r;
        char rest[sizeof zeros];
    } whole = {.r = {status, 0, log_bytes, data_bytes}};
    frame(WIRE_RESULT, seq, &whole, (uint32_t)sizeof whole.r + sent);
}

static _Noreturn void be_silent(void) {
    for (;;) pause();
}

static void say_done(uint32_t seq) {
    struct wire_claim claim = {1, 1};
    frame(WIRE_DONE, seq, NULL, 0);
    frame(WIRE_CLAIM, seq, &claim, sizeof claim);
}

/* Each breaks the protocol in one way. What the runner itself says afterwards comes on top. */
static bool say(const char *word) {
    struct wire_header h = {WIRE_MAGIC, WIRE_VERSION, WIRE_RESULT, hostile_seq, sizeof(struct wire_result)};
    struct wire_claim claim = {1, 1};
    struct wire_hello hello = {.flags = WIRE_FLAG_ALL};
    uint32_t phase = WIRE_PHASE_LAUNCH, bad_phase = 77;
    if (!strcmp(word, "garbage")) return put("garbage, and more of it than a header has", 41), true;
    if (!strcmp(word, "magic")) return h.magic++, put(&h, sizeof h), true;
    if (!strcmp(word, "version")) return h.version++, put(&h, sizeof h), true;
    if (!strcmp(word, "request_type")) return frame(WIRE_RUN, hostile_seq, NULL, 0), true;
    if (!strcmp(word, "unknown_type")) return frame(999, hostile_seq, NULL, 0), true;
    if (!strcmp(word, "huge_length")) return h.length = UINT32_MAX, put(&h, sizeof h), true;
    if (!strcmp(word, "done_with_bytes")) return frame(WIRE_DONE, hostile_seq, "x", 1), true;
    if (!strcmp(word, "short_result")) return frame(WIRE_RESULT, hostile_seq, "xy", 2), true;
    if (!strcmp(word, "negative_status")) return result(hostile_seq, -1, 0, 0, 0), true;
    if (!strcmp(word, "unknown_status")) return result(hostile_seq, WIRE_STATUS_COUNT, 0, 0, 0), true;
    if (!strcmp(word, "negative_log")) return result(hostile_seq, 0, (uint32_t)-1, 0, 16), true;
    if (!strcmp(word, "lengths_overflow")) return result(hostile_seq, 0, (uint32_t)-16, 32, 16), true;
    if (!strcmp(word, "data_unasked")) return result(hostile_seq, 0, 0, 4096, 4096), true;
    if (!strcmp(word, "log_and_more")) return result(hostile_seq, 0, 8, 0, 16), true;
    if (!strcmp(word, "result_for_done")) return result(hostile_seq, WIRE_OK, 0, 0, 0), true;
    if (!strcmp(word, "hello_again")) return frame(WIRE_HELLO, hostile_seq, &hello, sizeof hello), true;
    if (!strcmp(word, "claim_first")) return frame(WIRE_CLAIM, hostile_seq, &claim, sizeof claim), true;
    if (!strcmp(word, "bad_phase")) return frame(WIRE_PHASE, hostile_seq, &bad_phase, sizeof bad_phase), true;
    if (!strcmp(word, "answer_to_the_next")) return say_done(hostile_seq + 1), true;
    if (!strcmp(word, "answer_to_the_last")) return say_done(hostile_seq - 1), true;
    if (!strcmp(word, "double")) return say_done(hostile_seq), true;
    if (!strcmp(word, "half_a_header")) return put(&h, sizeof h / 2), be_silent(), true;
    if (!strcmp(word, "half_a_body")) return put(&h, sizeof h), put("xy", 2), be_silent(), true;
    if (!strcmp(word, "silence")) be_silent();
    if (!strcmp(word, "closed")) return close(WIRE_FD_CHANNEL), be_silent(), true;
    while (!strcmp(word, "phases_for_ever")) frame(WIRE_PHASE, hostile_seq, &phase, sizeof phase);
    return false;
}

/* --- the shared memory ------------------------------------------------------------------------ */
static char *arena_start, *arena_end;

static bool find_arena(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (!strstr(line, "portolan-arena") || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
        arena_start = (char *)from;
        arena_end = (char *)to;
        fclose(maps);
        return true;
    }
    if (maps) fclose(maps);
    return false;
}

static const char *reopen(void) {
    char path[96];
    for (int fd = 0; fd < 64; fd++)
        if (fd > 3 && ftruncate(fd, 0) == 0) return "its descriptor was still open";
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)arena_start, (unsigned long)arena_end);
    int fd = open(path, O_RDWR);
    if (fd < 0) return NULL;
    return ftruncate(fd, 0) == 0 ? "it was truncated" : "it was opened again";
}

/* After "done": the worker looks at the outputs while this goes on, if it can. */
#define LATE_US 20000 /* by then it has stopped the runner, and it looks before it lets it go on */
#define LAUNCHES_MAX 64
static enum { ON_TIME, RIGHT_LATER, WRONG_LATER } habit;
static struct launch { struct span x, y; } launches[LAUNCHES_MAX];
static int n_launches;

bool hostile_puts_off(const struct span *arg) {
    if (habit != ON_TIME && n_launches < LAUNCHES_MAX) launches[n_launches++] = (struct launch){arg[0], arg[1]};
    return habit == RIGHT_LATER;
}

void hostile_after_done(void) {
    if (habit != ON_TIME) usleep(LATE_US);
    for (int i = 0; i < n_launches; i++) {
        const float *x = (const float *)(const void *)launches[i].x.data;
        float *y = (float *)(void *)launches[i].y.data;
        for (size_t k = 0; k < launches[i].y.bytes / sizeof *y; k++)
            y[k] = habit == WRONG_LATER ? 5 : x[k] > 0 ? x[k] : 0;
    }
    n_launches = 0;
}

static const char *memory(const char *word, const struct span *arg) {
    size_t bytes = (size_t)(arena_end - arena_start);
    if (!strcmp(word, "truncate")) return reopen();
    if (!strcmp(word, "hole")) { /* its pages are given back under the worker's feet */
        if (madvise(arena_start, bytes, MADV_REMOVE) < 0) return "(nothing: MADV_REMOVE was refused)";
        return NULL;
    }
    if (!strcmp(word, "unmap")) return munmap(arena_start, bytes), NULL;
    if (!strcmp(word, "read_only")) return mprotect(arena_start, bytes, PROT_READ), NULL;
    if (!strcmp(word, "twice")) {
        char *again = mremap(arena_start, 0, bytes, MREMAP_MAYMOVE);
        if (again == MAP_FAILED) return "(nothing: a second mapping was refused)";
        again[arg[1].data - arena_start] = 1; /* the kernel proper comes after this and writes it right */
        return NULL;
    }
    if (!strcmp(word, "beyond_the_end")) return mremap(arena_start, bytes, bytes * 2, MREMAP_MAYMOVE), NULL;
    if (!strcmp(word, "all_inputs")) return memset(arena_start, 0, bytes), NULL;
    if (!strcmp(word, "right_later")) return habit = RIGHT_LATER, NULL;
    if (!strcmp(word, "wrong_later")) return habit = WRONG_LATER, NULL;
    return "an attack of that name is not known";
}

bool hostile_protocol(const char *word, const struct span *arg, const char **breach) {
    static const char say_prefix[] = "say_", memory_prefix[] = "memory_";
    if (!strncmp(word, say_prefix, strlen(say_prefix))) {
        if (!say(word + strlen(say_prefix))) return false;
        *breach = NULL;
        return true;
    }
    if (strncmp(word, memory_prefix, strlen(memory_prefix)) != 0 || !find_arena()) return false;
    *breach = memory(word + strlen(memory_prefix), arg);
    return true;
}
