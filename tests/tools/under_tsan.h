/* UNDER_TSAN is 1 in a ThreadSanitizer build. librdkafka starts its threads by C11's thrd_create(), which TSan (gcc 12,
 * clang 14) does not intercept: the first allocation in such a thread crashes. Tests that connect a bus are left out
 * there. */
#pragma once
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif
