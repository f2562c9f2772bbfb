/* Public records as CSV (RFC 4180), for tools that want neither JSON nor Kafka: a header, then a line a record, columns
 * in the order of the schema without what only a replay needs. A null is an empty field; an empty text is `""`, so
 * that PostgreSQL's COPY and ClickHouse's CSV tell them apart. Numbers are as in JSON, lists are JSON in one field. */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "schemas/codec.h"

/* `desc`: rec_result_desc or rec_measurement_desc. */
void results_csv_header(const struct rec_desc *desc, FILE *out);
void results_csv_line(const struct rec_desc *desc, const json_t *record, FILE *out);
