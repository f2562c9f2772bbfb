/* A loop cut into pieces that several threads take one by one. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Calls fn(context, begin, end) for ranges that cover [0, n) once each, `step` long (the last may be shorter), on up to
 * `threads` threads, the caller's among them; `threads` <= 0 means the number of cores that this process may use.
 * `cancel` may be NULL; it is looked at before each piece. Returns false when it was set. Threads that cannot be
 * created are done without. */
typedef void pieces_fn(void *context, int64_t begin, int64_t end);
bool pieces_run(int64_t n, int64_t step, int threads, const volatile bool *cancel, pieces_fn *fn, void *context);
/* The number of cores that this process may use. */
int pieces_cores(void);
