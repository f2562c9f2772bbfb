/* `structure: lower|upper|symmetric|diagonal`: what the last two axes of a tensor have in common, whatever its data. */
#include <math.h>
#include <string.h>

#include "problems/graph/ast.h"

static const char *const NAMES[STRUCTURE_COUNT] = {[STRUCTURE_LOWER] = "lower",
                                                   [STRUCTURE_UPPER] = "upper",
                                                   [STRUCTURE_SYMMETRIC] = "symmetric",
                                                   [STRUCTURE_DIAGONAL] = "diagonal"};

/* Zeros come into the tensor, so its domain must have them. */
static int check_zeros(const struct problem *p, const struct tensor_def *t, struct error *err) {
    if (t->fill.structure == STRUCTURE_SYMMETRIC || t->fill.domain != DOMAIN_POSITIVE) return 0;
    return yaml_error(p->doc, t->fill.structure_at, err, "`%s`: structure %s makes zeros, which are not positive",
                      t->name, NAMES[t->fill.structure]);
}

int structure_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err) {
    if (!n) return 0;
    const char *text = yaml_string(p->doc, n, "structure", err);
    if (!text) return -1;
    t->fill.structure_at = n;
    for (int i = 1; i < STRUCTURE_COUNT; i++)
        if (strcmp(text, NAMES[i]) == 0) t->fill.structure = (enum structure_kind)i;
    if (t->fill.structure == STRUCTURE_NONE) {
        yaml_error(p->doc, n, err, "unknown structure `%.40s`", text);
        return error_hint(err, "there are lower, upper, symmetric and diagonal");
    }
    if (t->rank < 2)
        return yaml_error(p->doc, n, err, "`%s` has %d dims; a structure needs two, rows and columns", t->name,
                          t->rank);
    return check_zeros(p, t, err);
}

int structure_bind(const struct bound *b, const struct tensor_def *def, struct tensor *t, struct error *err) {
    t->fill.structure = def->fill.structure;
    if (t->fill.structure != STRUCTURE_SYMMETRIC) return 0;
    int64_t rows = t->shape.dim[t->shape.rank - 2], columns = t->shape.dim[t->shape.rank - 1];
    if (rows == columns) return 0;
    return yaml_error(b->problem->doc, def->fill.structure_at, err,
                      "size `%s`: `%s` is symmetric, but has %lld rows and %lld columns", b->size, t->name,
                      (long long)rows, (long long)columns);
}

double tensor_free_share(const struct tensor *t) {
    if (t->fill.structure == STRUCTURE_NONE) return 1;
    double rows = (double)t->shape.dim[t->shape.rank - 2], columns = (double)t->shape.dim[t->shape.rank - 1];
    double side = fmin(rows, columns), triangle = side * (side + 1) / 2;
    if (t->fill.structure == STRUCTURE_DIAGONAL) return side / (rows * columns);
    if (t->fill.structure == STRUCTURE_LOWER && rows > columns) triangle += (rows - columns) * columns;
    if (t->fill.structure == STRUCTURE_UPPER && columns > rows) triangle += (columns - rows) * rows;
    return triangle / (rows * columns);
}
