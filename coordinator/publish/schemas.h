/* Schemas of what the coordinator writes: ids from the store. */
#pragma once
#include "coordinator/core.h"
/* Subjects that are not public begin with this; the registry's read side leaves them out. */
#define SCHEMA_INTERNAL "internal:"
/* Give every record type its id, once, and teach the codec all ids that were ever given. */
int schemas_register(struct core *core, struct error *err);
