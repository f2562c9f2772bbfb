/* Names in problem and kernel files: of tensors, sizes' dims, tunables, problems and kernels. */
#pragma once
#include <stdbool.h>

/* NULL when `name` is fit for a tensor: a C identifier of at most 63 characters, without two leading underscores, that
 * is no keyword of C or OpenCL C. Else a static text that completes "the name `x` ...". */
const char *name_problem(const char *name);
/* The same for dims and tunables, which reach kernels as arguments and macros: built-in functions and macros of OpenCL
 * C and the functions of expressions are refused as well. */
const char *name_macro_problem(const char *name);
/* For problems, kernels, campaigns and sizes: [A-Za-z0-9][A-Za-z0-9._-]*, at most 63 characters. */
const char *name_title_problem(const char *name);
bool name_is_identifier(const char *name);
