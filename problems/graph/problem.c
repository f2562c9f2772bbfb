/* Problem files: the top level of the parser, and what can be asked of a problem. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "problems/graph/ast.h"
#include "problems/graph/flow.h"
#include "problems/graph/names.h"

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

static int head_parse(struct problem *p, const struct yaml_node *root, struct error *err) {
    static const char *const keys[] = {"problem", "level",   "origin", "exempt",  "sizes", "where",
                                       "inputs",  "weights", "graph",  "outputs", NULL};
    if (yaml_check_keys(p->doc, root, keys, err) != 0) return -1;
    const struct yaml_node *n = yaml_get(root, "problem");
    const char *name = yaml_string(p->doc, n, "problem", err);
    if (!name) return -1;
    const char *why = name_title_problem(name);
    if (why) return yaml_error(p->doc, n, err, "the problem's name `%.80s` %s", name, why);
    memcpy(p->name, name, strlen(name) + 1);
    int64_t level = 0;
    if (yaml_get(root, "level") && yaml_int(p->doc, yaml_get(root, "level"), "level", 0, 9, &level, err) != 0)
        return -1;
    p->level = (int)level;
    p->origin = p->exempt = "";
    if (yaml_get(root, "origin") && !(p->origin = yaml_string(p->doc, yaml_get(root, "origin"), "origin", err)))
        return -1;
    n = yaml_get(root, "exempt");
    if (!n) return 0;
    if (!(p->exempt = yaml_string(p->doc, n, "exempt", err))) return -1;
    if (*p->exempt && strlen(p->exempt) <= PROBLEM_EXEMPT_MAX) return 0;
    return yaml_error(p->doc, n, err,
                      "`exempt` must say in 1 to %d characters why the problem may pass `portolan problem check` by",
                      PROBLEM_EXEMPT_MAX);
}

static int graph_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(p->doc, n ? n : yaml_root(p->doc), err, "`graph` must be a list of lines, as [y = relu(x)]");
    if (n->count > PROBLEM_MAX_TENSORS - (size_t)p->n_defs) {
        yaml_error(p->doc, n, err, "%zu lines beside %d inputs and weights; at most %d tensors are allowed", n->count,
                   p->n_defs, PROBLEM_MAX_TENSORS);
        return ast_limit(err);
    }
    p->node = xcalloc(n->count, sizeof *p->node);
    for (size_t i = 0; i < n->count; i++)
        if (line_parse(p, n->items[i], err) != 0) {
            node_def_done(&p->node[p->n_nodes]);
            return -1;
        }
    return 0;
}

static int output_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    const char *name = yaml_string(p->doc, n, "outputs", err);
    if (!name) return -1;
    int tensor = problem_find_tensor(p, name);
    if (tensor < 0) {
        yaml_error(p->doc, n, err, "the output `%.64s` is no tensor of the graph", name);
        return problem_hint_tensor(p, name, err);
    }
    if (tensor < p->n_defs)
        return yaml_error(p->doc, n, err, "`%s` is an input; an output must come from a line of the graph", name);
    struct node_def *node = &p->node[tensor - p->n_defs];
    if (node->is_output) return yaml_error(p->doc, n, err, "the output `%s` is listed twice", name);
    node->is_output = true;
    p->output[p->n_outputs++] = tensor;
    return 0;
}

static int outputs_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(p->doc, n ? n : yaml_root(p->doc), err, "`outputs` must list at least one tensor, as [y]");
    if (n->count > PROBLEM_MAX_OUTPUTS) {
        yaml_error(p->doc, n, err, "%zu outputs; at most %d are allowed", n->count, PROBLEM_MAX_OUTPUTS);
        return ast_limit(err);
    }
    for (size_t i = 0; i < n->count; i++)
        if (output_parse(p, n->items[i], err) != 0) return -1;
    return 0;
}

/* What nothing needs is a slip of the pen, and would be timed or uploaded all the same. */
static int check_used(const struct problem *p, struct error *err) {
    for (int i = 0; i < p->n_defs; i++)
        if (!p->def[i].used)
            return yaml_error(p->doc, p->def[i].at, err, "the %s `%s` is used by no line of the graph",
                              p->def[i].role == TENSOR_WEIGHT ? "weight" : "input", p->def[i].name);
    for (int i = 0; i < p->n_nodes; i++)
        if (!p->node[i].used && !p->node[i].is_output)
            return yaml_error(p->doc, p->node[i].at, err, "`%s` is neither used by a later line nor an output",
                              p->node[i].name);
    return 0;
}

/* Binding every named size finds mismatched shapes now rather than on a node. */
static int check_sizes(const struct problem *p, struct error *err) {
    for (size_t i = 0; i < p->n_sizes; i++) {
        CLEANUP(cleanup_bound) struct bound *b = problem_bind(p, p->size[i].name, err);
        if (!b) return -1;
    }
    return 0;
}

struct problem *problem_parse(const char *text, size_t len, const char *filename, struct error *err) {
    if (len > PROBLEM_MAX_BYTES) {
        error_set(err, ERR_LIMIT, "%s: %zu bytes are over a problem file's limit of %d", filename, len,
                  PROBLEM_MAX_BYTES);
        return NULL;
    }
    CLEANUP(cleanup_problem) struct problem *p = xcalloc(1, sizeof *p);
    p->doc = flow_yaml_parse(text, len, filename, err);
    if (!p->doc) return NULL;
    p->text = xstrndup(text, len);
    p->text_len = len;
    const struct yaml_node *root = yaml_root(p->doc);
    if (head_parse(p, root, err) != 0) return NULL;
    if (sizes_parse(p, yaml_get(root, "sizes"), err) != 0) return NULL;
    if (where_parse(p, yaml_get(root, "where"), err) != 0) return NULL;
    if (tensors_parse(p, yaml_get(root, "inputs"), yaml_get(root, "weights"), err) != 0) return NULL;
    if (graph_parse(p, yaml_get(root, "graph"), err) != 0) return NULL;
    if (outputs_parse(p, yaml_get(root, "outputs"), err) != 0) return NULL;
    if (check_used(p, err) != 0 || check_sizes(p, err) != 0) return NULL;
    return TAKE(p);
}

struct problem *problem_load(const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, PROBLEM_MAX_BYTES, &len, err);
    return text ? problem_parse(text, len, path, err) : NULL;
}

void problem_free(struct problem *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n_where; i++) expr_free(p->where[i].e);
    for (int i = 0; i < p->n_defs; i++) {
        for (int k = 0; k < p->def[i].rank; k++) expr_free(p->def[i].dim[k].e);
        fill_def_done(&p->def[i].fill);
    }
    for (int i = 0; i < p->n_nodes; i++) node_def_done(&p->node[i]);
    free(p->size);
    free(p->where);
    free(p->def);
    free(p->node);
    free(p->text);
    yaml_free(p->doc);
    free(p);
}

const char *problem_name(const struct problem *p) {
    return p->name;
}

const char *problem_text(const struct problem *p) {
    return p->text;
}

int problem_level(const struct problem *p) {
    return p->level;
}

const char *problem_origin(const struct problem *p) {
    return p->origin;
}

const char *problem_exempt(const struct problem *p) {
    return p->exempt;
}

void problem_hash(const struct problem *p, char out[65]) {
    sha256_hex(p->text, p->text_len, out);
}

size_t problem_size_count(const struct problem *p) {
    return p->n_sizes;
}

const char *problem_size_name(const struct problem *p, size_t i) {
    return p->size[i].name;
}
