#include "coordinator/api/tokens.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/random.h"

struct entry {
    struct token_holder holder;
    uint8_t hash[32];
    int64_t created_ms, expires_ms, used_ms; /* 0: never */
};
struct tokens {
    pthread_rwlock_t lock;                /* of what follows; `used_ms` is written with it held shared, by __atomic */
    struct entry entries[TOKENS_MAX + 1]; /* the first is the operator's file */
    size_t count;
};

/* --- roles and names -------------------------------------------------------------------------- */
static const char *const role_names[] = {"none", "read", "submit", "operate"};

const char *api_role_name(enum api_role role) {
    return role_names[role];
}

enum api_role api_role_from_name(const char *name) {
    for (int role = ROLE_READ; role <= ROLE_OPERATE; role++)
        if (strcmp(role_names[role], name) == 0) return (enum api_role)role;
    return ROLE_NONE;
}

int token_name_check(const char *name, struct error *err) {
    size_t len = strlen(name);
    bool fits = len > 0 && len < LABEL_SIZE;
    if (fits && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len) return 0;
    return error_set(err, ERR_INVALID, "a token's name is 1 to %d of letters, digits, '.', '_' and '-'",
                     LABEL_SIZE - 1);
}

/* --- memory ----------------------------------------------------------------------------------- */
static void hash_of(const char *token, uint8_t out[32]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_update(&h, token, strlen(token));
    sha256_final(&h, out);
}

static int load(void *context, const struct row_token *row, struct error *err) {
    struct tokens *tokens = context;
    struct entry *entry = &tokens->entries[tokens->count];
    if (tokens->count > TOKENS_MAX) return error_set(err, ERR_LIMIT, "more than %d API tokens", TOKENS_MAX);
    if (row->role < ROLE_READ || row->role > ROLE_OPERATE || hex_decode(row->hash, entry->hash, 32) != 0)
        return error_set(err, ERR_INVALID, "the store's API token `%s` is damaged", row->name);
    memcpy(entry->holder.name, row->name, sizeof entry->holder.name);
    entry->holder.role = (enum api_role)row->role;
    entry->created_ms = row->created_ms;
    entry->expires_ms = row->expires_ms;
    tokens->count++;
    return 0;
}

struct tokens *tokens_new(const char *operator_token, struct store *store, struct error *err) {
    struct tokens *tokens = xcalloc(1, sizeof *tokens);
    pthread_rwlock_init(&tokens->lock, NULL);
    tokens->entries[0].holder.role = ROLE_OPERATE;
    hash_of(operator_token, tokens->entries[0].hash);
    tokens->count = 1;
    if (store_tokens(store, load, tokens, err) == 0) return tokens;
    tokens_free(tokens);
    return NULL;
}

void tokens_free(struct tokens *tokens) {
    if (!tokens) return;
    pthread_rwlock_destroy(&tokens->lock);
    free(tokens);
}

/* All bytes, whatever differs: the volatile keeps the compiler from leaving early. */
static unsigned differs(const uint8_t a[32], const uint8_t b[32]) {
    volatile unsigned difference = 0;
    for (int i = 0; i < 32; i++) difference |= (unsigned)(a[i] ^ b[i]);
    return difference;
}

enum token_found tokens_find(struct tokens *tokens, const char *given, int64_t now_ms, struct token_holder *ret) {
    uint8_t hash[32];
    size_t found = TOKENS_MAX + 1;
    hash_of(given, hash);
    pthread_rwlock_rdlock(&tokens->lock);
    for (size_t i = 0; i < tokens->count; i++) found = differs(hash, tokens->entries[i].hash) ? found : i;
    enum token_found what = TOKEN_UNKNOWN;
    if (found <= TOKENS_MAX) {
        struct entry *entry = &tokens->entries[found];
        what = entry->expires_ms && entry->expires_ms <= now_ms ? TOKEN_EXPIRED : TOKEN_KNOWN;
        *ret = entry->holder;
        if (what == TOKEN_KNOWN) __atomic_store_n(&entry->used_ms, now_ms, __ATOMIC_RELAXED);
    }
    pthread_rwlock_unlock(&tokens->lock);
    return what;
}

/* --- changes: the loop's thread is the only one that makes them ------------------------------- */
int tokens_create(struct tokens *tokens, struct store *store, const char *name, enum api_role role, int64_t now_ms,
                  int64_t expires_ms, char ret_token[sizeof TOKEN_PREFIX + 2 * TOKEN_BYTES], struct error *err) {
    struct row_token row = {.role = role, .created_ms = now_ms, .expires_ms = expires_ms};
    struct entry entry = {.holder = {.role = role}, .created_ms = now_ms, .expires_ms = expires_ms};
    if (token_name_check(name, err) != 0) return -1;
    if (tokens->count > TOKENS_MAX) {
        error_set(err, ERR_LIMIT, "there are %d API tokens already", TOKENS_MAX);
        return error_hint(err, "portolan token revoke NAME removes one");
    }
    snprintf(row.name, sizeof row.name, "%s", name);
    memcpy(entry.holder.name, row.name, sizeof entry.holder.name);
    memcpy(ret_token, TOKEN_PREFIX, sizeof TOKEN_PREFIX);
    random_hex(ret_token + strlen(TOKEN_PREFIX), TOKEN_BYTES);
    hash_of(ret_token, entry.hash);
    hex_encode(entry.hash, 32, row.hash);
    if (store_token_insert(store, &row, err) != 0) return -1;
    pthread_rwlock_wrlock(&tokens->lock);
    tokens->entries[tokens->count++] = entry;
    pthread_rwlock_unlock(&tokens->lock);
    return 0;
}

int tokens_revoke(struct tokens *tokens, struct store *store, const char *name, struct error *err) {
    if (store_token_delete(store, name, err) != 0) return -1;
    pthread_rwlock_wrlock(&tokens->lock);
    for (size_t i = 1; i < tokens->count; i++) {
        if (strcmp(tokens->entries[i].holder.name, name) != 0) continue;
        memmove(&tokens->entries[i], &tokens->entries[i + 1], (tokens->count - i - 1) * sizeof *tokens->entries);
        tokens->count--;
        break;
    }
    pthread_rwlock_unlock(&tokens->lock);
    return 0;
}

static json_t *time_or_null(int64_t ms) {
    return ms ? json_integer(ms) : json_null();
}

json_t *tokens_json(struct tokens *tokens, int64_t now_ms) {
    json_t *list = json_array();
    pthread_rwlock_rdlock(&tokens->lock);
    for (size_t i = 1; i < tokens->count; i++) {
        struct entry *e = &tokens->entries[i];
        int64_t used_ms = __atomic_load_n(&e->used_ms, __ATOMIC_RELAXED);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:I, s:o, s:b, s:o}", "name", e->holder.name, "role", api_role_name(e->holder.role),
                      "created_ms", (json_int_t)e->created_ms, "expires_ms", time_or_null(e->expires_ms), "expired",
                      e->expires_ms && e->expires_ms <= now_ms, "used_ms", time_or_null(used_ms)));
    }
    pthread_rwlock_unlock(&tokens->lock);
    return list;
}
