/* Reading the tree: keys, typed scalars and the complaints about them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/suggest.h"
#include "common/yaml.h"

#define KNOWN_LISTED_MAX 12 /* known keys that a complaint spells out */

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key) {
    if (!map || map->kind != YAML_MAPPING) return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0) return map->items[i];
    return NULL;
}

int yaml_error(const struct yaml_doc *doc, const struct yaml_node *at, struct error *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    error_vset(err, ERR_INVALID, fmt, ap);
    va_end(ap);
    if (at) return error_wrap(err, "%s:%d:%d", yaml_filename(doc), at->line, at->column);
    return error_wrap(err, "%s", yaml_filename(doc));
}

static void hint_known(const char *key, const char *const *known, struct error *err) {
    const char *nearest = suggest_nearest(key, known);
    if (nearest) {
        error_hint(err, "did you mean `%s`?", nearest);
        return;
    }
    CLEANUP(buf_done) struct buf list = BUF_INIT;
    for (size_t i = 0; known[i]; i++) {
        if (i == KNOWN_LISTED_MAX) return; /* too many to help */
        buf_printf(&list, "%s%s", i ? ", " : "", known[i]);
    }
    if (list.len > 0) error_hint(err, "known keys are %s", list.data);
}

int yaml_check_keys(const struct yaml_doc *doc, const struct yaml_node *map, const char *const *known,
                    struct error *err) {
    if (!map || map->kind != YAML_MAPPING) return yaml_error(doc, map, err, "a mapping (key: value) is expected here");
    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i]->text;
        size_t k = 0;
        while (known[k] && strcmp(known[k], key) != 0) k++;
        if (known[k]) continue;
        yaml_error(doc, map->keys[i], err, "unknown key `%s`", key);
        hint_known(key, known, err);
        return -1;
    }
    return 0;
}

/* What a node is, in words, for "... expected, not ...". */
static const char *kind_words(const struct yaml_node *n) {
    switch (n->kind) {
        case YAML_NULL:
            return "nothing";
        case YAML_SEQUENCE:
            return "a list";
        case YAML_MAPPING:
            return "a mapping";
        case YAML_SCALAR:
            break;
    }
    return n->quoted ? "a quoted text" : "a text";
}

/* A scalar that may be a number or a truth value. */
static int expect_plain(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, const char *type,
                        struct error *err) {
    if (!n) return yaml_error(doc, yaml_root(doc), err, "`%s` is missing; it must be %s", what, type);
    if (n->kind != YAML_SCALAR || n->quoted)
        return yaml_error(doc, n, err, "`%s` must be %s, not %s", what, type, kind_words(n));
    return 0;
}

int yaml_int(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int64_t min, int64_t max,
             int64_t *ret, struct error *err) {
    if (expect_plain(doc, n, what, "a whole number", err) != 0) return -1;
    int64_t value;
    enum number_status status = number_int(n->text, &value);
    if (status == NUMBER_MALFORMED)
        return yaml_error(doc, n, err, "`%s` must be a whole number, not `%.80s`", what, n->text);
    if (status == NUMBER_RANGE || value < min || value > max)
        return yaml_error(doc, n, err, "`%s` is %.80s; it must lie between %lld and %lld", what, n->text,
                          (long long)min, (long long)max);
    *ret = value;
    return 0;
}

int yaml_double(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, double *ret,
                struct error *err) {
    if (expect_plain(doc, n, what, "a number", err) != 0) return -1;
    double value;
    enum number_status status = number_double(n->text, &value);
    if (status == NUMBER_MALFORMED)
        return yaml_error(doc, n, err, "`%s` must be a finite number, not `%.80s`", what, n->text);
    if (status == NUMBER_RANGE) return yaml_error(doc, n, err, "`%s` is out of range: %.80s", what, n->text);
    *ret = value;
    return 0;
}

int yaml_bool(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, bool *ret, struct error *err) {
    if (expect_plain(doc, n, what, "true or false", err) != 0) return -1;
    static const char *const words[2][3] = {{"false", "False", "FALSE"}, {"true", "True", "TRUE"}};
    for (int truth = 0; truth < 2; truth++)
        for (int i = 0; i < 3; i++)
            if (strcmp(n->text, words[truth][i]) == 0) return *ret = truth, 0;
    return yaml_error(doc, n, err, "`%s` must be true or false, not `%.80s`", what, n->text);
}

const char *yaml_string(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct error *err) {
    if (n && n->kind == YAML_SCALAR) return n->text;
    if (!n)
        yaml_error(doc, yaml_root(doc), err, "`%s` is missing; it must be a text", what);
    else
        yaml_error(doc, n, err, "`%s` must be a text, not %s", what, kind_words(n));
    return NULL;
}
