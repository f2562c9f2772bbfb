/* Ansible's host patterns, for --limit: first the parts that add, then & and !. */
#include <ctype.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/number.h"
#include "fleet/inventory/internal.h"

#define MAX_PARTS 1024

/* "GROUP[1]", "GROUP[1:3]", "GROUP[2:]", "GROUP[-1]": cut off, as bounds of a list. */
struct subscript {
    bool given, single;
    int64_t first, last;
};

static int read_bound(const char *text, int64_t fallback, int64_t *ret) {
    *ret = fallback;
    return !*text || number_int(text, ret) == NUMBER_OK ? 0 : -1;
}

static int cut_subscript(char *part, struct subscript *ret, struct error *err) {
    *ret = (struct subscript){0};
    char *open = strrchr(part, '[');
    size_t len = strlen(part);
    if (part[0] == '~' || !open || part[len - 1] != ']' || open[1 + strspn(open + 1, "-0123456789:")] != ']') return 0;
    part[len - 1] = 0;
    char *colon = strchr(open, ':');
    if (colon) *colon++ = 0;
    ret->given = true;
    ret->single = !colon;
    if (read_bound(open + 1, 0, &ret->first) != 0 || (!colon && !open[1]) ||
        read_bound(colon ? colon : "", INT64_MAX, &ret->last) != 0)
        return error_set(err, ERR_INVALID, "the pattern `%.120s` has no subscript of the form [0] or [1:3]", part);
    *open = 0;
    return 0;
}

/* Keeps those of the chosen that the subscript names; negative ones count from the end, the last is included. */
static void apply_subscript(const struct subscript *s, bool *chosen, size_t n) {
    int64_t count = 0, at = 0;
    for (size_t i = 0; i < n; i++) count += chosen[i];
    int64_t first = s->first < 0 ? s->first + count : s->first;
    int64_t last = s->single ? first : s->last < 0 ? s->last + count : s->last;
    for (size_t i = 0; i < n; i++) {
        if (!chosen[i]) continue;
        chosen[i] = at >= first && at <= last;
        at++;
    }
}

static bool name_matches(const char *glob, const regex_t *regex, const char *name) {
    return regex ? regexec(regex, name, 0, NULL, 0) == 0 : fnmatch(glob, name, 0) == 0;
}

/* Groups and hosts whose name matches. Returns whether any name did. */
static bool match_names(const struct inventory *inv, const char *glob, const regex_t *regex, bool *chosen) {
    bool found = false;
    for (size_t g = 0; g < inv->n_groups; g++) {
        if (!name_matches(glob, regex, inv->group[g]->name)) continue;
        found = true;
        for (size_t i = 0; i < inv->n_hosts; i++) chosen[i] |= inventory_group_holds(inv, inv->group[g], i);
    }
    for (size_t i = 0; i < inv->n_hosts; i++)
        if (name_matches(glob, regex, inv->host[i]->name)) chosen[i] = found = true;
    return found;
}

static int match_part(const struct inventory *inv, char *part, bool *chosen, struct error *err) {
    struct subscript subscript;
    regex_t regex;
    bool is_regex = part[0] == '~';
    if (cut_subscript(part, &subscript, err) != 0) return -1;
    if (is_regex) {
        CLEANUP_FREE char *anchored = xasprintf("^(%s)", part + 1); /* Ansible matches at the beginning */
        if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0)
            return error_set(err, ERR_INVALID, "`%.120s` is no regular expression", part + 1);
    }
    const char *glob = strcmp(part, "*") == 0 ? "all" : part;
    bool found = match_names(inv, glob, is_regex ? &regex : NULL, chosen);
    if (is_regex) regfree(&regex);
    if (subscript.given) apply_subscript(&subscript, chosen, inv->n_hosts);
    if (found) return 0;
    error_set(err, ERR_NOT_FOUND, "the pattern `%.120s` matches no host and no group", part);
    return error_hint(err, "`portolan fleet list` shows both");
}

/* The end of a part: ',' always ends one; ':' does where no ',' is used, outside of brackets. */
static size_t part_length(const char *s, bool commas) {
    int depth = 0;
    size_t i = 0;
    for (; s[i]; i++) {
        depth += (s[i] == '[') - (s[i] == ']');
        if (s[i] == ',' || (!commas && s[i] == ':' && depth <= 0)) break;
    }
    return i;
}

static int apply(const struct inventory *inv, const char *text, size_t len, char kind, bool *result,
                 struct error *err) {
    CLEANUP_FREE char *part = xstrndup(text, len);
    CLEANUP_FREE bool *chosen = xcalloc(inv->n_hosts + 1, sizeof *chosen);
    if (match_part(inv, part, chosen, err) != 0) return -1;
    for (size_t i = 0; i < inv->n_hosts; i++)
        result[i] = kind == '&'   ? result[i] && chosen[i]
                    : kind == '!' ? result[i] && !chosen[i]
                                  : result[i] || chosen[i];
    return 0;
}

/* One of three rounds over the parts: those that add (' '), '&', '!'. Returns how many there were, or -1. */
static int round_of(const struct inventory *inv, const char *pattern, char kind, bool *result, struct error *err) {
    bool commas = strchr(pattern, ',') != NULL;
    int n = 0, all = 0;
    for (const char *s = pattern; *s;) {
        size_t len = part_length(s, commas);
        const char *part = s, *end = s + len;
        s += len + (s[len] != 0);
        while (part < end && isspace((unsigned char)*part)) part++;
        while (end > part && isspace((unsigned char)end[-1])) end--;
        char own = *part == '&' || *part == '!' ? *part : ' ';
        if (part == end || own != kind) continue;
        if (++all > MAX_PARTS) return error_set(err, ERR_LIMIT, "a pattern has at most %d parts", MAX_PARTS);
        if (apply(inv, part + (own != ' '), (size_t)(end - part) - (own != ' '), kind, result, err) != 0) return -1;
        n++;
    }
    return n;
}

int inventory_select(const struct inventory *inv, const char *pattern, bool **ret, size_t *ret_n, struct error *err) {
    CLEANUP_FREE bool *result = xcalloc(inv->n_hosts + 1, sizeof *result);
    int added = round_of(inv, pattern, ' ', result, err);
    if (added < 0) return -1;
    for (size_t i = 0; added == 0 && i < inv->n_hosts; i++) result[i] = true;
    if (round_of(inv, pattern, '&', result, err) < 0 || round_of(inv, pattern, '!', result, err) < 0) return -1;
    *ret_n = 0;
    for (size_t i = 0; i < inv->n_hosts; i++) *ret_n += result[i];
    if (!*ret_n) return error_set(err, ERR_NOT_FOUND, "the pattern `%.200s` leaves no host", pattern);
    *ret = TAKE(result);
    return 0;
}
