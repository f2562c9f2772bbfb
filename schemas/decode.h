/* The body of a record, by its writer's schema, into ours. Internal to schemas/. */
#pragma once
#include "schemas/schema.h"

/* Decode data[0..len) entirely into `rec`, uninitialised memory for a record of type `desc`. On failure (ERR_INVALID
 * with the field's path) `rec` holds nothing. */
int decode_record(const struct schema *writer, const void *data, size_t len, const struct rec_desc *desc, void *rec,
                  struct error *err);
