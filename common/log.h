/* Log lines to stderr, text or JSON, one write(2) a line, thread-safe. A thread may carry context (node, device, task)
 * that is added to each of its lines. */
#pragma once
#include <stdbool.h>
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
void log_setup(enum log_level minimum, bool json);
int log_level_from_name(const char *name); /* -1 when unknown */
/* Thread-local context; NULL leaves a part as it is, "" clears it. Copied, cut at 80 bytes. */
void log_context(const char *node, const char *device, const char *task);
/* Why the last line could not be written (errno), or 0; and how many were lost since log_lost() was called last. A log
 * that cannot be written never stops anybody. */
int log_failure(void);
long long log_lost(void);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
