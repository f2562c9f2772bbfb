/* Tokenizer of device source. */
#include "agent-node/worker/verify/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

static bool is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_word(char c) {
    return is_word_start(c) || is_digit(c);
}

/* Trigraphs replaced, the first thing that a C compiler does (C17 5.1.1.2). */
static char *without_trigraphs(const char *source) {
    static const char last[] = "=/'()!<>-", meant[] = "#\\^[]|{}~";
    char *out = xstrdup(source), *to = out;
    for (const char *at = source; *at; at++) {
        const char *which = at[0] == '?' && at[1] == '?' && at[2] ? strchr(last, at[2]) : NULL;
        *to++ = which ? meant[which - last] : *at;
        if (which) at += 2;
    }
    *to = 0;
    return out;
}

/* Line splices removed. A '\1' stands for each, at the end of its logical line, so that lines are still counted right.
 */
static enum tokens_status splice(const char *given, char **ret, int *ret_line) {
    CLEANUP_FREE char *source = without_trigraphs(given);
    size_t len = strlen(source), n = 0;
    char *out = xmalloc(len + 1);
    int line = 1, pending = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)source[i];
        if (c == '\r' && source[i + 1] == '\n') continue;
        if (c == '\\' && (source[i + 1] == '\n' || (source[i + 1] == '\r' && source[i + 2] == '\n'))) {
            i += source[i + 1] == '\n' ? 1 : 2;
            line++;
            pending++;
            continue;
        }
        if (c == '\n') line++;
        bool plain = (c >= 32 && c < 127) || c == '\n' || c == '\t' || c == '\f' || c == '\v';
        if (!plain) {
            *ret_line = line;
            free(out);
            return TOKENS_NOT_ASCII;
        }
        if (c == '\n')
            for (; pending > 0; pending--) out[n++] = '\1';
        out[n++] = (char)c;
    }
    out[n] = 0;
    *ret = out;
    return TOKENS_OK;
}

struct scanner {
    char *p;
    int line;
    bool line_start;
    struct tokens *out;
    size_t cap;
};

static void push(struct scanner *s, enum token_kind kind, const char *text, size_t len) {
    struct tokens *t = s->out;
    if (t->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        t->token = xrealloc(t->token, s->cap * sizeof *t->token);
    }
    t->token[t->n++] =
        (struct token){.kind = kind, .line_start = s->line_start, .line = s->line, .len = (int)len, .text = text};
    s->line_start = false;
}

/* White space and comments. False when a comment does not end. */
static bool skip_space(struct scanner *s) {
    for (;; s->p++) {
        if (*s->p == '\n' || *s->p == '\1') {
            s->line++;
            s->line_start = s->line_start || *s->p == '\n';
        } else if (s->p[0] == '/' && s->p[1] == '/') {
            while (s->p[1] && s->p[1] != '\n' && s->p[1] != '\1') s->p++;
        } else if (s->p[0] == '/' && s->p[1] == '*') {
            for (s->p += 2; *s->p && !(s->p[0] == '*' && s->p[1] == '/'); s->p++)
                s->line += *s->p == '\n' || *s->p == '\1';
            if (!*s->p) return false;
            s->p++;
        } else if (*s->p != ' ' && *s->p != '\t' && *s->p != '\f' && *s->p != '\v') {
            return true;
        }
    }
}

static bool scan_quoted(struct scanner *s) {
    char *from = s->p, quote = *s->p++;
    while (*s->p && *s->p != quote && *s->p != '\n') s->p += s->p[0] == '\\' && s->p[1] ? 2 : 1;
    if (*s->p != quote) return false;
    s->p++;
    push(s, quote == '"' ? TOKEN_STRING : TOKEN_CHARACTER, from, (size_t)(s->p - from));
    return true;
}

static void scan_number(struct scanner *s) {
    char *from = s->p;
    while (is_word(*s->p) || *s->p == '.' ||
           ((*s->p == '+' || *s->p == '-') && s->p > from && strchr("eEpP", s->p[-1]) != NULL))
        s->p++;
    push(s, TOKEN_NUMBER, from, (size_t)(s->p - from));
}

static void scan_punctuation(struct scanner *s) {
    static const struct {
        const char *spelled, *meant;
    } digraph[] = {{"%:%:", "##"}, {"<:", "["}, {":>", "]"}, {"<%", "{"}, {"%>", "}"}, {"%:", "#"}};
    static const char *const longer[] = {"<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=",
                                         "&&",  "||",  "*=",  "/=", "%=", "+=", "-=", "&=", "^=", "|=", "##"};
    for (size_t i = 0; i < sizeof digraph / sizeof digraph[0]; i++) {
        size_t len = strlen(digraph[i].spelled);
        if (strncmp(s->p, digraph[i].spelled, len) != 0) continue;
        push(s, TOKEN_PUNCTUATION, digraph[i].meant, strlen(digraph[i].meant));
        s->p += len;
        return;
    }
    size_t len = 1;
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++)
        if (strncmp(s->p, longer[i], strlen(longer[i])) == 0) {
            len = strlen(longer[i]);
            break;
        }
    push(s, TOKEN_PUNCTUATION, s->p, len);
    s->p += len;
}

static enum tokens_status scan(struct scanner *s) {
    for (;;) {
        if (!skip_space(s)) return TOKENS_UNTERMINATED;
        if (!*s->p) return TOKENS_OK;
        if (s->out->n >= TOKENS_MAX) return TOKENS_TOO_MANY;
        if (is_word_start(*s->p)) {
            char *from = s->p;
            while (is_word(*s->p)) s->p++;
            push(s, TOKEN_WORD, from, (size_t)(s->p - from));
        } else if (is_digit(*s->p) || (*s->p == '.' && is_digit(s->p[1]))) {
            scan_number(s);
        } else if (*s->p == '"' || *s->p == '\'') {
            if (!scan_quoted(s)) return TOKENS_UNTERMINATED;
        } else {
            scan_punctuation(s);
        }
    }
}

enum tokens_status tokens_make(const char *source, struct tokens *ret, int *ret_line) {
    *ret = (struct tokens){0};
    enum tokens_status status = splice(source, &ret->text, ret_line);
    if (status != TOKENS_OK) return status;
    struct scanner s = {.p = ret->text, .line = 1, .line_start = true, .out = ret};
    status = scan(&s);
    if (status != TOKENS_OK) {
        *ret_line = s.line;
        tokens_done(ret);
    }
    return status;
}

void tokens_done(struct tokens *t) {
    free(t->token);
    free(t->text);
    *t = (struct tokens){0};
}

bool token_is(const struct token *t, const char *text) {
    return (t->kind == TOKEN_WORD || t->kind == TOKEN_PUNCTUATION) && strlen(text) == (size_t)t->len &&
           memcmp(text, t->text, (size_t)t->len) == 0;
}

bool token_in(const struct token *t, const char *const *words) {
    if (t->kind != TOKEN_WORD) return false;
    for (; *words; words++)
        if (token_is(t, *words)) return true;
    return false;
}
