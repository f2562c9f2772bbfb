/* Step 2: declarations. The text is cut into pieces at program scope, and each is a definition of a function, a
 * declaration of one, of types only, or of variables; only `__constant` ones without pointers may stand there. */
#include "agent-node/worker/verify/rules_scope.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

static const char *const CONSTANT[] = {"constant", "__constant", NULL};
static const char *const WRITABLE[] = {"global",  "__global",  "local",   "__local",
                                       "generic", "__generic", "_Atomic", NULL};
static const char *const RECORD[] = {"struct", "union", "enum", NULL};
static const char *const ATTRIBUTE[] = {"__attribute__", "__attribute", NULL};

struct functions {
    size_t n_declared, n_defined;
    const struct token **declared, **defined;
};

static bool opens(const struct token *t) {
    return token_is(t, "(") || token_is(t, "[") || token_is(t, "{");
}
static bool closes(const struct token *t) {
    return token_is(t, ")") || token_is(t, "]") || token_is(t, "}");
}

/* One declaration's tokens at depth 0; a bracketed group shows as its opening token, attributes not at all. */
struct piece {
    size_t n;
    const struct token **token;
    size_t cap;
};

static void piece_push(struct piece *p, const struct token *t) {
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 32;
        p->token = xrealloc(p->token, p->cap * sizeof *p->token);
    }
    p->token[p->n++] = t;
}

static bool piece_has(const struct piece *p, const char *const *words) {
    for (size_t i = 0; i < p->n; i++)
        if (token_in(p->token[i], words)) return true;
    return false;
}

static const struct token *piece_find(const struct piece *p, const char *text) {
    for (size_t i = 0; i < p->n; i++)
        if (token_is(p->token[i], text)) return p->token[i];
    return NULL;
}

static size_t behind(const struct tokens *t, size_t open) {
    int depth = 0;
    for (size_t i = open; i < t->n; i++) {
        if (opens(&t->token[i])) depth++;
        if (closes(&t->token[i]) && --depth == 0) return i + 1;
    }
    return t->n;
}

static int refuse(struct finding *f, const struct token *t, const char *rule) {
    return finding_verdict(f, VERDICT_REFUSED_SOURCE, "line %d: \"%.*s\": %s", t->line, t->len < 60 ? t->len : 60,
                           t->text, rule);
}

/* The declared name: the last word in front of '=', '[', '(' or the end. */
static const struct token *declared_name(const struct piece *p) {
    const struct token *name = p->n ? p->token[0] : NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (token_is(p->token[i], "=") || token_is(p->token[i], "[") || token_is(p->token[i], "(")) break;
        if (p->token[i]->kind == TOKEN_WORD) name = p->token[i];
    }
    return name;
}

static bool is_prototype(const struct piece *p) {
    if (p->n < 3 || piece_find(p, "=") || piece_find(p, ",")) return false;
    return token_is(p->token[p->n - 1], "(") && p->token[p->n - 2]->kind == TOKEN_WORD;
}

/* `struct tag { ... }` or `enum { ... }` with no name behind it. */
static bool is_types_only(const struct piece *p) {
    if (p->n == 0 || !piece_has(p, RECORD)) return p->n == 0;
    if (token_is(p->token[p->n - 1], "{")) return true;
    return p->n == 2 && token_in(p->token[0], RECORD);
}

static int check_variables(const struct piece *p, struct finding *f) {
    const struct token *name = declared_name(p);
    if (!piece_has(p, CONSTANT) || piece_has(p, WRITABLE))
        return refuse(f, name, "a variable at program scope must be __constant: kernels keep nothing between launches");
    for (size_t i = 0; i < p->n && !token_is(p->token[i], "="); i++)
        if (token_is(p->token[i], "*") || token_is(p->token[i], "("))
            return refuse(f, name, "a pointer at program scope: kernels keep nothing between launches");
    return 0;
}

static int check_piece(const struct piece *p, struct functions *fn, struct finding *f) {
    if (is_types_only(p) || token_is(p->token[0], "typedef")) return 0;
    if (is_prototype(p)) {
        fn->declared[fn->n_declared++] = p->token[p->n - 2];
        return 0;
    }
    return check_variables(p, f);
}

/* Inside a function: `static` variables outlive a launch. */
static int check_body(const struct tokens *t, size_t begin, size_t end, struct finding *f) {
    for (size_t i = begin; i < end; i++) {
        if (!token_is(&t->token[i], "static")) continue;
        bool constant = false;
        for (size_t k = i; k < end && !token_is(&t->token[k], ";") && !token_is(&t->token[k], "="); k++)
            constant = constant || token_in(&t->token[k], CONSTANT);
        if (!constant) return refuse(f, &t->token[i], "a static variable: kernels keep nothing between launches");
    }
    return 0;
}

/* A body follows `(...)` at depth 0, not `=` and not `struct tag`. */
static bool is_function_body(const struct piece *p) {
    return p->n >= 2 && token_is(p->token[p->n - 1], "(") && p->token[p->n - 2]->kind == TOKEN_WORD &&
           !piece_find(p, "=");
}

/* One step over the text; *i moves on. */
static int step(const struct tokens *t, size_t *i, struct piece *p, struct functions *fn, struct finding *f) {
    const struct token *at = &t->token[*i];
    if (token_is(at, "#") && at->line_start) {
        for (++*i; *i < t->n && !t->token[*i].line_start; ++*i) continue;
        return 0;
    }
    if (token_in(at, ATTRIBUTE) && *i + 1 < t->n && token_is(&t->token[*i + 1], "(")) {
        *i = behind(t, *i + 1);
        return 0;
    }
    if (token_is(at, ";")) {
        int status = check_piece(p, fn, f);
        p->n = 0;
        ++*i;
        return status;
    }
    if (token_is(at, "{") && is_function_body(p)) {
        size_t end = behind(t, *i);
        fn->defined[fn->n_defined++] = p->token[p->n - 2];
        int status = check_body(t, *i, end, f);
        p->n = 0;
        *i = end;
        return status;
    }
    if (closes(at)) return refuse(f, at, "brackets that do not match");
    piece_push(p, at);
    *i = opens(at) ? behind(t, *i) : *i + 1;
    return 0;
}

static int check_defined(const struct functions *fn, struct finding *f) {
    for (size_t i = 0; i < fn->n_declared; i++) {
        bool found = false;
        for (size_t k = 0; k < fn->n_defined && !found; k++)
            found = fn->defined[k]->len == fn->declared[i]->len &&
                    memcmp(fn->defined[k]->text, fn->declared[i]->text, (size_t)fn->declared[i]->len) == 0;
        if (!found) return refuse(f, fn->declared[i], "a function that is declared but not defined in the source");
    }
    return 0;
}

int rules_check_scope(const struct tokens *t, struct finding *ret) {
    struct piece p = {0};
    struct functions fn = {.declared = xcalloc(t->n + 1, sizeof *fn.declared),
                           .defined = xcalloc(t->n + 1, sizeof *fn.defined)};
    int status = 0;
    for (size_t i = 0; i < t->n && status == 0;) status = step(t, &i, &p, &fn, ret);
    if (status == 0 && p.n > 0) status = refuse(ret, p.token[p.n - 1], "a declaration that does not end");
    if (status == 0) status = check_defined(&fn, ret);
    free(p.token);
    free(fn.declared);
    free(fn.defined);
    return status;
}
