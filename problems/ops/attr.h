/* Reading a node's attributes with the defaults of its operator's table. */
#pragma once
#include "problems/ops/op.h"

/* Attribute `slot`, or the table's default where the file did not set it. */
int64_t attr_int(const struct node *n, int slot);
/* One value per spatial axis: a single value stands for all. */
int64_t attr_axis_int(const struct node *n, int slot, int axis);
bool attr_bool(const struct node *n, int slot);
double attr_float(const struct node *n, int slot);
/* The word's index in the table's list ("none|tanh": tanh is 1). */
int attr_word(const struct node *n, int slot);
/* Attribute `slot` as an axis of a tensor of `rank` axes, negative ones counted from the end. ERR_INVALID. */
int attr_axis(const struct node *n, int slot, int rank, int *ret, struct error *err);
/* An operand list of one element type that can be computed with (f32, f16). ERR_INVALID names operator and types. */
int operands_real(const struct node *n, const struct tensor *in, struct error *err);
