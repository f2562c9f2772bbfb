/* A scanner over tokens: identifiers, single characters, and line starts for directives. It knows just enough of C to
 * skip comments, strings, attributes and bodies. */
#include "problems/kernel/entries.h"

#include <stdint.h>
#include <string.h>

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_CHAR, TOKEN_DIRECTIVE };
struct scan {
    const char *s;
    size_t len, i;
    bool line_start;
    enum token_kind kind;
    size_t start, end; /* of the token */
};

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char at(const struct scan *x, size_t i) {
    return i < x->len ? x->s[i] : 0;
}

/* Past a comment at x->i; false when there is none. */
static bool skip_comment(struct scan *x) {
    if (at(x, x->i) != '/' || (at(x, x->i + 1) != '/' && at(x, x->i + 1) != '*')) return false;
    bool block = at(x, x->i + 1) == '*';
    for (x->i += 2; x->i < x->len; x->i++) {
        if (block && x->s[x->i] == '*' && at(x, x->i + 1) == '/') {
            x->i += 2;
            return true;
        }
        if (!block && x->s[x->i] == '\\' && at(x, x->i + 1) == '\n')
            x->i++;
        else if (!block && x->s[x->i] == '\n')
            return true;
    }
    return true;
}

static void skip_quoted(struct scan *x) {
    char quote = x->s[x->i++];
    while (x->i < x->len && x->s[x->i] != quote && x->s[x->i] != '\n') x->i += x->s[x->i] == '\\' ? 2 : 1;
    if (x->i < x->len) x->i++;
    if (x->i > x->len) x->i = x->len;
}

/* To the end of a directive, continued lines and comments included. */
static void skip_directive(struct scan *x) {
    while (x->i < x->len && x->s[x->i] != '\n') {
        if (skip_comment(x)) continue;
        x->i += x->s[x->i] == '\\' && x->i + 1 < x->len ? 2 : 1;
    }
}

static enum token_kind token(struct scan *x, enum token_kind kind, size_t start) {
    x->line_start = false;
    x->start = start;
    x->end = x->i;
    return x->kind = kind;
}

static enum token_kind next(struct scan *x) {
    while (x->i < x->len) {
        char c = x->s[x->i];
        size_t start = x->i;
        if (c == '\n') {
            x->line_start = true;
            x->i++;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
            x->i++;
        } else if (c == '\\' && at(x, x->i + 1) == '\n') {
            x->i += 2;
        } else if (skip_comment(x)) {
            continue;
        } else if (c == '#' && x->line_start) {
            skip_directive(x);
            return token(x, TOKEN_DIRECTIVE, start);
        } else if (c == '"' || c == '\'') {
            skip_quoted(x);
            return token(x, TOKEN_CHAR, start);
        } else if (is_name_char(c)) {
            while (is_name_char(at(x, x->i))) x->i++;
            return token(x, TOKEN_NAME, start);
        } else {
            x->i++;
            return token(x, TOKEN_CHAR, start);
        }
    }
    return token(x, TOKEN_END, x->len);
}

static bool is_char(const struct scan *x, char c) {
    return x->kind == TOKEN_CHAR && x->s[x->start] == c;
}

static bool is_name(const struct scan *x, const char *name) {
    return x->kind == TOKEN_NAME && strlen(name) == x->end - x->start &&
           memcmp(x->s + x->start, name, x->end - x->start) == 0;
}

/* After an opening parenthesis: past the closing one. */
static void skip_parens(struct scan *x) {
    for (int depth = 1; depth > 0 && next(x) != TOKEN_END;) {
        if (is_char(x, '(')) depth++;
        if (is_char(x, ')')) depth--;
    }
}

/* After the opening parenthesis: the number of parameters, or -1. Tokens of each are counted, since a lone name that is
 * not `void` may be a macro standing for many. */
static int count_params(struct scan *x) {
    int params = 0, tokens = 0, depth = 1;
    bool sure = true, is_void = false;
    while (depth > 0) {
        if (next(x) == TOKEN_END) return -1;
        if (x->kind == TOKEN_DIRECTIVE) sure = false;
        bool last = depth == 1 && is_char(x, ')'), comma = depth == 1 && is_char(x, ',');
        if (last || comma) {
            if (tokens == 1 && !(is_void && last && params == 0)) sure = false;
            if (tokens == 0 && (comma || params > 0)) sure = false;
            if (tokens > 0 && !(tokens == 1 && is_void)) params++;
            tokens = 0;
            is_void = false;
            if (last) break;
            continue;
        }
        if (is_char(x, '(')) depth++;
        if (is_char(x, ')')) depth--;
        tokens++;
        is_void = is_name(x, "void");
    }
    return sure ? params : -1;
}

/* After `kernel`: the declaration's name and parameters. False when none follows. */
static bool declaration(struct scan *x, struct entry *ret) {
    size_t start = 0, end = 0;
    while (next(x) != TOKEN_END) {
        if (x->kind == TOKEN_DIRECTIVE) continue;
        if (is_name(x, "__attribute__") || is_name(x, "__launch_bounds__")) {
            if (next(x) == TOKEN_CHAR && is_char(x, '(')) skip_parens(x);
            continue;
        }
        if (x->kind == TOKEN_NAME) {
            start = x->start;
            end = x->end;
        } else if (is_char(x, '(') && end > 0) {
            break;
        } else if (!is_char(x, '*')) {
            return false;
        }
    }
    if (x->kind == TOKEN_END || end - start >= sizeof ret->name) return false;
    memcpy(ret->name, x->s + start, end - start);
    ret->name[end - start] = 0;
    ret->params = count_params(x);
    return true;
}

static bool contains(const char *s, size_t len, const char *what) {
    return memmem(s, len, what, strlen(what)) != NULL;
}

void entries_scan(const char *source, size_t len, struct entries *ret) {
    struct scan x = {.s = source, .len = len, .line_start = true};
    ret->n = 0;
    ret->generated = false;
    while (next(&x) != TOKEN_END) {
        if (x.kind == TOKEN_DIRECTIVE) {
            const char *text = source + x.start;
            size_t n = x.end - x.start;
            if (contains(text, n, "define") && (contains(text, n, "kernel") || contains(text, n, "##")))
                ret->generated = true;
        } else if (is_name(&x, "kernel") || is_name(&x, "__kernel")) {
            if (ret->n == ENTRIES_MAX)
                ret->generated = true;
            else if (declaration(&x, &ret->entry[ret->n]))
                ret->n++;
        }
    }
}

const struct entry *entries_find(const struct entries *e, const char *name) {
    for (int i = 0; i < e->n; i++)
        if (strcmp(e->entry[i].name, name) == 0) return &e->entry[i];
    return NULL;
}
