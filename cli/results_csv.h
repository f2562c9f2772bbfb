/* Results as CSV (RFC 4180), for tools that want neither JSON nor Kafka: a header, then a line a result, columns in the
 * order of schemas/result.avsc without what only a replay needs. A null is an empty field; an empty text is `""`, so
 * that PostgreSQL's COPY and ClickHouse's CSV tell them apart. Numbers are as in JSON, lists are JSON in one field. */
#pragma once
#include <jansson.h>
#include <stdio.h>

void results_csv_header(FILE *out);
void results_csv_line(const json_t *result, FILE *out);
