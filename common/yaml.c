/* Builds the tree from libyaml's events. libyaml's types do not leave this file. Everything that portolan's files do
 * not need and that has surprised people elsewhere is refused: anchors and aliases, tags, a second document, duplicate
 * keys, NUL bytes. The tree is built without recursion, and freed through a list of all nodes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/yaml.h"

#define YAML_BYTES_MAX (1024 * 1024)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000

/* A node with what only building and freeing need. */
struct built_node {
    struct yaml_node node; /* first, so that the pointers convert */
    struct built_node *next;
    size_t capacity;
    struct yaml_node *pending_key; /* mapping: a key that waits for its value */
};

struct yaml_doc {
    char *filename;
    struct yaml_node *root;
    struct built_node *nodes;
    size_t n_nodes;
};

struct builder {
    struct yaml_doc *doc;
    struct built_node *stack[YAML_DEPTH_MAX];
    size_t depth;
    bool document_seen;
    struct error *err;
};

static int fail_at(const struct builder *b, yaml_mark_t mark, enum error_code code, const char *what) {
    return error_set(b->err, code, "%s:%zu:%zu: %s", b->doc->filename, mark.line + 1, mark.column + 1, what);
}

static struct built_node *add_node(struct builder *b, enum yaml_kind kind, yaml_mark_t mark) {
    if (b->doc->n_nodes >= YAML_NODES_MAX) {
        error_set(b->err, ERR_LIMIT, "%s:%zu:%zu: more than %d nodes in one file", b->doc->filename, mark.line + 1,
                  mark.column + 1, YAML_NODES_MAX);
        return NULL;
    }
    struct built_node *n = xcalloc(1, sizeof *n);
    n->node.kind = kind;
    n->node.line = (int)mark.line + 1;
    n->node.column = (int)mark.column + 1;
    n->next = b->doc->nodes;
    b->doc->nodes = n;
    b->doc->n_nodes++;
    return n;
}

static void grow(struct built_node *parent) {
    if (parent->node.count < parent->capacity) return;
    parent->capacity = parent->capacity ? parent->capacity * 2 : 8;
    parent->node.items = xrealloc(parent->node.items, parent->capacity * sizeof *parent->node.items);
    if (parent->node.kind == YAML_MAPPING)
        parent->node.keys = xrealloc(parent->node.keys, parent->capacity * sizeof *parent->node.keys);
}

/* Whether the next node is the key of a mapping. */
static bool key_expected(const struct builder *b) {
    return b->depth > 0 && b->stack[b->depth - 1]->node.kind == YAML_MAPPING && !b->stack[b->depth - 1]->pending_key;
}

/* Puts a node where the document is at: root, item, key or value. */
static void attach(struct builder *b, struct yaml_node *n) {
    if (b->depth == 0) {
        b->doc->root = n;
        return;
    }
    struct built_node *parent = b->stack[b->depth - 1];
    if (key_expected(b)) {
        parent->pending_key = n;
        return;
    }
    grow(parent);
    if (parent->node.kind == YAML_MAPPING) parent->node.keys[parent->node.count] = parent->pending_key;
    parent->pending_key = NULL;
    parent->node.items[parent->node.count++] = n;
}

static bool is_null_text(const char *s) {
    return s[0] == 0 || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 || strcmp(s, "Null") == 0 ||
           strcmp(s, "NULL") == 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *e) {
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, key = key_expected(b);
    if (e->data.scalar.anchor) return fail_at(b, e->start_mark, ERR_INVALID, "anchors and aliases are not supported");
    if (e->data.scalar.tag) return fail_at(b, e->start_mark, ERR_INVALID, "tags are not supported");
    if (memchr(text, 0, len)) return fail_at(b, e->start_mark, ERR_INVALID, "a text may not hold a NUL character");
    if (key && len == 0) return fail_at(b, e->start_mark, ERR_INVALID, "a key is empty");
    enum yaml_kind kind = !quoted && !key && is_null_text(text) ? YAML_NULL : YAML_SCALAR;
    struct built_node *n = add_node(b, kind, e->start_mark);
    if (!n) return -1;
    n->node.quoted = quoted;
    n->node.text = xstrndup(text, len);
    attach(b, &n->node);
    return 0;
}

static int on_start(struct builder *b, const yaml_event_t *e, enum yaml_kind kind) {
    bool sequence = kind == YAML_SEQUENCE;
    if (sequence ? e->data.sequence_start.anchor : e->data.mapping_start.anchor)
        return fail_at(b, e->start_mark, ERR_INVALID, "anchors and aliases are not supported");
    if (sequence ? e->data.sequence_start.tag : e->data.mapping_start.tag)
        return fail_at(b, e->start_mark, ERR_INVALID, "tags are not supported");
    if (key_expected(b)) return fail_at(b, e->start_mark, ERR_INVALID, "a key must be a plain text");
    if (b->depth == YAML_DEPTH_MAX)
        return error_set(b->err, ERR_LIMIT, "%s:%zu:%zu: nested deeper than %d", b->doc->filename,
                         e->start_mark.line + 1, e->start_mark.column + 1, YAML_DEPTH_MAX);
    struct built_node *n = add_node(b, kind, e->start_mark);
    if (!n) return -1;
    attach(b, &n->node);
    b->stack[b->depth++] = n;
    return 0;
}

static int compare_keys(const void *a, const void *b) {
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->text, y->text);
    if (order != 0) return order;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* Sorted, so that a file made of keys alone does not take quadratic time. */
static int check_duplicates(const struct builder *b, const struct yaml_node *map) {
    if (map->count < 2) return 0;
    CLEANUP_FREE struct yaml_node **sorted = xmalloc(map->count * sizeof *sorted);
    memcpy(sorted, map->keys, map->count * sizeof *sorted);
    qsort(sorted, map->count, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < map->count; i++)
        if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
            return yaml_error(b->doc, sorted[i], b->err, "the key `%s` is there twice, first on line %d",
                              sorted[i]->text, sorted[i - 1]->line);
    return 0;
}

static int on_end(struct builder *b) {
    assert(b->depth > 0); /* libyaml balances its events */
    const struct built_node *n = b->stack[--b->depth];
    return n->node.kind == YAML_MAPPING ? check_duplicates(b, &n->node) : 0;
}

static int on_event(struct builder *b, const yaml_event_t *e) {
    switch (e->type) {
        case YAML_DOCUMENT_START_EVENT:
            if (b->document_seen) return fail_at(b, e->start_mark, ERR_INVALID, "a second document in one file");
            b->document_seen = true;
            return 0;
        case YAML_ALIAS_EVENT:
            return fail_at(b, e->start_mark, ERR_INVALID, "anchors and aliases are not supported");
        case YAML_SCALAR_EVENT:
            return on_scalar(b, e);
        case YAML_SEQUENCE_START_EVENT:
            return on_start(b, e, YAML_SEQUENCE);
        case YAML_MAPPING_START_EVENT:
            return on_start(b, e, YAML_MAPPING);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            return on_end(b);
        default:
            return 0;
    }
}

static int on_parser_error(const struct builder *b, const yaml_parser_t *parser, const char *text, size_t len) {
    if (parser->error == YAML_MEMORY_ERROR) return error_set(b->err, ERR_NOMEM, "%s: out of memory", b->doc->filename);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    yaml_mark_t at = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) { /* has an offset in place of a mark */
        at.line = at.column = 0;
        for (size_t i = 0; i < len && i < parser->problem_offset; i++) {
            at.column = text[i] == '\n' ? 0 : at.column + 1;
            at.line += text[i] == '\n';
        }
    }
    if (!parser->context) return fail_at(b, at, ERR_INVALID, problem);
    return error_set(b->err, ERR_INVALID, "%s:%zu:%zu: %s %s", b->doc->filename, at.line + 1, at.column + 1, problem,
                     parser->context);
}

static int build(struct builder *b, yaml_parser_t *parser, const char *text, size_t len) {
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) return on_parser_error(b, parser, text, len);
        more = event.type != YAML_STREAM_END_EVENT;
        int status = on_event(b, &event);
        yaml_event_delete(&event);
        if (status != 0) return -1;
    }
    if (!b->doc->root) {
        struct built_node *empty = add_node(b, YAML_NULL, (yaml_mark_t){0});
        empty->node.text = xstrdup("");
        b->doc->root = &empty->node;
    }
    return 0;
}

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)

struct yaml_doc *yaml_parse(const char *text, size_t len, const char *filename, struct error *err) {
    if (len > YAML_BYTES_MAX) {
        error_set(err, ERR_LIMIT, "%s: %zu bytes are over the limit of %d", filename, len, YAML_BYTES_MAX);
        return NULL;
    }
    CLEANUP(cleanup_doc) struct yaml_doc *doc = xcalloc(1, sizeof *doc);
    doc->filename = xstrdup(filename);
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        error_set(err, ERR_NOMEM, "%s: out of memory", filename);
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    struct builder b = {.doc = doc, .err = err};
    int status = build(&b, &parser, text, len);
    yaml_parser_delete(&parser);
    return status == 0 ? TAKE(doc) : NULL;
}

void yaml_free(struct yaml_doc *doc) {
    if (!doc) return;
    while (doc->nodes) {
        struct built_node *n = doc->nodes;
        doc->nodes = n->next;
        free(n->node.text);
        free(n->node.items);
        free(n->node.keys);
        free(n);
    }
    free(doc->filename);
    free(doc);
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc) {
    return doc->root;
}

const char *yaml_filename(const struct yaml_doc *doc) {
    return doc->filename;
}
