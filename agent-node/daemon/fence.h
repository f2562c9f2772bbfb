/* Two agents under one name: which of them came later? */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "fleet/bus/bus.h"
#include "schemas/codec.h"

/* Whether `incarnation` of `node` stands in the `nodes` topic before offset `registered_at`: then a record of it that
 * comes now is a repeated or delayed one, and no agent that has started since. Reads the topic from its beginning, so
 * it is for the rare case only. False when it cannot be read within timeout_ms: who is in doubt gives way. */
bool fence_is_older(struct bus *bus, struct codec *codec, const char *node, const char *incarnation,
                    int64_t registered_at, int timeout_ms);
