/* "did you mean ...?": the known word nearest to one that is unknown. */
#pragma once
#include <stddef.h>

/* Number of insertions, deletions, replacements and swaps of neighbours that make `b` of `a`, at most `limit` + 1.
 * Words longer than 64 bytes count as `limit` + 1 away. */
size_t suggest_distance(const char *a, const char *b, size_t limit);
/* The entry of the NULL-terminated list that is nearest to `word`, or NULL when none is near enough to be a slip:
 * a third of the word's length, and at least one letter. */
const char *suggest_nearest(const char *word, const char *const *known);
