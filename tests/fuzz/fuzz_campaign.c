/* Any bytes as a campaign file. What is accepted has every list filled and every number in its range. */
#include <stdlib.h>
#include <string.h>

#include "problems/campaign/campaign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_list(char *const *list, size_t n) {
    require(n >= 1 && n <= CAMPAIGN_MAX_LIST);
    for (size_t i = 0; i < n; i++) require(list[i] && list[i][0]);
}

static void check_target(const struct campaign_target *t) {
    require((t->name != NULL) == (t->n_terms == 0) && t->n_terms <= CAMPAIGN_MAX_TERMS);
    for (size_t i = 0; i < t->n_terms; i++) require(t->term[i].key[0] && t->term[i].op[0] && t->term[i].value[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    struct campaign_file *c = campaign_parse((const char *)data, size, "seed.yaml", &err);
    if (!c) {
        require(err.code == ERR_INVALID || err.code == ERR_LIMIT || err.code == ERR_UNSUPPORTED);
        require(strncmp(err.text, "seed.yaml:", 10) == 0);
        return 0;
    }
    check_list(c->problems, c->n_problems);
    check_list(c->strategies, c->n_strategies);
    check_list(c->kernels, c->n_kernels);
    check_list(c->baselines, c->n_baselines);
    require(c->n_targets >= 1 && c->n_targets <= CAMPAIGN_MAX_TARGETS);
    for (size_t i = 0; i < c->n_targets; i++) check_target(&c->targets[i]);
    require(c->name[0] && c->size[0] && c->text);
    require(c->budget_ms > 0 && c->budget_candidates > 0 && c->deadline_ms >= 0 && c->weight > 0);
    require(c->sets >= 0 && c->sets <= 64 && c->priority >= -100 && c->priority <= 100);
    campaign_free(c);
    return 0;
}
