/* Step 2: directives, forbidden words and casts. Program-scope declarations are rules_scope.c's. */
#include "agent-node/worker/verify/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/rules_scope.h"
#include "common/cleanup.h"

static const char *const DIRECTIVES[] = {"define", "undef", "if",     "ifdef", "ifndef", "elif",
                                         "else",   "endif", "pragma", "error", NULL};
static const char *const PRAGMAS[] = {"OPENCL", "unroll", "FP_CONTRACT", "clang", NULL};
static const char *const FILE_WORDS[] = {"__has_include", "__has_include_next", "__has_embed", "_Pragma", NULL};

static const struct {
    const char *word, *why;
} FORBIDDEN[] = {
    {"asm", "inline assembly"},
    {"__asm", "inline assembly"},
    {"__asm__", "inline assembly"},
    {"enqueue_kernel", "device-side enqueue"},
    {"enqueue_marker", "device-side enqueue"},
    {"get_default_queue", "device-side enqueue"},
    {"queue_t", "device-side enqueue"},
    {"clk_event_t", "device-side enqueue"},
    {"ndrange_t", "device-side enqueue"},
    {"create_user_event", "device-side enqueue"},
    {"set_user_event_status", "device-side enqueue"},
    {"uintptr_t", "a pointer's address as a number"},
    {"intptr_t", "a pointer's address as a number"},
    {"_Pragma", "a pragma made by a macro"},
    {"extern", "a symbol from outside the source"},
};
static const char *const ATTRIBUTES[] = {"aligned",
                                         "packed",
                                         "reqd_work_group_size",
                                         "work_group_size_hint",
                                         "vec_type_hint",
                                         "intel_reqd_sub_group_size",
                                         "opencl_unroll_hint",
                                         "always_inline",
                                         "noinline",
                                         "const",
                                         "pure",
                                         "unused",
                                         "endian",
                                         "nosvm",
                                         "overloadable",
                                         "flatten",
                                         "ext_vector_type",
                                         "vector_size",
                                         "convergent",
                                         NULL};
static const char *const BUILTINS[] = {"__builtin_expect",
                                       "__builtin_astype",
                                       "__builtin_shufflevector",
                                       "__builtin_nontemporal_load",
                                       "__builtin_nontemporal_store",
                                       "__builtin_convertvector",
                                       "__builtin_assume",
                                       NULL};

static int refuse(struct finding *f, const struct token *t, const char *rule) {
    return finding_verdict(f, VERDICT_REFUSED_SOURCE, "line %d: \"%.*s\": %s", t->line, t->len < 60 ? t->len : 60,
                           t->text, rule);
}

static int cut_up(const char *source, struct tokens *ret, struct finding *f) {
    int line = 0;
    switch (tokens_make(source, ret, &line)) {
        case TOKENS_OK:
            return 0;
        case TOKENS_NOT_ASCII:
            return finding_verdict(f, VERDICT_REFUSED_SOURCE, "line %d: a character that is not printable ASCII", line);
        case TOKENS_UNTERMINATED:
            return finding_verdict(f, VERDICT_REFUSED_SOURCE,
                                   "line %d: a comment, string or character that does not end", line);
        case TOKENS_TOO_MANY:
        default:
            return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "the source has over %d tokens", TOKENS_MAX);
    }
}

static int check_directives(const struct tokens *t, const char *const *allowed, struct finding *f) {
    for (size_t i = 0; i < t->n; i++) {
        const struct token *hash = &t->token[i];
        if (!hash->line_start || !token_is(hash, "#")) continue;
        if (i + 1 >= t->n || t->token[i + 1].line_start) continue; /* the null directive */
        const struct token *name = &t->token[i + 1];
        if (!token_in(name, allowed)) return refuse(f, name, "this directive is not allowed in kernels");
        bool known = i + 2 < t->n && !t->token[i + 2].line_start && token_in(&t->token[i + 2], PRAGMAS);
        if (token_is(name, "pragma") && !known)
            return refuse(f, name, "only OPENCL, FP_CONTRACT, unroll and clang pragmas are allowed");
    }
    return 0;
}

static void cleanup_tokens(struct tokens *t) {
    tokens_done(t);
}

int rules_check_raw(const char *source, struct finding *ret) {
    CLEANUP(cleanup_tokens) struct tokens t = {0};
    if (cut_up(source, &t, ret) != 0 || check_directives(&t, DIRECTIVES, ret) != 0) return -1;
    for (size_t i = 0; i < t.n; i++)
        if (token_in(&t.token[i], FILE_WORDS)) return refuse(ret, &t.token[i], "kernels read no files");
    return 0;
}

static int check_words(const struct tokens *t, struct finding *f) {
    for (size_t i = 0; i < t->n; i++) {
        const struct token *w = &t->token[i];
        if (token_is(w, "#") && !w->line_start) return refuse(f, w, "a stray directive");
        if (w->kind != TOKEN_WORD) continue;
        for (size_t k = 0; k < sizeof FORBIDDEN / sizeof FORBIDDEN[0]; k++)
            if (token_is(w, FORBIDDEN[k].word)) return refuse(f, w, FORBIDDEN[k].why);
        if (w->len > 10 && memcmp(w->text, "__builtin_", 10) == 0 && !token_in(w, BUILTINS))
            return refuse(f, w, "a compiler's internal function");
    }
    return 0;
}

/* The token after the bracket that closes the one at `open`; t->n when it is not closed. */
static size_t behind_group(const struct tokens *t, size_t open) {
    int depth = 0;
    for (size_t i = open; i < t->n; i++) {
        if (token_is(&t->token[i], "(") || token_is(&t->token[i], "[") || token_is(&t->token[i], "{")) depth++;
        if (token_is(&t->token[i], ")") || token_is(&t->token[i], "]") || token_is(&t->token[i], "}")) depth--;
        if (depth == 0) return i + 1;
    }
    return t->n;
}

/* "__aligned__" and "aligned" are one attribute. */
static bool attribute_allowed(const struct token *t) {
    char name[64];
    if (t->kind != TOKEN_WORD || t->len >= (int)sizeof name) return false;
    memcpy(name, t->text, (size_t)t->len);
    name[t->len] = 0;
    size_t len = strlen(name);
    const char *bare = name;
    if (len > 4 && strncmp(name, "__", 2) == 0 && strcmp(name + len - 2, "__") == 0) {
        name[len - 2] = 0;
        bare += 2;
    }
    for (const char *const *a = ATTRIBUTES; *a; a++)
        if (strcmp(*a, bare) == 0) return true;
    return false;
}

static int check_attributes(const struct tokens *t, struct finding *f) {
    for (size_t i = 0; i + 2 < t->n; i++) {
        if (!token_is(&t->token[i], "__attribute__") && !token_is(&t->token[i], "__attribute")) continue;
        size_t end = behind_group(t, i + 1);
        bool name_next = true;
        for (size_t k = i + 3; k + 2 < end; k++) {
            if (token_is(&t->token[k], ",")) {
                name_next = true;
                continue;
            }
            if (name_next && !attribute_allowed(&t->token[k]))
                return refuse(f, &t->token[k], "this attribute is not allowed");
            name_next = false;
            if (token_is(&t->token[k], "(")) k = behind_group(t, k) - 1;
        }
    }
    return 0;
}

/* --- pointers made from integers -------------------------------------------------------------- */
static const char *const QUALIFIERS[] = {
    "const", "volatile",  "restrict", "__restrict", "__restrict__", "__global",  "global",  "__local",
    "local", "__private", "private",  "__constant", "constant",     "__generic", "generic", NULL};
static const char *const NOT_TYPES[] = {"return", "sizeof", "case", "else", "do", "in", NULL};

/* `( words... * )`: returns the index of the closing parenthesis, or 0. */
static size_t pointer_cast(const struct tokens *t, size_t open) {
    size_t i = open + 1;
    bool word = false, star = false;
    for (; i < t->n && !token_is(&t->token[i], ")"); i++) {
        if (token_is(&t->token[i], "*") && word)
            star = true;
        else if (t->token[i].kind == TOKEN_WORD && (!star || token_in(&t->token[i], QUALIFIERS)))
            word = true;
        else
            return 0;
    }
    return star && i < t->n ? i : 0;
}

/* Names declared somewhere with a star or with brackets: what can be a pointer. Sorted for searching. */
struct names {
    size_t n;
    const struct token **token;
};

static int by_text(const void *a, const void *b) {
    const struct token *x = *(const struct token *const *)a, *y = *(const struct token *const *)b;
    if (x->len != y->len) return x->len < y->len ? -1 : 1;
    return memcmp(x->text, y->text, (size_t)x->len);
}

static bool declares_pointer(const struct tokens *t, size_t i) {
    if (t->token[i].kind != TOKEN_WORD || i < 2) return false;
    if (i + 1 < t->n && token_is(&t->token[i + 1], "[")) {
        const struct token *before = &t->token[i - 1];
        if (before->kind == TOKEN_WORD && !token_in(before, NOT_TYPES)) return true;
    }
    size_t k = i - 1;
    while (k > 0 && token_in(&t->token[k], QUALIFIERS)) k--;
    if (!token_is(&t->token[k], "*")) return false;
    while (k > 0 && (token_is(&t->token[k], "*") || token_in(&t->token[k], QUALIFIERS))) k--;
    return t->token[k].kind == TOKEN_WORD || token_is(&t->token[k], ",");
}

static void names_make(const struct tokens *t, struct names *ret) {
    ret->token = calloc(t->n ? t->n : 1, sizeof *ret->token);
    if (!ret->token) abort();
    for (size_t i = 0; i < t->n; i++)
        if (declares_pointer(t, i)) ret->token[ret->n++] = &t->token[i];
    if (ret->n) qsort(ret->token, ret->n, sizeof *ret->token, by_text);
}

static bool is_pointer_name(const struct names *names, const struct token *t) {
    return t->kind == TOKEN_WORD && names->n && bsearch(&t, names->token, names->n, sizeof *names->token, by_text);
}

/* Does the operand that begins at `i` have anything in it that can be a pointer: a pointer's name, or an address taken?
 */
static bool operand_has_pointer(const struct tokens *t, const struct names *names, size_t i) {
    while (i < t->n && (token_is(&t->token[i], "*") || token_is(&t->token[i], "+") || token_is(&t->token[i], "-") ||
                        token_is(&t->token[i], "~")))
        i++;
    if (i < t->n && token_is(&t->token[i], "&")) return true;
    size_t end = i + 1;
    if (i < t->n && token_is(&t->token[i], "(")) {
        end = behind_group(t, i);
        size_t cast = pointer_cast(t, i);
        if (cast) return operand_has_pointer(t, names, cast + 1);
    }
    while (end < t->n && (token_is(&t->token[end], "(") || token_is(&t->token[end], "[") ||
                          token_is(&t->token[end], ".") || token_is(&t->token[end], "->")))
        end = t->token[end].len == 1 && !token_is(&t->token[end], ".") ? behind_group(t, end) : end + 2;
    for (; i < end && i < t->n; i++)
        if (is_pointer_name(names, &t->token[i]) || token_is(&t->token[i], "&")) return true;
    return false;
}

static int check_casts(const struct tokens *t, struct finding *f) {
    struct names names = {0};
    names_make(t, &names);
    int status = 0;
    for (size_t i = 1; i < t->n && status == 0; i++) {
        if (!token_is(&t->token[i], "(")) continue;
        const struct token *before = &t->token[i - 1];
        bool call = before->kind == TOKEN_WORD && !token_in(before, NOT_TYPES);
        size_t close = call ? 0 : pointer_cast(t, i);
        if (!close || close + 1 >= t->n || token_is(&t->token[close + 1], ")") || token_is(&t->token[close + 1], ","))
            continue;
        if (!operand_has_pointer(t, &names, close + 1))
            status = refuse(f, &t->token[close + 1], "a pointer made from an integer");
    }
    for (size_t i = 2; i + 2 < t->n && status == 0; i++) {
        bool declares = is_pointer_name(&names, &t->token[i]) && token_is(&t->token[i - 1], "*") &&
                        token_is(&t->token[i + 1], "=") && t->token[i - 2].kind == TOKEN_WORD;
        if (declares && t->token[i + 2].kind == TOKEN_NUMBER &&
            !(t->token[i + 2].len == 1 && *t->token[i + 2].text == '0'))
            status = refuse(f, &t->token[i + 2], "a pointer made from an integer");
    }
    free(names.token);
    return status;
}

int rules_check_text(const char *text, struct finding *ret) {
    static const char *const after[] = {"pragma", NULL};
    CLEANUP(cleanup_tokens) struct tokens t = {0};
    if (cut_up(text, &t, ret) != 0 || check_directives(&t, after, ret) != 0) return -1;
    if (check_words(&t, ret) != 0 || check_attributes(&t, ret) != 0) return -1;
    if (rules_check_scope(&t, ret) != 0) return -1;
    return check_casts(&t, ret);
}
