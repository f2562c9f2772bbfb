/* Internal to problems/campaign/. */
#pragma once
#include "common/yaml.h"
#include "problems/campaign/campaign.h"

/* One entry of `targets:`: a name, a glob, or a selector (target.c). */
int target_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target *ret, struct error *err);
void target_done(struct campaign_target *t);
int campaign_fail(struct error *err, enum error_code code); /* replaces the code that yaml_error() set; returns -1 */
/* `limits:`; `n` may be NULL (limits.c). */
int limits_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_limits *ret, struct error *err);
int duration_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int64_t *ret,
                   struct error *err);
