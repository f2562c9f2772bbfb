/* The API's tokens and roles. Every token is 256 random bits; memory and store hold SHA-256 of it only. A slow hash
 * would add nothing: it makes guessing of weak passwords dear, and there is nothing to guess here.
 *
 * Thread-safe: requests look tokens up on their own threads, the loop's thread changes them. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "coordinator/store/store.h"

/* Each may do what those before it may. ROLE_NONE is nobody's, so that a route without a role lets nobody in. */
enum api_role { ROLE_NONE, ROLE_READ, ROLE_SUBMIT, ROLE_OPERATE };
#define TOKENS_MAX 256
#define TOKEN_PREFIX "ptl_" /* so that people, and scanners of repositories, know one when they see it */
#define TOKEN_BYTES 32

const char *api_role_name(enum api_role role);      /* "read" */
enum api_role api_role_from_name(const char *name); /* ROLE_NONE when it is none */

struct token_holder {
    char name[LABEL_SIZE]; /* "" for the token of the operator's file */
    enum api_role role;
};
enum token_found { TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_KNOWN };

struct tokens;
/* `operator_token` is what STATE/token holds; the others are read from `store`. NULL with err. */
struct tokens *tokens_new(const char *operator_token, struct store *store, struct error *err);
void tokens_free(struct tokens *tokens); /* accepts NULL */
/* Whose token is this? Takes the same time whichever it is, and whether it is one. */
enum token_found tokens_find(struct tokens *tokens, const char *given, int64_t now_ms, struct token_holder *ret);
/* On the loop's thread: store, then memory. `ret_token` gets the token, which is known nowhere else. ERR_CONFLICT: the
 * name is taken; ERR_LIMIT: there are TOKENS_MAX. */
int tokens_create(struct tokens *tokens, struct store *store, const char *name, enum api_role role, int64_t now_ms,
                  int64_t expires_ms, char ret_token[sizeof TOKEN_PREFIX + 2 * TOKEN_BYTES], struct error *err);
/* On the loop's thread. ERR_NOT_FOUND. */
int tokens_revoke(struct tokens *tokens, struct store *store, const char *name, struct error *err);
/* [{name, role, created_ms, expires_ms | null, expired, used_ms | null}]: `used_ms` since this process began. */
json_t *tokens_json(struct tokens *tokens, int64_t now_ms);
/* A name: 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'. ERR_INVALID. */
int token_name_check(const char *name, struct error *err);
