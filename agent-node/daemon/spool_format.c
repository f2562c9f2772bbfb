#include "agent-node/daemon/spool_format.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/random.h"

static const uint8_t HEAD[8] = {'P', 'T', 'L', 'S', 'P', 'L', '1', '\n'};
static const uint8_t MARK[4] = {'P', 'S', 'R', '1'};

/* Koopman, "32-Bit Cyclic Redundancy Codes for Internet Applications" (2002); RFC 3720, appendix B.4. */
static uint32_t crc_of[256]; /* of each byte alone */

static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
        crc_of[byte] = crc;
    }
}

uint32_t spool_crc(uint32_t crc, const void *data, size_t len) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const uint8_t *p = data;
    pthread_once(&once, make_table);
    crc = ~crc;
    for (size_t i = 0; i < len; i++) crc = crc >> 8 ^ crc_of[(crc ^ p[i]) & 0xff];
    return ~crc;
}

static void put32(uint8_t *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

void spool_head(uint8_t out[SPOOL_HEAD_BYTES]) {
    memcpy(out, HEAD, sizeof HEAD);
    random_bytes(out + sizeof HEAD, SPOOL_HEAD_BYTES - sizeof HEAD);
}

/* Over the segment's random bytes, the length and the body. */
static uint32_t checksum(const uint8_t *head, const uint8_t *length, const uint8_t *body, size_t len) {
    uint32_t crc = spool_crc(0, head + sizeof HEAD, SPOOL_HEAD_BYTES - sizeof HEAD);
    return spool_crc(spool_crc(crc, length, 4), body, len);
}

uint8_t *spool_encode(const uint8_t head[SPOOL_HEAD_BYTES], const struct spool_record *record, size_t *ret_len) {
    size_t key_len = strlen(record->key), body_len = 2 + key_len + record->len;
    uint8_t *out = xmalloc(SPOOL_FRAME_BYTES + body_len), *body = out + SPOOL_FRAME_BYTES;
    memcpy(out, MARK, sizeof MARK);
    put32(out + 4, (uint32_t)body_len);
    body[0] = (uint8_t)key_len, body[1] = (uint8_t)(key_len >> 8);
    memcpy(body + 2, record->key, key_len);
    if (record->len) memcpy(body + 2 + key_len, record->data, record->len);
    put32(out + 8, checksum(head, out + 4, body, body_len));
    *ret_len = SPOOL_FRAME_BYTES + body_len;
    return out;
}

/* Length of the whole record at `at`; 0 when none that is whole and sound stands there. */
static size_t sound(const uint8_t *head, const uint8_t *at, size_t left) {
    if (left < SPOOL_FRAME_BYTES || memcmp(at, MARK, sizeof MARK) != 0) return 0;
    size_t body_len = get32(at + 4);
    if (body_len < 2 || body_len > SPOOL_RECORD_MAX_BYTES + 2 + SPOOL_KEY_MAX_BYTES) return 0;
    if (body_len > left - SPOOL_FRAME_BYTES) return 0;
    const uint8_t *body = at + SPOOL_FRAME_BYTES;
    size_t key_len = (size_t)body[0] | (size_t)body[1] << 8;
    if (key_len > SPOOL_KEY_MAX_BYTES || key_len + 2 > body_len) return 0;
    return checksum(head, at + 4, body, body_len) == get32(at + 8) ? SPOOL_FRAME_BYTES + body_len : 0;
}

static size_t next_sound(const uint8_t *head, const uint8_t *bytes, size_t from, size_t len) {
    for (size_t at = from; at < len; at++) {
        const uint8_t *mark = memchr(bytes + at, MARK[0], len - at);
        if (!mark) break;
        at = (size_t)(mark - bytes);
        if (sound(head, mark, len - at)) return at;
    }
    return len;
}

/* As a crash leaves it: a beginning of a record whose end the file does not hold, or zeros where nothing arrived. */
static bool is_torn(const uint8_t *at, size_t left) {
    size_t zeros = 0;
    while (zeros < left && at[zeros] == 0) zeros++;
    if (zeros == left) return true;
    if (left < SPOOL_FRAME_BYTES) return memcmp(at, MARK, left < sizeof MARK ? left : sizeof MARK) == 0;
    return memcmp(at, MARK, sizeof MARK) == 0 && get32(at + 4) > left - SPOOL_FRAME_BYTES;
}

static void give(const uint8_t *at, size_t whole, uint64_t segment, spool_visit_fn *visit, void *context) {
    const uint8_t *body = at + SPOOL_FRAME_BYTES;
    size_t key_len = (size_t)body[0] | (size_t)body[1] << 8;
    char key[SPOOL_KEY_MAX_BYTES + 1];
    memcpy(key, body + 2, key_len);
    key[key_len] = 0;
    struct spool_record record = {
        .key = key, .data = body + 2 + key_len, .len = whole - SPOOL_FRAME_BYTES - 2 - key_len, .segment = segment};
    visit(context, &record);
}

void spool_scan(const uint8_t *bytes, size_t len, uint64_t segment, spool_visit_fn *visit, void *context,
                struct spool_scan *ret) {
    *ret = (struct spool_scan){.end = 0};
    if (len < SPOOL_HEAD_BYTES || memcmp(bytes, HEAD, sizeof HEAD) != 0) {
        ret->torn = len < SPOOL_HEAD_BYTES;
        ret->damaged = !ret->torn;
        return;
    }
    size_t at = ret->end = SPOOL_HEAD_BYTES;
    while (at < len) {
        size_t whole = sound(bytes, bytes + at, len - at);
        if (whole) {
            give(bytes + at, whole, segment, visit, context);
            ret->good++;
            ret->end = at += whole;
            continue;
        }
        size_t next = next_sound(bytes, bytes, at + 1, len);
        ret->torn = next == len && is_torn(bytes + at, len - at);
        if (!ret->torn) ret->damaged++;
        at = next;
    }
}
