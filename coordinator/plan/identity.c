#include "coordinator/plan/identity.h"

#include <jansson.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/random.h"
#include "coordinator/plan/size.h"
#include "problems/graph/problem.h"

#define SETS_MAX 64

static void fill_policy(struct rec_policy *policy, const struct campaign_file *file, const struct problem *problem,
                        int search_tasks) {
    if (file->sets > 0) policy->sets = file->sets < SETS_MAX ? file->sets : SETS_MAX;
    if (file->notes_load) rec_set(&policy->busy, "note");
    policy->promote = file->promote;
    policy->queue_timeout_ms = file->limits.queue_ms;
    policy->compile_timeout_ms = file->limits.compile_ms;
    policy->run_timeout_ms = file->limits.run_ms;
    policy->silence_timeout_ms = file->limits.silence_ms;
    /* Where winners are promoted, the promotion is what is audited (plan/promotion.c). */
    policy->audit = file->audit && !file->promote;
    if (search_tasks > 0) {
        if (file->budget_ms > 0) policy->budget_ms = file->budget_ms / search_tasks;
        int64_t candidates = file->budget_candidates / search_tasks;
        if (file->budget_candidates > 0)
            policy->candidates = candidates > 0 ? (int32_t)(candidates < 1000000 ? candidates : 1000000) : 1;
    }
    for (size_t i = 0; i < problem_size_count(problem); i++) {
        const char *size = problem_size_name(problem, i);
        if (size_is_reserved(size) && strcmp(size, "check") != 0) rec_list_string_push(&policy->held_out_sizes, size);
    }
}

char *policy_text(const struct campaign_file *file, const struct problem *problem, int search_tasks) {
    struct rec_policy policy;
    rec_policy_init(&policy);
    fill_policy(&policy, file, problem, search_tasks);
    json_t *baselines = json_array(), *root = json_object();
    static const char *const usual[] = {"plain", "fused"};
    for (size_t i = 0; i < (file->n_baselines ? file->n_baselines : 2); i++)
        json_array_append_new(baselines, json_string(file->n_baselines ? file->baselines[i] : usual[i]));
    json_object_set_new(root, "baselines", baselines);
    json_object_set_new(root, "policy", codec_to_json(&rec_policy_desc, &policy));
    if (file->audit && file->promote) json_object_set_new(root, "audit_promoted", json_true());
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    rec_policy_done(&policy);
    return text;
}

int policy_apply(const char *text, struct rec_task *task, struct error *err) {
    json_t *root = json_loads(text, 0, NULL);
    struct rec_policy policy;
    if (!root || codec_from_json(&rec_policy_desc, json_object_get(root, "policy"), &policy, err) != 0) {
        json_decref(root);
        return root ? -1 : error_set(err, ERR_INVALID, "stored policy is not JSON");
    }
    rec_policy_done(&task->policy);
    task->policy = policy;
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(root, "baselines"), i, name) {
        if (json_is_string(name)) rec_list_string_push(&task->baselines, json_string_value(name));
    }
    const char *config = json_string_value(json_object_get(root, "config"));
    const char *seeds = json_string_value(json_object_get(root, "seeds"));
    if (config) rec_set(&task->config, config);
    if (seeds) rec_set(&task->seeds, seeds);
    json_decref(root);
    return 0;
}

void policy_copy(const struct rec_task *from, struct rec_task *to) {
    rec_policy_done(&to->policy);
    rec_policy_copy(&to->policy, &from->policy);
    for (size_t i = 0; i < from->baselines.count; i++) rec_list_string_push(&to->baselines, from->baselines.items[i]);
    rec_set(&to->config, from->config);
    rec_set(&to->seeds, from->seeds);
}

void task_identify(struct row_task *row, const char *purpose, int repetition) {
    struct sha256 h;
    uint8_t digest[32];
    char number[16];
    snprintf(number, sizeof number, "%d", repetition);
    sha256_init(&h);
    sha256_field(&h, "portolan task 1");
    sha256_field(&h, row->campaign);
    sha256_field(&h, purpose);
    sha256_field(&h, number);
    sha256_field(&h, row->kind);
    sha256_field(&h, row->problem_hash);
    sha256_field(&h, row->kernel_hash);
    sha256_field(&h, row->size);
    sha256_field(&h, row->target);
    sha256_field(&h, row->policy_hash);
    if (*row->parent) sha256_field(&h, row->parent);
    sha256_final(&h, digest);
    hex_encode(digest, (TASK_ID_SIZE - 1) / 2, row->id);
}

void campaign_id_new(bool is_try, char out[CAMPAIGN_ID_SIZE]) {
    out[0] = is_try ? 't' : 'c';
    random_hex(out + 1, 6);
}
