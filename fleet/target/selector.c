#include "fleet/target/selector.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/number.h"
#include "common/suggest.h"
#include "fleet/target/identity.h"

enum form {
    FORM_TEXT,
    FORM_VENDOR,
    FORM_WORDS,
    FORM_STRINGS,
    FORM_LONGS,
    FORM_BYTES,
    FORM_LONG,
    FORM_INT,
    FORM_DOUBLE,
    FORM_BOOL
};
#define AT(field) offsetof(struct rec_device, field)
static const struct key {
    const char *name;
    enum form form;
    size_t at;
} keys[] = {
    {"vendor", FORM_VENDOR, AT(vendor)},
    {"name", FORM_TEXT, AT(name)},
    {"platform", FORM_TEXT, AT(platform)},
    {"driver", FORM_TEXT, AT(driver_version)},
    {"version", FORM_TEXT, AT(device_version)},
    {"kind", FORM_TEXT, AT(kind)},
    {"backend", FORM_TEXT, AT(backend)},
    {"id", FORM_TEXT, AT(id)},
    {"target", FORM_TEXT, AT(target)},
    {"extension", FORM_WORDS, AT(extensions)},
    {"extensions", FORM_WORDS,
     AT(extensions)}, /* a term asks for one, a list of terms for several: both forms read well */
    {"label", FORM_STRINGS, AT(labels)},
    {"labels", FORM_STRINGS, AT(labels)},
    {"subgroup", FORM_LONGS, AT(sub_group_sizes)},
    {"sub_group", FORM_LONGS, AT(sub_group_sizes)},
    {"memory", FORM_BYTES, AT(memory_bytes)},
    {"max_alloc", FORM_BYTES, AT(max_alloc_bytes)},
    {"local_memory", FORM_BYTES, AT(local_memory_bytes)},
    {"cache", FORM_BYTES, AT(cache_bytes)},
    {"max_work_group_size", FORM_LONG, AT(max_work_group_size)},
    {"work_group", FORM_LONG, AT(max_work_group_size)},
    {"compute_units", FORM_INT, AT(compute_units)},
    {"copy_gbps", FORM_DOUBLE, AT(copy_gbps)},
    {"fma_gflops", FORM_DOUBLE, AT(fma_gflops)},
    {"fp16", FORM_BOOL, AT(fp16)},
    {"fp64", FORM_BOOL, AT(fp64)},
    {"event_times", FORM_BOOL, AT(event_times)},
    {"host_memory", FORM_BOOL, AT(host_memory)},
};
#undef AT
#define N_KEYS (sizeof keys / sizeof *keys)

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_GLOB, OP_UNKNOWN };

static enum op parse_op(const char *text) {
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">=", "~"};
    for (int i = 0; i < OP_UNKNOWN; i++)
        if (!strcmp(words[i], text)) return (enum op)i;
    return OP_UNKNOWN;
}

static const struct key *find_key(const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (!strcmp(keys[i].name, name)) return &keys[i];
    return NULL;
}

const char *target_selector_split(const char *text, char op[3]) {
    static const char *const words[] = {"==", "!=", "<=", ">=", "<", ">", "~"}; /* longer ones first */
    text += strspn(text, " \t");
    snprintf(op, 3, "==");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if (strncmp(text, words[i], len) != 0) continue;
        snprintf(op, 3, "%s", words[i]);
        text += len;
        break;
    }
    return text + strspn(text, " \t");
}

int target_selector_bytes(const char *text, double *ret, struct error *err) {
    static const struct {
        const char *name;
        double bytes;
    } unit[] = {{"", 1},      {"B", 1},        {"KB", 1e3},        {"MB", 1e6},           {"GB", 1e9},
                {"TB", 1e12}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
    char number[32], rest[16] = "";
    size_t len = strspn(text, "0123456789.");
    if (len == 0 || len >= sizeof number)
        return error_set(err, ERR_INVALID, "%s: a size such as 16 GiB is expected", text);
    memcpy(number, text, len);
    number[len] = 0;
    snprintf(rest, sizeof rest, "%s", text + len + strspn(text + len, " "));
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (!strcasecmp(rest, unit[i].name) && number_double(number, ret) == NUMBER_OK) {
            *ret *= unit[i].bytes;
            return 0;
        }
    return error_set(err, ERR_INVALID, "%s: a size such as 16 GiB is expected (B, KB, MB, GB, TB, KiB, MiB, GiB, TiB)",
                     text);
}

static bool compare_numbers(double a, enum op op, double b) {
    switch (op) {
        case OP_EQ:
            return a == b;
        case OP_NE:
            return a != b;
        case OP_LT:
            return a < b;
        case OP_LE:
            return a <= b;
        case OP_GT:
            return a > b;
        case OP_GE:
            return a >= b;
        default:
            return false;
    }
}

/* The first dotted number of each, part by part; a missing part counts as 0. */
static int compare_versions(const char *a, const char *b) {
    while (*a && !isdigit((unsigned char)*a)) a++;
    while (*b && !isdigit((unsigned char)*b)) b++;
    while (isdigit((unsigned char)*a) || isdigit((unsigned char)*b)) {
        long x = 0, y = 0;
        for (; isdigit((unsigned char)*a); a++) x = x < 100000000 ? 10 * x + (*a - '0') : x;
        for (; isdigit((unsigned char)*b); b++) y = y < 100000000 ? 10 * y + (*b - '0') : y;
        if (x != y) return x < y ? -1 : 1;
        if (*a == '.') a++;
        if (*b == '.') b++;
    }
    return 0;
}

static bool text_equals(const char *have, const char *want) {
    if (strpbrk(want, "*?")) return fnmatch(want, have, FNM_CASEFOLD) == 0;
    return !strcasecmp(have, want) || identity_has_word(have, want);
}

static bool match_text(const char *have, enum op op, const char *want) {
    switch (op) {
        case OP_EQ:
            return text_equals(have, want);
        case OP_NE:
            return !text_equals(have, want);
        case OP_GLOB:
            return fnmatch(want, have, FNM_CASEFOLD) == 0;
        default:
            return compare_numbers(compare_versions(have, want), op, 0);
    }
}

static bool match_vendor(const struct rec_device *d, enum op op, const char *want) {
    char word[32];
    identity_vendor(d, word, sizeof word);
    bool equal = !strcasecmp(word, want) || match_text(d->vendor, OP_EQ, want);
    if (op == OP_EQ) return equal;
    if (op == OP_NE) return !equal;
    return match_text(d->vendor, op, want);
}

static bool has_string(const struct rec_list_string *list, const char *want, bool glob) {
    for (size_t i = 0; i < list->count; i++)
        if (glob ? fnmatch(want, list->items[i], 0) == 0 : !strcmp(list->items[i], want)) return true;
    return false;
}

static bool has_word(const char *list, const char *want) {
    size_t len = strlen(want);
    for (const char *p = list; len && (p = strstr(p, want)); p += len)
        if ((p == list || p[-1] == ' ') && (p[len] == 0 || p[len] == ' ')) return true;
    return false;
}

static bool has_long(const struct rec_list_long *list, const char *want) {
    int64_t v = 0;
    if (number_int(want, &v) != NUMBER_OK) return false;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == v) return true;
    return false;
}

static bool match_number(double have, enum op op, const char *want, bool bytes) {
    double v = 0;
    if (bytes ? target_selector_bytes(want, &v, NULL) < 0 : number_double(want, &v) != NUMBER_OK) return false;
    return compare_numbers(have, op, v);
}

static bool match_term(const struct target_term *t, const struct rec_device *d) {
    const struct key *k = find_key(t->key);
    enum op op = parse_op(t->op);
    if (!k || op == OP_UNKNOWN) return false;
    const char *field = (const char *)d + k->at;
    bool ne = op == OP_NE;
    switch (k->form) {
        case FORM_TEXT:
            return match_text(*(char *const *)(const void *)field, op, t->value);
        case FORM_VENDOR:
            return match_vendor(d, op, t->value);
        case FORM_WORDS:
            return has_word(*(char *const *)(const void *)field, t->value) != ne;
        case FORM_STRINGS:
            return has_string((const struct rec_list_string *)(const void *)field, t->value, op == OP_GLOB) != ne;
        case FORM_LONGS:
            return has_long((const struct rec_list_long *)(const void *)field, t->value) != ne;
        case FORM_BYTES:
            return match_number((double)*(const int64_t *)(const void *)field, op, t->value, true);
        case FORM_LONG:
            return match_number((double)*(const int64_t *)(const void *)field, op, t->value, false);
        case FORM_INT:
            return match_number(*(const int32_t *)(const void *)field, op, t->value, false);
        case FORM_DOUBLE:
            return match_number(*(const double *)(const void *)field, op, t->value, false);
        case FORM_BOOL:
            return (!strcmp(t->value, "true") == *(const bool *)(const void *)field) != ne;
    }
    return false;
}

static int check_operator(const struct target_term *t, const struct key *k, struct error *err) {
    enum op op = parse_op(t->op);
    bool list = k->form == FORM_WORDS || k->form == FORM_STRINGS || k->form == FORM_LONGS || k->form == FORM_BOOL;
    bool text = k->form == FORM_TEXT || k->form == FORM_VENDOR || k->form == FORM_STRINGS;
    if (op == OP_UNKNOWN || (op == OP_GLOB && !text) || (list && op >= OP_LT && op <= OP_GE))
        return error_set(err, ERR_INVALID, "%s %s %s: %s does not go with %s", t->key, t->op, t->value, t->op, t->key);
    return 0;
}

static int check_value(const struct target_term *t, const struct key *k, struct error *err) {
    double v = 0;
    int64_t i = 0;
    switch (k->form) {
        case FORM_BYTES:
            return target_selector_bytes(t->value, &v, err) < 0 ? error_wrap(err, "%s", t->key) : 0;
        case FORM_LONG:
        case FORM_INT:
        case FORM_DOUBLE:
            if (number_double(t->value, &v) == NUMBER_OK) return 0;
            return error_set(err, ERR_INVALID, "%s: %s is no number", t->key, t->value);
        case FORM_LONGS:
            if (number_int(t->value, &i) == NUMBER_OK) return 0;
            return error_set(err, ERR_INVALID, "%s: %s is no whole number", t->key, t->value);
        case FORM_BOOL:
            if (!strcmp(t->value, "true") || !strcmp(t->value, "false")) return 0;
            return error_set(err, ERR_INVALID, "%s: %s is neither true nor false", t->key, t->value);
        default:
            if (*t->value) return 0;
            return error_set(err, ERR_INVALID, "%s: its value is empty", t->key);
    }
}

static int unknown_key(const char *key, struct error *err) {
    const char *names[N_KEYS + 1] = {NULL};
    for (size_t i = 0; i < N_KEYS; i++) names[i] = keys[i].name;
    const char *near = suggest_nearest(key, names);
    error_set(err, ERR_INVALID, "a device has no property called %s", key);
    if (near) error_hint(err, "did you mean %s?", near);
    return -1;
}

int target_selector_check(const struct target_term *term, size_t n, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        const struct key *k = find_key(term[i].key);
        if (!k) return unknown_key(term[i].key, err);
        if (check_operator(&term[i], k, err) < 0 || check_value(&term[i], k, err) < 0) return -1;
    }
    return 0;
}

int target_selector_first_miss(const struct target_term *term, size_t n, const struct rec_device *d) {
    for (size_t i = 0; i < n; i++)
        if (!match_term(&term[i], d)) return (int)i;
    return -1;
}

bool target_selector_matches(const struct target_term *term, size_t n, const struct rec_device *d) {
    return target_selector_first_miss(term, n, d) < 0;
}
