/* The body of a record in Avro binary, by our own schema. Internal to schemas/. */
#pragma once
#include "common/error.h"
#include "schemas/record.h"

/* Write the record behind `reserve` bytes that the caller fills. The caller frees *ret; *ret_len includes the reserve.
 */
int encode_record(const struct rec_desc *desc, const void *rec, size_t reserve, uint8_t **ret, size_t *ret_len,
                  struct error *err);
