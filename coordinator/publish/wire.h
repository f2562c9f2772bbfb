/* Schema ids on the wire. The store frames public records with its own ids, which never change; where an external
 * registry is configured, the ids of that registry stand on the topics in their place. Translated is at the very edge:
 * when the publisher sends, and when what was published is read back.
 *
 * A topic's ids are those of one registry for ever. What each schema got there is kept in the store: a restart
 * publishes on while the registry is away, and a registry that suddenly gives other ids (it is another one, or was
 * wiped) is noticed, and nothing is published until it is mended.
 *
 * Thread-safe. Only wire_out() and wire_register() ask the registry, which may take its time-out. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core.h"
#include "coordinator/publish/registry.h"

struct wire;
/* What the store knows. Takes `registry`; NULL: ids stay as they are. ERR_CONFLICT: the topics of this store hold the
 * ids of another kind of registry. Before the loop runs. */
struct wire *wire_new(struct core *core, struct registry *registry, struct error *err);
void wire_free(struct wire *wire); /* accepts NULL */
/* Whether an external registry gives the ids. */
bool wire_is_external(const struct wire *wire);
/* Ends a request that runs, and refuses others. */
void wire_cancel(struct wire *wire);

/* An id that the registry has given, for the store: wire_learned() hands out each once. */
struct wire_id {
    int32_t own, external;
};
bool wire_learned(struct wire *wire, struct wire_id *ret);

/* Get the ids of the schemas that are in use. Errors of registry_register(), and ERR_CONFLICT: the registry gives a
 * schema another id than before. A registry that cannot be reached is no error where the ids are known. */
int wire_register(struct wire *wire, struct error *err);
/* Replace the store's id in a public record by the registry's. Errors as above. */
int wire_out(struct wire *wire, uint8_t *value, size_t len, struct error *err);
/* The reverse, for what was read from a topic. ERR_NOT_FOUND: no schema of ours has this id. */
int wire_in(struct wire *wire, uint8_t *value, size_t len, struct error *err);

/* Keep what was learned; on the loop's thread. */
int wire_keep(struct core *core, const struct wire_id *id, struct error *err);
