/* Any text as an expression, evaluated with extreme values: never a trap, never an unbounded recursion, and the same
 * result every time. */
#include <stdlib.h>
#include <string.h>

#include "common/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* One-letter names are the interesting numbers; "u..." is unknown. */
static bool lookup(void *context, const char *name, int64_t *ret) {
    static const int64_t values[] = {0,   1, -1, 2, INT64_MAX, INT64_MIN, INT64_MIN + 1, INT32_MAX, INT64_C(1) << 32,
                                     4096};
    ++*(int *)context;
    if (name[0] == 'u') return false;
    return *ret = values[(unsigned char)name[0] % (sizeof values / sizeof *values)], true;
}

static void count(void *context, const char *name) {
    require(name[0] != 0);
    ++*(int *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[2048];
    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse(text, &err);
    if (!e) {
        require((err.code == ERR_INVALID || err.code == ERR_LIMIT) && err.text[0]);
        return 0;
    }
    require(strlen(text) <= 1024 && strcmp(expr_text(e), text) == 0);
    int names = 0, looked_up = 0;
    expr_names(e, count, &names);
    int64_t first = 77, second = 78;
    int status = expr_eval(e, lookup, &looked_up, &first, &err);
    require(looked_up <= names && names <= 256);
    if (status != 0) require(first == 77 && err.code == ERR_INVALID);
    require(expr_eval(e, lookup, &looked_up, &second, NULL) == status);
    require(status != 0 || first == second);
    expr_free(e);
    return 0;
}
