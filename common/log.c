/* A line is put together in a local buffer and written by one write(2), so that lines of threads and of processes that
 * share the stderr never mix. Control characters never reach the terminal: log texts quote what kernels printed. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/secrets.h"
#include "common/utf8.h"

#define CONTEXT_MAX 81          /* 80 bytes and the NUL */
#define MESSAGE_MAX (64 * 1024) /* longer messages are cut: a log is no place for payloads */

static _Atomic int minimum_level = LOG_INFO;
static _Atomic bool as_json;
static _Atomic int failure; /* errno of the last line; 0: it was written */
static _Atomic long long lost;
static _Thread_local char context_node[CONTEXT_MAX], context_device[CONTEXT_MAX], context_task[CONTEXT_MAX];

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level minimum, bool json) {
    minimum_level = minimum;
    as_json = json;
}

int log_level_from_name(const char *name) {
    for (int i = 0; i < 4; i++)
        if (strcmp(name, LEVEL_NAMES[i]) == 0) return i;
    return -1;
}

void log_context(const char *node, const char *device, const char *task) {
    if (node) utf8_copy(context_node, sizeof context_node, node);
    if (device) utf8_copy(context_device, sizeof context_device, device);
    if (task) utf8_copy(context_task, sizeof context_task, task);
}

static void put_plain(struct buf *b, const char *text, size_t len) {
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = utf8_decode(text + i, len - i, &c);
        if (n == 0)
            buf_printf(b, "\\x%02x", (unsigned char)text[i]);
        else if (c == '\n')
            buf_puts(b, "; ");
        else if (c == '\t')
            buf_putc(b, ' ');
        else if (!utf8_is_shown(c))
            buf_printf(b, "\\x%02x", (unsigned)c);
        else
            buf_append(b, text + i, n);
        i += n ? n : 1;
    }
}

static void put_json_string(struct buf *b, const char *text, size_t len) {
    buf_putc(b, '"');
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = utf8_decode(text + i, len - i, &c);
        if (n == 0)
            buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD, since JSON must be UTF-8 */
        else if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", (char)c);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            buf_printf(b, "\\u%04x", (unsigned)c);
        else
            buf_append(b, text + i, n);
        i += n ? n : 1;
    }
    buf_putc(b, '"');
}

static void put_context(struct buf *b, const char *key, const char *value, bool json) {
    if (!value[0]) return;
    buf_printf(b, json ? ",\"%s\":" : " %s=", key);
    (json ? put_json_string : put_plain)(b, value, strlen(value));
}

static void put_line(struct buf *b, enum log_level level, const char *message, size_t len, bool json) {
    char time[32];
    clock_iso8601(clock_wall_ms(), time);
    if (json) {
        buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, LEVEL_NAMES[level]);
        put_json_string(b, message, len);
    } else {
        buf_printf(b, "%s %-5s ", time, LEVEL_NAMES[level]);
        put_plain(b, message, len);
    }
    put_context(b, "node", context_node, json);
    put_context(b, "device", context_device, json);
    put_context(b, "task", context_task, json);
    buf_puts(b, json ? "}\n" : "\n");
}

int log_failure(void) {
    return failure;
}

long long log_lost(void) {
    return atomic_exchange(&lost, 0);
}

static void put(const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            failure = errno;
            lost++;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
    failure = 0;
}

void log_write(enum log_level level, const char *fmt, ...) {
    if ((int)level < minimum_level) return;
    int keep_errno = errno;
    CLEANUP(buf_done) struct buf message = BUF_INIT, line = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&message, fmt, ap);
    va_end(ap);
    if (message.data) secret_blot(message.data);
    size_t len = message.len <= MESSAGE_MAX ? message.len : utf8_cut(message.data, MESSAGE_MAX);
    put_line(&line, level, message.data, len, as_json);
    put(line.data, line.len);
    errno = keep_errno;
}
