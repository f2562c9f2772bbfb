/* What drivers made of sources, kept on disk: written by the worker only, read by the worker only, so that no candidate
 * can poison a later one's program. Entries are named by SHA-256 over everything that they depend on and carry a
 * checksum; a damaged one counts as absent. Bounded by size, the longest unused go first. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problems/kernel/plan.h"

struct binary_cache;
/* `folder` is made if missing; NULL gives a cache that holds nothing. Never fails: a folder that cannot be used is the
 * same as none, with a warning in the log. */
struct binary_cache *binary_cache_new(const char *folder);
void binary_cache_free(struct binary_cache *c); /* accepts NULL */

/* Name of the text that `plan`'s source becomes when it is preprocessed for a device with this fingerprint. */
void binary_cache_text_key(const struct plan *plan, const char *fingerprint, char out[65]);
/* Name of the binary of preprocessed `text` with the options and geometry (entries, local and global sizes) of `plan`.
 */
void binary_cache_key(const char *text, const struct plan *plan, const char *fingerprint, char out[65]);

/* The entry's bytes, NUL-terminated, or NULL. The caller frees. */
uint8_t *binary_cache_get(struct binary_cache *c, const char *key, size_t *ret_len);
/* Failure to write costs a compilation later, and nothing else: it is logged when it begins and when it ends. */
void binary_cache_put(struct binary_cache *c, const char *key, const void *data, size_t len);
/* Could the last entry not be written? From any thread. */
bool binary_cache_failing(const struct binary_cache *c);
