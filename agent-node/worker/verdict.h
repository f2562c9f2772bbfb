/* The verdicts of schemas/verdicts.def as an enum. The order is that of precedence: where several apply, the lowest
 * wins. */
#pragma once
#include "common/error.h"

enum verdict {
#define X(id, name, exit_status, what) id,
#include "schemas/verdicts.def"
#undef X
    VERDICT_COUNT
};

const char *verdict_name(enum verdict v);    /* "wrong_output" */
const char *verdict_meaning(enum verdict v); /* "the outputs are wrong" */
int verdict_exit_status(enum verdict v);     /* of `portolan-agent check` */
int verdict_from_name(const char *name);     /* -1 when unknown */
/* Of a kernel file that cannot be used, by the error that its parser gave. */
enum verdict verdict_of_kernel_file(enum error_code code);
