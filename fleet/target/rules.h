/* Target rules: which class of device a device belongs to. The first rule that matches gives the name: those of
 * fleet.yaml, then the built-in ones, else vendor and model. In fleet.yaml:
 *
 *   targets:
 *     - {target: h100-pcie, when: {vendor: nvidia, name: "~ *H100 PCIe*"}}
 *     - {target: big-gpu,   when: {kind: gpu, memory: ">= 40 GiB", labels: [prod, quiet]}}
 *
 * `when` is a selector (selector.h); a list of values means all of them. Other keys of the file belong to others. */
#pragma once
#include <stddef.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "fleet/target/identity.h"
#include "records.h"

#define TARGET_MAX_RULES 1000
struct target_rules;
/* ERR_INVALID "FILE:LINE:COL: ...", ERR_LIMIT. */
struct target_rules *target_rules_parse(const char *text, size_t len, const char *filename, struct error *err);
/* Also ERR_NOT_FOUND, ERR_IO. */
struct target_rules *target_rules_load(const char *path, struct error *err);
/* Accepts NULL. */
void target_rules_free(struct target_rules *rules);
DEFINE_CLEANUP(cleanup_target_rules, struct target_rules *, target_rules_free)
/* `rules` may be NULL: the built-in ones alone. */
void target_rules_name(const struct target_rules *rules, const struct rec_device *d, char out[TARGET_NAME_SIZE]);
/* Target names are [a-z0-9-], 1 to 63 of them, beginning with a letter or digit. */
bool target_name_valid(const char *name);
