/* The tokens of C-like device source: what the source rules look at. Comments, white space and line splices are gone
 * (translation phases 2 and 3 of C, in their order, so that a splice inside a word hides nothing); digraphs are spelled
 * as what they stand for. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define TOKENS_MAX 2000000

enum token_kind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_CHARACTER, TOKEN_PUNCTUATION };
struct token {
    enum token_kind kind;
    bool line_start; /* first on its (logical) line */
    int line;        /* from 1 */
    int len;
    const char *text; /* not NUL-terminated */
};
struct tokens {
    size_t n;
    struct token *token;
    char *text; /* what the tokens point into */
};
enum tokens_status { TOKENS_OK, TOKENS_NOT_ASCII, TOKENS_UNTERMINATED, TOKENS_TOO_MANY };
/* Cut `source` up. On failure *ret_line says where and *ret is empty. */
enum tokens_status tokens_make(const char *source, struct tokens *ret, int *ret_line);
void tokens_done(struct tokens *t);
bool token_is(const struct token *t, const char *text);
/* Is a word, and one of the NULL-terminated list. */
bool token_in(const struct token *t, const char *const *words);
