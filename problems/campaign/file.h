/* What campaign files share with other files that name targets and durations (coordinator/sweep/file.c). */
#pragma once
#include "common/yaml.h"
#include "problems/campaign/campaign.h"

/* One entry of `targets:`: a name, a glob, or a selector (target.c). */
int target_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target *ret, struct error *err);
void target_done(struct campaign_target *t);
/* `targets:`, at least one; *ret_n counts those that target_done() has to free, also after an error. */
int targets_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target **ret, size_t *ret_n,
                  struct error *err);
/* A list of at least one text, none twice. */
struct list {
    char ***items;
    size_t *n;
};
int list_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct list ret,
               struct error *err);
void list_free(char **items, size_t n);
/* `busy:` refuse or note; `sets:` and `priority:` in their ranges. `n` may be NULL: nothing is changed. */
int busy_parse(const struct yaml_doc *doc, const struct yaml_node *n, bool *ret_notes, struct error *err);
int sets_parse(const struct yaml_doc *doc, const struct yaml_node *n, int *ret, struct error *err);
int priority_parse(const struct yaml_doc *doc, const struct yaml_node *n, int *ret, struct error *err);
int campaign_fail(struct error *err, enum error_code code); /* replaces the code that yaml_error() set; returns -1 */
/* `limits:`; `n` may be NULL (limits.c). */
int limits_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_limits *ret, struct error *err);
int duration_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int64_t *ret,
                   struct error *err);
