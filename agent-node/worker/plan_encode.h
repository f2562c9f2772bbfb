/* A plan as it travels to a runner (struct wire_plan and what follows). */
#pragma once
#include "common/buf.h"
#include "common/error.h"
#include "problems/kernel/plan.h"

/* Appends the plan and then `rest` (source, preprocessed text or binary). ERR_LIMIT names what is over the protocol's
 * limits. */
int plan_encode(const struct plan *plan, const void *rest, size_t rest_len, struct buf *out, struct error *err);
