/* Cutting `f(a, g(b, c), [1, 2])` at its top-level commas. */
#include <string.h>

#include "problems/graph/ast.h"

#define NESTING_MAX 16

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct span span_trim(const char *text, struct span s) {
    while (s.len > 0 && is_space(text[s.start])) s.start++, s.len--;
    while (s.len > 0 && is_space(text[s.start + s.len - 1])) s.len--;
    return s;
}

static char closing_of(char c) {
    return c == '(' ? ')' : c == '[' ? ']' : 0;
}

/* Where the bracket at text[open] closes, below `end`; SIZE_MAX with a reason and a place. */
static size_t span_close(const char *text, size_t open, size_t end, const char **ret_why, size_t *ret_where) {
    char stack[NESTING_MAX];
    int depth = 0;
    for (size_t i = open; i < end; i++) {
        *ret_where = i;
        if (closing_of(text[i])) {
            if (depth == NESTING_MAX) return *ret_why = "nested too deeply", SIZE_MAX;
            stack[depth++] = closing_of(text[i]);
        } else if (text[i] == ')' || text[i] == ']') {
            if (stack[depth - 1] != text[i]) return *ret_why = "this bracket closes another kind", SIZE_MAX;
            if (--depth == 0) return i;
        }
    }
    *ret_where = open;
    *ret_why = "this bracket is not closed";
    return SIZE_MAX;
}

int span_call(const char *text, struct span s, struct span *ret_name, struct span *ret_args, const char **ret_why,
              size_t *ret_where) {
    size_t end = s.start + s.len, open = s.start;
    while (open < end && !strchr("()[],=", text[open])) open++;
    *ret_where = open;
    if (open == end || text[open] != '(') return *ret_why = "`name(...)` is expected here", -1;
    size_t close = span_close(text, open, end, ret_why, ret_where);
    if (close == SIZE_MAX) return -1;
    struct span rest = span_trim(text, (struct span){close + 1, end - close - 1});
    *ret_where = rest.start;
    if (rest.len > 0) return *ret_why = "nothing may follow the closing bracket", -1;
    *ret_name = span_trim(text, (struct span){s.start, open - s.start});
    *ret_args = (struct span){open + 1, close - open - 1};
    return 0;
}

int span_split(const char *text, struct span s, struct span *ret, int max, const char **ret_why, size_t *ret_where) {
    size_t end = s.start + s.len, from = s.start;
    int n = 0;
    if (span_trim(text, s).len == 0) return 0;
    for (size_t i = s.start; i <= end; i++) {
        *ret_where = i;
        if (i < end && closing_of(text[i])) {
            i = span_close(text, i, end, ret_why, ret_where);
            if (i == SIZE_MAX) return -1;
            continue;
        }
        if (i < end && (text[i] == ')' || text[i] == ']')) return *ret_why = "this bracket was not opened", -1;
        if (i < end && text[i] != ',') continue;
        if (n == max) return *ret_why = "too many values", -1;
        ret[n] = span_trim(text, (struct span){from, i - from});
        if (ret[n++].len == 0) return *ret_why = "a value is missing", -1;
        from = i + 1;
    }
    return n;
}

bool span_is(const char *text, struct span s, const char *word) {
    return strlen(word) == s.len && memcmp(text + s.start, word, s.len) == 0;
}
