/* YAML documents as a tree that remembers lines, so that every complaint names file, line and key.
 * Wraps libyaml. Limits: 1 MiB, depth 32, 100,000 nodes, no aliases, no duplicate keys, one document. JSON is YAML too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/error.h"

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
struct yaml_node {
    enum yaml_kind kind;
    int line, column;         /* from 1 */
    bool quoted;              /* scalar: was in quotes, so never a number, bool or null */
    char *text;               /* scalar: its text */
    size_t count;             /* sequence: items; mapping: pairs */
    struct yaml_node **items; /* sequence items or mapping values */
    struct yaml_node **keys;  /* mapping: keys (scalars), same order as in the file */
};
struct yaml_doc;

/* `filename` is used in messages only. Returns NULL with err (ERR_INVALID, ERR_LIMIT) "FILE:LINE:COL: ...". */
struct yaml_doc *yaml_parse(const char *text, size_t len, const char *filename, struct error *err);
/* Accepts NULL. The label keeps it apart from libyaml's own exported yaml_free, which the linker would replace by ours.
 */
void yaml_free(struct yaml_doc *doc) __asm__("portolan_yaml_free");
const struct yaml_node *yaml_root(const struct yaml_doc *doc);
const char *yaml_filename(const struct yaml_doc *doc);

/* Mapping access: NULL when absent. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* Set ERR_INVALID "FILE:LINE:COL: text" and return -1. */
int yaml_error(const struct yaml_doc *doc, const struct yaml_node *at, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Fail on keys that are not in the NULL-terminated list, proposing the nearest known one ("did you mean ...?"). */
int yaml_check_keys(const struct yaml_doc *doc, const struct yaml_node *map, const char *const *known,
                    struct error *err);
/* Typed scalars; `what` names the key in messages. ERR_INVALID with line. */
int yaml_int(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int64_t min, int64_t max,
             int64_t *ret, struct error *err);
int yaml_double(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, double *ret,
                struct error *err);
int yaml_bool(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, bool *ret, struct error *err);
/* A scalar's text (owned by doc), or NULL with err. */
const char *yaml_string(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct error *err);
