/* Any bytes as a YAML file. Every tree that is accepted keeps the promises of common/yaml.h: depth, node count, text
 * keys without duplicates, lines within the file; every refusal names the file. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

struct walk {
    const struct yaml_doc *doc;
    size_t nodes;
    int lines;
};

/* The typed readers either succeed or complain; they never touch *ret when they complain. */
static void read_scalar(const struct walk *w, const struct yaml_node *n) {
    struct error err = ERROR_INIT;
    int64_t whole = 42;
    double real = 42;
    bool truth = true;
    if (yaml_int(w->doc, n, "x", -5, 5, &whole, &err) == 0)
        require(whole >= -5 && whole <= 5);
    else
        require(whole == 42 && err.code == ERR_INVALID);
    if (yaml_double(w->doc, n, "x", &real, &err) != 0) require(real == 42);
    if (yaml_bool(w->doc, n, "x", &truth, &err) == 0) require(n->kind == YAML_SCALAR && !n->quoted);
    const char *text = yaml_string(w->doc, n, "x", &err);
    require((text != NULL) == (n->kind == YAML_SCALAR));
}

static void walk(struct walk *w, const struct yaml_node *n, int depth) {
    require(depth <= 33 && ++w->nodes <= 100000);
    require(n->line >= 1 && n->line <= w->lines + 1 && n->column >= 1);
    read_scalar(w, n);
    if (n->kind == YAML_SCALAR || n->kind == YAML_NULL) require(n->text != NULL);
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == YAML_MAPPING) {
            require(n->keys[i]->kind == YAML_SCALAR && n->keys[i]->text[0]);
            if (n->count < 200) require(yaml_get(n, n->keys[i]->text) == n->items[i]); /* no duplicate before it */
            w->nodes++;
        }
        walk(w, n->items[i], depth + 1);
    }
}

static void check_keys(const struct yaml_doc *doc) {
    static const char *const known[] = {"problem", "sizes", "inputs", NULL};
    struct error err = ERROR_INIT;
    if (yaml_check_keys(doc, yaml_root(doc), known, &err) != 0) require(strncmp(err.text, "seed.yaml:", 10) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    struct yaml_doc *doc = yaml_parse((const char *)data, size, "seed.yaml", &err);
    if (!doc) {
        require((err.code == ERR_INVALID || err.code == ERR_LIMIT) && strncmp(err.text, "seed.yaml:", 10) == 0);
        return 0;
    }
    struct walk w = {.doc = doc, .lines = (int)size + 1}; /* each kind of line end is at least one byte */
    walk(&w, yaml_root(doc), 0);
    check_keys(doc);
    yaml_free(doc);
    return 0;
}
