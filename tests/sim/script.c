/* The fleet file: groups of nodes and how they behave. docs/scale.md has the keys. */
#include <fnmatch.h>
#include <string.h>

#include "agent-node/daemon/inventory.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/yaml.h"
#include "tests/sim/sim.h"

#define NODES_MOST 20000
#define DEVICES_MOST 64
#define FILE_MOST (256 * 1024)

static const char *const lie_names[LIE_COUNT] = {
    [LIE_GARBAGE] = "garbage",
    [LIE_IDS] = "ids",
    [LIE_UNKNOWN] = "unknown",
    [LIE_STOLEN] = "stolen",
    [LIE_INCARNATION] = "incarnation",
    [LIE_EPOCH] = "epoch",
    [LIE_VERDICT] = "verdict",
    [LIE_FOREIGN] = "foreign",
    [LIE_HELD] = "held",
    [LIE_DUPLICATE] = "duplicate",
    [LIE_CONTRADICTION] = "contradiction",
};
const char *sim_lie_name(enum sim_lie lie) {
    return lie_names[lie];
}

/* Every number of a group: where it goes and what it is when it is not said. */
static const struct {
    const char *key;
    size_t offset;
    double fallback;
} numbers[] = {
#define NUMBER(field, fallback) \
    { #field, offsetof(struct sim_group, field), fallback }
    NUMBER(fail, 0),        NUMBER(busy, 0),        NUMBER(silent, 0),         NUMBER(lose, 0),
    NUMBER(late, 0),        NUMBER(die_every_s, 0), NUMBER(die_back_s, 1),     NUMBER(flap_every_s, 0),
    NUMBER(flap_back_s, 1), NUMBER(freeze_s, 0),    NUMBER(freeze_every_s, 0), NUMBER(late_s, 10),
    NUMBER(health_ms, 10),
#undef NUMBER
};
#define NUMBER_COUNT (sizeof numbers / sizeof *numbers)

static double *number_of(struct sim_group *group, size_t i) {
    return (double *)(void *)((char *)group + numbers[i].offset);
}

/* --- values ----------------------------------------------------------------------------------- */
static void add_text(struct sim_patterns *list, const char *text) {
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = xstrdup(text);
}

static int read_patterns(const struct yaml_doc *doc, const struct yaml_node *at, const char *key,
                         struct sim_patterns *ret, struct error *err) {
    if (!at) return 0;
    if (at->kind != YAML_SEQUENCE) return yaml_error(doc, at, err, "`%s` must be a list of patterns", key);
    for (size_t i = 0; i < at->count; i++) {
        const char *text = yaml_string(doc, at->items[i], key, err);
        if (!text) return -1;
        add_text(ret, text);
    }
    return 0;
}

static int read_targets(const struct yaml_doc *doc, const struct yaml_node *group, struct sim_group *ret,
                        struct error *err) {
    const struct yaml_node *at = yaml_get(group, "targets");
    if (!at || at->kind != YAML_SEQUENCE || at->count == 0)
        return yaml_error(doc, at ? at : group, err, "a group needs `targets`, a list of names");
    ret->targets = xcalloc(at->count, sizeof *ret->targets);
    for (size_t i = 0; i < at->count; i++) {
        const char *text = yaml_string(doc, at->items[i], "targets", err);
        int64_t from = 0, to = 0;
        char stem[41];
        if (!text) return -1;
        /* `name-{0..99}` stands for a hundred of them */
        if (sscanf(text, "%40[^{]{%ld..%ld}", stem, &from, &to) == 3 && to >= from && to - from < NODES_MOST) {
            ret->targets = xrealloc(ret->targets,
                                    (at->count + ret->target_count + (size_t)(to - from) + 1) * sizeof *ret->targets);
            for (int64_t n = from; n <= to; n++)
                snprintf(ret->targets[ret->target_count++], SIM_NAME_SIZE, "%s%ld", stem, n);
        } else {
            snprintf(ret->targets[ret->target_count++], SIM_NAME_SIZE, "%s", text);
        }
    }
    return 0;
}

/* `task_ms: 20` or `task_ms: [5, 20]` */
static int read_range(const struct yaml_doc *doc, const struct yaml_node *at, double ret[2], struct error *err) {
    ret[0] = ret[1] = 0;
    if (!at) return 0;
    bool pair = at->kind == YAML_SEQUENCE;
    if (pair && at->count != 2) return yaml_error(doc, at, err, "`task_ms` is a number or [LEAST, MOST]");
    if (yaml_double(doc, pair ? at->items[0] : at, "task_ms", &ret[0], err) != 0) return -1;
    ret[1] = ret[0];
    if (pair && yaml_double(doc, at->items[1], "task_ms", &ret[1], err) != 0) return -1;
    if (ret[0] < 0 || ret[1] < ret[0]) return yaml_error(doc, at, err, "`task_ms` is a number or [LEAST, MOST]");
    return 0;
}

static int read_lies(const struct yaml_doc *doc, const struct yaml_node *at, struct sim_group *ret, struct error *err) {
    const char *known[LIE_COUNT + 1] = {0};
    if (!at) return 0;
    for (int i = 0; i < LIE_COUNT; i++) known[i] = lie_names[i];
    if (at->kind != YAML_MAPPING) return yaml_error(doc, at, err, "`lies` must map kinds to probabilities");
    if (yaml_check_keys(doc, at, known, err) != 0) return -1;
    for (int i = 0; i < LIE_COUNT; i++) {
        const struct yaml_node *value = yaml_get(at, lie_names[i]);
        if (value && yaml_double(doc, value, lie_names[i], &ret->lie[i], err) != 0) return -1;
    }
    return 0;
}

static int read_flag(const struct yaml_doc *doc, const struct yaml_node *group, const char *key, bool *ret,
                     struct error *err) {
    const struct yaml_node *at = yaml_get(group, key);
    return at ? yaml_bool(doc, at, key, ret, err) : 0;
}

/* --- a group ---------------------------------------------------------------------------------- */
static int check_keys(const struct yaml_doc *doc, const struct yaml_node *at, struct error *err) {
    static const char *const other[] = {"name",   "nodes",   "devices", "targets",   "task_ms",  "lies",   "fail_on",
                                        "die_on", "hang_on", "deaf",    "unhealthy", "protocol", "trouble"};
    const char *known[NUMBER_COUNT + sizeof other / sizeof *other + 1] = {0};
    size_t n = 0;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) known[n++] = other[i];
    for (size_t i = 0; i < NUMBER_COUNT; i++) known[n++] = numbers[i].key;
    if (at->kind != YAML_MAPPING) return yaml_error(doc, at, err, "a group is a mapping");
    return yaml_check_keys(doc, at, known, err);
}

static int read_numbers(const struct yaml_doc *doc, const struct yaml_node *at, struct sim_group *ret,
                        struct error *err) {
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const struct yaml_node *value = yaml_get(at, numbers[i].key);
        *number_of(ret, i) = numbers[i].fallback;
        if (value && yaml_double(doc, value, numbers[i].key, number_of(ret, i), err) != 0) return -1;
    }
    const struct yaml_node *nodes = yaml_get(at, "nodes"), *devices = yaml_get(at, "devices");
    ret->nodes = ret->devices = 1;
    if (nodes && yaml_int(doc, nodes, "nodes", 0, NODES_MOST, &ret->nodes, err) != 0) return -1;
    if (devices && yaml_int(doc, devices, "devices", 1, DEVICES_MOST, &ret->devices, err) != 0) return -1;
    return 0;
}

static int read_group(struct sim *sim, const struct yaml_doc *doc, const struct yaml_node *at, struct error *err) {
    sim->groups = xrealloc(sim->groups, (sim->group_count + 1) * sizeof *sim->groups);
    struct sim_group *group = &sim->groups[sim->group_count++];
    memset(group, 0, sizeof *group);
    group->protocol = PROTOCOL_VERSION;
    if (check_keys(doc, at, err) != 0) return -1;
    const char *name = yaml_get(at, "name") ? yaml_string(doc, yaml_get(at, "name"), "name", err) : "sim";
    if (!name) return -1;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name) || strlen(name) > 50)
        return yaml_error(doc, at, err, "a group's name is [a-z0-9-]{1,50}: it begins its nodes' names");
    snprintf(group->name, sizeof group->name, "%s", name);
    if (read_numbers(doc, at, group, err) != 0 || read_targets(doc, at, group, err) != 0 ||
        read_range(doc, yaml_get(at, "task_ms"), group->task_ms, err) != 0 ||
        read_lies(doc, yaml_get(at, "lies"), group, err) != 0 ||
        read_patterns(doc, yaml_get(at, "fail_on"), "fail_on", &group->fail_on, err) != 0 ||
        read_patterns(doc, yaml_get(at, "die_on"), "die_on", &group->die_on, err) != 0 ||
        read_patterns(doc, yaml_get(at, "hang_on"), "hang_on", &group->hang_on, err) != 0)
        return -1;
    if (yaml_get(at, "protocol") &&
        yaml_int(doc, yaml_get(at, "protocol"), "protocol", 0, 1000, &group->protocol, err) != 0)
        return -1;
    const char *trouble = yaml_get(at, "trouble") ? yaml_string(doc, yaml_get(at, "trouble"), "trouble", err) : "";
    if (!trouble) return -1;
    snprintf(group->trouble, sizeof group->trouble, "%s", trouble);
    return read_flag(doc, at, "deaf", &group->deaf, err) || read_flag(doc, at, "unhealthy", &group->unhealthy, err) ? -1
                                                                                                                    : 0;
}

int script_add_group(struct sim *sim, const char *yaml, struct error *err) {
    struct yaml_doc *doc = yaml_parse(yaml, strlen(yaml), "--group", err);
    int status = doc ? read_group(sim, doc, yaml_root(doc), err) : -1;
    yaml_free(doc);
    return status;
}

/* --- verdicts --------------------------------------------------------------------------------- */
static void add_verdict(struct sim *sim, const char *pattern, const char *verdict) {
    add_text(&sim->verdict_patterns, pattern);
    sim->verdicts = xrealloc(sim->verdicts, sim->verdict_patterns.count * sizeof *sim->verdicts);
    sim->verdicts[sim->verdict_patterns.count - 1] = xstrdup(verdict);
}

int script_add_verdict(struct sim *sim, const char *text, struct error *err) {
    const char *equals = strchr(text, '=');
    if (!equals) return error_set(err, ERR_USAGE, "--verdict %s: PATTERN=VERDICT is expected", text);
    CLEANUP_FREE char *pattern = xstrndup(text, (size_t)(equals - text));
    add_verdict(sim, pattern, equals + 1);
    return 0;
}

bool sim_matches(const struct sim_patterns *patterns, const char *name) {
    for (size_t i = 0; i < patterns->count; i++)
        if (fnmatch(patterns->items[i], name, 0) == 0) return true;
    return false;
}

const char *sim_verdict(const struct sim *sim, const char *kernel) {
    for (size_t i = 0; i < sim->verdict_patterns.count; i++)
        if (fnmatch(sim->verdict_patterns.items[i], kernel, 0) == 0) return sim->verdicts[i];
    return "correct";
}

/* --- the file --------------------------------------------------------------------------------- */
static int read_root(struct sim *sim, const struct yaml_doc *doc, const struct yaml_node *root, struct error *err) {
    static const char *const known[] = {"groups", "verdicts", "seed", "speed", NULL};
    int64_t seed = 0;
    if (root->kind != YAML_MAPPING) return yaml_error(doc, root, err, "a fleet is a mapping with `groups`");
    if (yaml_check_keys(doc, root, known, err) != 0) return -1;
    const struct yaml_node *groups = yaml_get(root, "groups"), *verdicts = yaml_get(root, "verdicts");
    if (yaml_get(root, "seed") && yaml_int(doc, yaml_get(root, "seed"), "seed", 0, INT64_MAX, &seed, err) != 0)
        return -1;
    if (seed) sim->seed = (uint64_t)seed;
    if (yaml_get(root, "speed") && yaml_double(doc, yaml_get(root, "speed"), "speed", &sim->speed, err) != 0) return -1;
    if (verdicts && verdicts->kind != YAML_MAPPING) return yaml_error(doc, verdicts, err, "`verdicts` is a mapping");
    for (size_t i = 0; verdicts && i < verdicts->count; i++) {
        const char *verdict = yaml_string(doc, verdicts->items[i], "verdicts", err);
        if (!verdict) return -1;
        add_verdict(sim, verdicts->keys[i]->text, verdict);
    }
    if (!groups || groups->kind != YAML_SEQUENCE) return yaml_error(doc, root, err, "`groups` must be a list");
    for (size_t i = 0; i < groups->count; i++)
        if (read_group(sim, doc, groups->items[i], err) != 0) return -1;
    return 0;
}

int script_load(struct sim *sim, const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, FILE_MOST, &len, err);
    struct yaml_doc *doc = text ? yaml_parse(text, len, path, err) : NULL;
    int status = doc ? read_root(sim, doc, yaml_root(doc), err) : -1;
    yaml_free(doc);
    return status;
}

static void patterns_done(struct sim_patterns *patterns) {
    for (size_t i = 0; i < patterns->count; i++) free(patterns->items[i]);
    free(patterns->items);
}

void script_done(struct sim *sim) {
    for (size_t i = 0; i < sim->group_count; i++) {
        free(sim->groups[i].targets);
        patterns_done(&sim->groups[i].fail_on);
        patterns_done(&sim->groups[i].die_on);
        patterns_done(&sim->groups[i].hang_on);
    }
    free(sim->groups);
    for (size_t i = 0; i < sim->verdict_patterns.count; i++) free(sim->verdicts[i]);
    free(sim->verdicts);
    patterns_done(&sim->verdict_patterns);
}
