/* Restricted Damerau-Levenshtein distance by dynamic programming over three rows. */
#include "common/suggest.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t suggest_distance(const char *a, const char *b, size_t limit) {
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX) return limit + 1;
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, replace);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *recycled = before;
        before = last;
        last = row;
        row = recycled;
    }
    return last[m] <= limit ? last[m] : limit + 1;
}

const char *suggest_nearest(const char *word, const char *const *known) {
    size_t limit = strlen(word) / 3 > 1 ? strlen(word) / 3 : 1;
    const char *best = NULL;
    for (size_t i = 0; known[i]; i++) {
        size_t distance = strcasecmp(word, known[i]) == 0 ? 0 : suggest_distance(word, known[i], limit);
        if (distance > limit) continue;
        best = known[i];
        if (distance == 0) break;
        limit = distance - 1; /* only a nearer one may replace it */
    }
    return best;
}
