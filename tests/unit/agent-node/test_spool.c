/* The spool: what was kept survives every cut, every flipped byte and every failed write. */
#include "agent-node/daemon/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent-node/daemon/spool_format.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"

#define RECORDS 4

struct folder {
    char path[64], spool[80];
};
static int setup(void **state) {
    struct folder *f = xcalloc(1, sizeof *f);
    log_setup(LOG_ERROR + 1, false);
    signal(SIGXFSZ, SIG_IGN);
    strcpy(f->path, "/tmp/portolan-spool-XXXXXX");
    if (!mkdtemp(f->path)) return -1;
    snprintf(f->spool, sizeof f->spool, "%s/spool", f->path);
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct folder *f = *state;
    dir_remove(f->path, NULL);
    free(f);
    return 0;
}

static struct spool *opened(const struct folder *f, const struct spool_limits *limits) {
    struct error err = ERROR_INIT;
    struct spool *s = spool_open(f->spool, limits, &err);
    if (!s) fail_msg("%s", err.text);
    return s;
}

static int put(struct spool *s, const char *key, const char *text, uint64_t *ret_segment) {
    struct spool_record r = {.key = key, .data = text, .len = strlen(text)};
    int status = spool_write(s, &r, 1, NULL, NULL);
    if (ret_segment) *ret_segment = r.segment;
    return status;
}

/* "key=data " for each record that a start finds. */
static void note(void *context, const struct spool_record *r) {
    buf_printf(context, "%s=%.*s ", r->key, (int)r->len, (const char *)r->data);
}
static char *contents(const struct folder *f, int *ret_damaged) {
    struct spool *s = opened(f, NULL);
    struct buf text = BUF_INIT;
    int damaged = spool_load(s, note, &text, NULL);
    if (ret_damaged) *ret_damaged = damaged;
    spool_close(s);
    return buf_take(&text);
}
static void assert_contents(const struct folder *f, const char *expected) {
    CLEANUP_FREE char *found = contents(f, NULL);
    assert_string_equal(found, expected);
}

static int segments_in(const struct folder *f) {
    DIR *dir = opendir(f->spool);
    int n = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) n += strstr(e->d_name, SPOOL_FILE_SUFFIX) != NULL;
    closedir(dir);
    return n;
}

static void what_was_written_is_there_at_the_next_start_in_order(void **state) {
    struct spool *s = opened(*state, NULL);
    for (int i = 0; i < RECORDS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(put(s, key, "data", NULL), 0);
    }
    spool_close(s);
    assert_contents(*state, "k0=data k1=data k2=data k3=data ");
    assert_contents(*state, "k0=data k1=data k2=data k3=data "); /* reading takes nothing away */
}

static void a_segment_goes_when_its_last_record_is_released(void **state) {
    struct spool *s = opened(*state, NULL);
    struct spool_usage usage;
    uint64_t a, b;
    put(s, "a", "1", &a);
    put(s, "b", "2", &b);
    assert_int_equal(a, b);
    spool_release(s, a);
    assert_int_equal(segments_in(*state), 1);
    spool_release(s, b);
    assert_int_equal(segments_in(*state), 0);
    spool_usage(s, &usage);
    assert_int_equal(usage.bytes, 0);
    assert_int_equal(usage.records, 0);
    put(s, "c", "3", NULL); /* and it goes on */
    spool_close(s);
    assert_contents(*state, "c=3 ");
}

static void what_a_start_finds_can_be_released_by_it(void **state) {
    struct spool *s = opened(*state, NULL);
    struct spool_usage usage;
    put(s, "a", "1", NULL);
    spool_close(s);
    s = opened(*state, NULL);
    struct buf text = BUF_INIT;
    spool_load(s, note, &text, NULL);
    buf_done(&text);
    spool_usage(s, &usage);
    assert_int_equal(usage.records, 1);
    uint64_t next;
    put(s, "b", "2", &next);
    spool_release(s, 1);
    assert_true(next > 1);
    assert_int_equal(segments_in(*state), 1);
    spool_close(s);
    assert_contents(*state, "b=2 ");
}

/* --- the only segment's bytes, and as an attacker of one's own -------------------------------- */
static char *segment_file(const struct folder *f) {
    return xasprintf("%s/%012d" SPOOL_FILE_SUFFIX, f->spool, 1);
}
static char *four_records(const struct folder *f, size_t *ret_len, size_t end[RECORDS + 1]) {
    struct spool *s = opened(f, NULL);
    struct spool_usage usage;
    end[0] = SPOOL_HEAD_BYTES;
    for (int i = 0; i < RECORDS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        put(s, key, "some data", NULL);
        spool_usage(s, &usage);
        end[i + 1] = (size_t)usage.bytes;
    }
    spool_close(s);
    CLEANUP_FREE char *path = segment_file(f);
    return file_read(path, 1 << 20, ret_len, NULL);
}
static void overwrite(const struct folder *f, const char *bytes, size_t len) {
    CLEANUP_FREE char *path = segment_file(f);
    assert_int_equal(file_write_durable(path, bytes, len, 0600, NULL), 0);
}

/* A crash at any byte of a write. */
static void a_file_cut_at_any_byte_keeps_every_whole_record(void **state) {
    size_t len, end[RECORDS + 1];
    CLEANUP_FREE char *bytes = four_records(*state, &len, end);
    for (size_t cut = 0; cut <= len; cut++) {
        struct buf expected = BUF_INIT;
        int damaged;
        for (int i = 0; i < RECORDS; i++)
            if (end[i + 1] <= cut) buf_printf(&expected, "k%d=some data ", i);
        overwrite(*state, bytes, cut);
        CLEANUP_FREE char *found = contents(*state, &damaged);
        assert_string_equal(found, expected.data ? expected.data : "");
        assert_int_equal(damaged, 0); /* torn, and nothing is wrong with it */
        CLEANUP_FREE char *again = contents(*state, &damaged);
        assert_string_equal(again, found);
        buf_done(&expected);
    }
}

static void a_tail_of_zeros_is_cut_off(void **state) {
    size_t len, end[RECORDS + 1];
    int damaged;
    CLEANUP_FREE char *bytes = four_records(*state, &len, end);
    CLEANUP_FREE char *longer = xcalloc(1, len + 5000);
    memcpy(longer, bytes, len);
    overwrite(*state, longer, len + 5000);
    CLEANUP_FREE char *found = contents(*state, &damaged);
    assert_string_equal(found, "k0=some data k1=some data k2=some data k3=some data ");
    assert_int_equal(damaged, 0);
}

/* One record at most is lost, and it is told. */
static void any_flipped_byte_loses_the_record_it_is_in_and_no_other(void **state) {
    size_t len, end[RECORDS + 1];
    CLEANUP_FREE char *bytes = four_records(*state, &len, end);
    for (size_t at = SPOOL_HEAD_BYTES; at < len; at++) {
        struct buf expected = BUF_INIT;
        for (int i = 0; i < RECORDS; i++)
            if (at < end[i] || at >= end[i + 1]) buf_printf(&expected, "k%d=some data ", i);
        bytes[at] = (char)(bytes[at] ^ 0x41);
        overwrite(*state, bytes, len);
        bytes[at] = (char)(bytes[at] ^ 0x41);
        CLEANUP_FREE char *found = contents(*state, NULL);
        assert_string_equal(found, expected.data);
        buf_done(&expected);
    }
}

static void damage_is_counted(void **state) {
    size_t len, end[RECORDS + 1];
    int damaged;
    CLEANUP_FREE char *bytes = four_records(*state, &len, end);
    bytes[end[0] + SPOOL_FRAME_BYTES + 3] ^= 1;
    bytes[end[2] + SPOOL_FRAME_BYTES + 3] ^= 1;
    overwrite(*state, bytes, len);
    CLEANUP_FREE char *found = contents(*state, &damaged);
    assert_string_equal(found, "k1=some data k3=some data ");
    assert_int_equal(damaged, 2);
}

/* What a kernel printed is in the data: it must not become a record of its own when what is around it is damaged. */
static void a_record_inside_the_data_of_a_damaged_one_does_not_count(void **state) {
    struct spool *s = opened(*state, NULL);
    uint8_t other_head[SPOOL_HEAD_BYTES];
    size_t inner_len;
    spool_head(other_head);
    struct spool_record forged = {.key = "forged", .data = "x", .len = 1};
    CLEANUP_FREE uint8_t *inner = spool_encode(other_head, &forged, &inner_len);
    struct spool_record outer = {.key = "a", .data = inner, .len = inner_len};
    assert_int_equal(spool_write(s, &outer, 1, NULL, NULL), 0);
    put(s, "b", "2", NULL);
    spool_close(s);
    CLEANUP_FREE char *path = segment_file(*state);
    size_t len;
    CLEANUP_FREE char *bytes = file_read(path, 1 << 20, &len, NULL);
    bytes[SPOOL_HEAD_BYTES + 4] ^= 1; /* the outer one's length */
    overwrite(*state, bytes, len);
    assert_contents(*state, "b=2 ");
}

static void foreign_files_are_left_alone(void **state) {
    const struct folder *f = *state;
    struct spool *s = opened(f, NULL);
    put(s, "a", "1", NULL);
    spool_close(s);
    CLEANUP_FREE char *other = path_join(f->spool, "000000000009.seg"), *notes = path_join(f->spool, "notes.txt");
    file_write_durable(other, "not a segment at all", 20, 0600, NULL);
    file_write_durable(notes, "hello", 5, 0600, NULL);
    int damaged;
    CLEANUP_FREE char *found = contents(f, &damaged);
    assert_string_equal(found, "a=1 ");
    assert_int_equal(damaged, 1);
    assert_int_equal(access(notes, F_OK), 0);
}

/* --- limits and failures ---------------------------------------------------------------------- */
static void the_limits_are_kept_and_named(void **state) {
    struct spool_limits limits = {.bytes = 200, .records = 3};
    struct error err = ERROR_INIT;
    size_t kept = 0;
    struct spool *s = opened(*state, &limits);
    struct spool_record r[5] = {{"a", "1", 1, 0}, {"b", "2", 1, 0}, {"c", "3", 1, 0}, {"d", "4", 1, 0}};
    assert_int_equal(spool_write(s, r, 4, &kept, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "3 records"));
    assert_int_equal(kept, 3); /* as many as fit */
    assert_int_equal(spool_has_room(s, NULL), -1);
    spool_release(s, r[0].segment);
    spool_release(s, r[1].segment);
    struct spool_record large = {.key = "e",
                                 .data =
                                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                 .len = 134};
    assert_int_equal(spool_write(s, &large, 1, &kept, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "of 200 bytes"));
    assert_int_equal(kept, 0);
    spool_close(s);
}

static void a_spool_is_for_one_at_a_time(void **state) {
    const struct folder *f = *state;
    struct spool *s = opened(f, NULL);
    pid_t child = fork();
    if (child == 0) { /* locks are between processes: the child's own attempt */
        struct error err = ERROR_INIT;
        struct spool *second = spool_open(f->spool, &(struct spool_limits){.lock_wait_ms = 50}, &err);
        _exit(!second && err.code == ERR_BUSY && strstr(err.text, f->spool) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    spool_close(s);
}

static void with_file_limit(rlim_t bytes) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* The file may grow to any size within a record: as on a disk that is full in the middle of one. */
static void a_write_that_fails_at_any_byte_keeps_what_was_there_and_can_be_repeated(void **state) {
    const struct folder *f = *state;
    for (rlim_t room = 0; room < 120; room += 7) {
        struct error err = ERROR_INIT;
        struct spool_record two[2] = {{"b", "second", 6, 0}, {"c", "third", 5, 0}};
        struct spool_usage usage;
        size_t kept = 9;
        struct spool *s = opened(f, NULL);
        struct buf none = BUF_INIT;
        spool_load(s, note, &none, NULL);
        assert_int_equal(put(s, "a", "first", NULL), 0);
        with_file_limit(room < 60 ? room : room - 10);
        int status = spool_write(s, two, 2, &kept, &err);
        assert_int_equal(spool_probe(s, NULL), -1);
        with_file_limit(RLIM_INFINITY);
        assert_int_equal(spool_probe(s, NULL), 0);
        if (status != 0) {
            assert_int_equal(kept, 0);
            assert_int_equal(err.code, ERR_IO);
            spool_usage(s, &usage);
            assert_int_equal(usage.records, 1);
            assert_int_equal(spool_write(s, two, 2, &kept, NULL), 0);
        }
        assert_int_equal(kept, 2);
        spool_close(s);
        assert_contents(f, "a=first b=second c=third ");
        buf_done(&none);
        dir_remove(f->spool, NULL);
    }
}

static void a_full_disk_at_the_first_write_leaves_nothing_behind(void **state) {
    struct spool *s = opened(*state, NULL);
    struct spool_usage usage;
    with_file_limit(4);
    assert_int_equal(put(s, "a", "1", NULL), -1);
    with_file_limit(RLIM_INFINITY);
    assert_int_equal(segments_in(*state), 0);
    spool_usage(s, &usage);
    assert_int_equal(usage.bytes, 0);
    assert_int_equal(put(s, "a", "1", NULL), 0);
    spool_close(s);
    assert_contents(*state, "a=1 ");
}

/* Killed again and again while it writes: every record that spool_write() had returned for is there. */
static void killed_in_the_middle_of_writing_nothing_that_was_kept_is_lost(void **state) {
    const struct folder *f = *state;
    for (int round = 0; round < 12; round++) {
        int pipe_fd[2];
        assert_int_equal(pipe(pipe_fd), 0);
        pid_t child = fork();
        if (child == 0) {
            struct spool *s = spool_open(f->spool, NULL, NULL);
            for (int i = 0;; i++) {
                char key[16];
                snprintf(key, sizeof key, "r%dn%d", round, i);
                if (put(s, key, "0123456789", NULL) != 0 || write(pipe_fd[1], key, sizeof key) < 0) _exit(1);
            }
        }
        close(pipe_fd[1]);
        char last[16] = "", key[16];
        for (int n = 0; n < 5 + 3 * round && read(pipe_fd[0], key, sizeof key) > 0; n++) memcpy(last, key, sizeof last);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipe_fd[0], key, sizeof key) > 0) memcpy(last, key, sizeof last);
        close(pipe_fd[0]);
        CLEANUP_FREE char *wanted = xasprintf("%s=0123456789 ", last), *found = contents(f, NULL);
        assert_non_null(strstr(found, wanted));
        dir_remove(f->spool, NULL);
    }
}

static void the_checksum_is_crc_32c(void **state) {
    (void)state;
    assert_int_equal(spool_crc(0, "123456789", 9), 0xe3069283); /* the published check value */
    assert_int_equal(spool_crc(spool_crc(0, "1234", 4), "56789", 5), 0xe3069283);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_there_at_the_next_start_in_order),
        T(a_segment_goes_when_its_last_record_is_released),
        T(what_a_start_finds_can_be_released_by_it),
        T(a_file_cut_at_any_byte_keeps_every_whole_record),
        T(a_tail_of_zeros_is_cut_off),
        T(any_flipped_byte_loses_the_record_it_is_in_and_no_other),
        T(damage_is_counted),
        T(a_record_inside_the_data_of_a_damaged_one_does_not_count),
        T(foreign_files_are_left_alone),
        T(the_limits_are_kept_and_named),
        T(a_spool_is_for_one_at_a_time),
        T(a_write_that_fails_at_any_byte_keeps_what_was_there_and_can_be_repeated),
        T(a_full_disk_at_the_first_write_leaves_nothing_behind),
        T(killed_in_the_middle_of_writing_nothing_that_was_kept_is_lost),
        T(the_checksum_is_crc_32c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
