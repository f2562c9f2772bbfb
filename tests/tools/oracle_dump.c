/* oracle_dump PROBLEM.yaml SIZE DISTRIBUTION SEED FOLDER: fills the problem's inputs, runs the oracle over it once on
 * one thread and once on several, and writes to FOLDER what another implementation needs to check it: graph.json, and
 * one file of raw bytes per input (its dtype) and of doubles per other tensor (value and scale). */
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/data/data.h"
#include "problems/graph/oracle.h"
#include "problems/ops/op.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#define THREADS 3

static int fail(const struct error *err) {
    fprintf(stderr, "oracle_dump: %s\n", err->text);
    return 1;
}

static void write_raw(const char *folder, int tensor, const char *what, const void *data, size_t bytes) {
    CLEANUP_FREE char *path = xasprintf("%s/%d.%s", folder, tensor, what);
    CLEANUP_FILE FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes) {
        perror(path);
        exit(1);
    }
}

static json_t *tensor_json(const struct tensor *t) {
    json_t *shape = json_array();
    for (int i = 0; i < t->shape.rank; i++) json_array_append_new(shape, json_integer(t->shape.dim[i]));
    bool given = t->role == TENSOR_INPUT || t->role == TENSOR_WEIGHT;
    return json_pack("{s:s, s:s, s:b, s:b, s:o}", "name", t->name, "dtype", dtype_name(t->dtype), "given", given,
                     "output", t->role == TENSOR_OUTPUT, "shape", shape);
}

static json_t *node_json(const struct node *n) {
    json_t *in = json_array(), *attrs = json_object();
    for (int k = 0; k < n->n_in; k++) json_array_append_new(in, json_integer(n->in[k]));
    for (int i = 0; n->op->attrs[i].name; i++) {
        const struct attr_spec *s = &n->op->attrs[i];
        const struct attr_value *v = &n->attr[i];
        if (!v->is_set) continue;
        json_t *value = s->kind == ATTR_WORD    ? json_string(v->word)
                        : s->kind == ATTR_FLOAT ? json_real(v->f)
                        : s->kind == ATTR_BOOL
                            ? json_boolean(v->i[0])
                            : json_pack("[I, I]", (json_int_t)v->i[0], (json_int_t)v->i[v->n > 1 ? 1 : 0]);
        json_object_set_new(attrs, s->name, value);
    }
    if (n->attr[OP_SCALAR].is_set) json_object_set_new(attrs, "scalar", json_real(n->attr[OP_SCALAR].f));
    return json_pack("{s:s, s:o, s:i, s:o}", "op", n->op->name, "in", in, "out", n->out, "attrs", attrs);
}

static bool same(const struct bound *b, const struct oracle_result *x, const struct oracle_result *y) {
    for (int t = 0; t < b->n_tensors; t++) {
        size_t bytes = (size_t)b->tensor[t].elements * sizeof(double);
        if (memcmp(x->value[t], y->value[t], bytes) != 0 || memcmp(x->scale[t], y->scale[t], bytes) != 0) return false;
    }
    return true;
}

static void write_tensors(const struct bound *b, const char *folder, void *const *data, const struct oracle_result *r) {
    for (int t = 0; t < b->n_tensors; t++) {
        if (data[t]) {
            write_raw(folder, t, "data", data[t], b->tensor[t].bytes);
            continue;
        }
        write_raw(folder, t, "value", r->value[t], (size_t)b->tensor[t].elements * sizeof(double));
        write_raw(folder, t, "scale", r->scale[t], (size_t)b->tensor[t].elements * sizeof(double));
    }
}

static int write_graph(const struct bound *b, const char *folder, bool identical, int64_t ns, struct error *err) {
    struct cost cost;
    bound_cost(b, &cost);
    json_t *tensors = json_array(), *nodes = json_array();
    for (int t = 0; t < b->n_tensors; t++) json_array_append_new(tensors, tensor_json(&b->tensor[t]));
    for (int i = 0; i < b->n_nodes; i++) json_array_append_new(nodes, node_json(&b->node[i]));
    json_t *root = json_pack("{s:o, s:o, s:b, s:f, s:f, s:f, s:I}", "tensors", tensors, "nodes", nodes, "identical",
                             identical, "cpu_seconds", (double)ns / 1e9, "flops", cost.flops, "oracle_flops",
                             cost.oracle_flops, "reduction", (json_int_t)cost.reduction);
    CLEANUP_FREE char *path = path_join(folder, "graph.json");
    int rc = json_dump_file(root, path, JSON_INDENT(1));
    json_decref(root);
    return rc == 0 ? 0 : error_set(err, ERR_IO, "cannot write %s", path);
}

/* CPU time of all threads: what the oracle costs, whoever else is on the machine. */
static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int dump(const struct bound *b, enum distribution d, uint8_t seed_byte, const char *folder, struct error *err) {
    struct data_seed seed = {{seed_byte}};
    void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    for (int t = 0; t < b->n_tensors; t++)
        if (b->tensor[t].role == TENSOR_INPUT || b->tensor[t].role == TENSOR_WEIGHT)
            data[t] = xmalloc(b->tensor[t].bytes);
    if (data_fill_all(b, &seed, 0, d, data, err) != 0) return -1;
    struct oracle_result one, several;
    int64_t start = cpu_ns();
    if (oracle_eval(b, (const void *const *)data, THREADS, true, NULL, &several, err) != 0) return -1;
    int64_t ns = cpu_ns() - start;
    if (oracle_eval(b, (const void *const *)data, 1, true, NULL, &one, err) != 0) return -1;
    write_tensors(b, folder, data, &several);
    int rc = write_graph(b, folder, same(b, &one, &several), ns, err);
    oracle_done(&one);
    oracle_done(&several);
    for (int t = 0; t < b->n_tensors; t++) free(data[t]);
    free(data);
    return rc;
}

static int distribution_from_name(const char *name) {
    for (int d = 0; d < DIST_COUNT; d++)
        if (strcmp(distribution_name(d), name) == 0) return d;
    return -1;
}

int main(int argc, char **argv) {
    struct error err = ERROR_INIT;
    int d = argc == 6 ? distribution_from_name(argv[3]) : -1;
    if (d < 0) {
        fprintf(stderr, "usage: oracle_dump PROBLEM.yaml SIZE DISTRIBUTION SEED FOLDER\n");
        return 2;
    }
    struct problem *p = problem_load(argv[1], &err);
    if (!p) return fail(&err);
    struct bound *b = problem_bind(p, argv[2], &err);
    if (!b) return fail(&err);
    if (dump(b, d, (uint8_t)atoi(argv[4]), argv[5], &err) != 0) return fail(&err);
    bound_free(b);
    problem_free(p);
    return 0;
}
