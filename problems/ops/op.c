/* The table of operators. */
#include "problems/ops/op.h"

#include "common/suggest.h"

#include <string.h>

static const struct op *const TABLE[] = {
#define X(name) &op_##name,
#include "problems/ops/ops.def"
#undef X
};
#define TABLE_COUNT (sizeof TABLE / sizeof TABLE[0])

const struct op *const *op_all(size_t *ret_n) {
    *ret_n = TABLE_COUNT;
    return TABLE;
}

const struct op *op_find(const char *name) {
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (strcmp(TABLE[i]->name, name) == 0) return TABLE[i];
    return NULL;
}

const char *op_nearest(const char *name) {
    const char *names[TABLE_COUNT + 1] = {NULL};
    for (size_t i = 0; i < TABLE_COUNT; i++) names[i] = TABLE[i]->name;
    return suggest_nearest(name, names);
}
