/* Integer expressions of problem and kernel files: + - * / %, unary minus, parentheses, comparisons (== != < <= > >=),
 * && ||, ceil_div(a,b), min(a,b,...), max(a,b,...), names and decimal literals. Everything is 64-bit and checked:
 * overflow, division by zero and unknown names are errors (ERR_INVALID), never wrapped values. `/` truncates.
 * Limits: 1,024 characters, 256 nodes, depth 32. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "common/error.h"
struct expr;
struct expr *expr_parse(const char *text, struct error *err);
void expr_free(struct expr *e);
const char *expr_text(const struct expr *e);
/* What one evaluation may cost: names, numbers and operators in it. */
int expr_terms(const struct expr *e);
/* Look `name` up; return false if unknown. */
typedef bool expr_lookup(void *context, const char *name, int64_t *ret);
/* `ret` is written on success only. */
int expr_eval(const struct expr *e, expr_lookup *lookup, void *context, int64_t *ret, struct error *err);
/* Calls `visit` for each name used, once per occurrence. */
void expr_names(const struct expr *e, void (*visit)(void *context, const char *name), void *context);
