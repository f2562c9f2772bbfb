#include "coordinator/plan/suite.h"

#include <dirent.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"

struct suite *suite_new(void) {
    return xcalloc(1, sizeof(struct suite));
}

void suite_free(struct suite *suite) {
    if (!suite) return;
    for (size_t i = 0; i < suite->count; i++) {
        problem_free(suite->items[i].problem);
        free(suite->items[i].path);
    }
    free(suite->items);
    free(suite);
}

const struct suite_problem *suite_find(const struct suite *suite, const char *name) {
    for (size_t i = 0; i < suite->count; i++)
        if (strcmp(problem_name(suite->items[i].problem), name) == 0) return &suite->items[i];
    return NULL;
}

int suite_add(struct suite *suite, const char *yaml, size_t len, const char *path, struct error *err) {
    if (suite->count == SUITE_MAX) return error_set(err, ERR_LIMIT, "more than %d problems", SUITE_MAX);
    struct problem *problem = problem_parse(yaml, len, path, err);
    if (!problem) return -1;
    struct suite_problem item = {.problem = problem};
    problem_hash(problem, item.hash);
    const struct suite_problem *other = suite_find(suite, problem_name(problem));
    if (other) {
        int status = strcmp(other->hash, item.hash) == 0
                         ? 0
                         : error_set(err, ERR_CONFLICT, "%s: the problem `%s` is already defined otherwise in %s", path,
                                     problem_name(problem), other->path);
        problem_free(problem);
        return status;
    }
    item.path = xstrdup(path);
    suite->items = xrealloc(suite->items, (suite->count + 1) * sizeof *suite->items);
    suite->items[suite->count++] = item;
    return 0;
}

/* --- patterns --------------------------------------------------------------------------------- */
static char *without_suffix(const char *path) {
    size_t len = strlen(path);
    if (len > 5 && strcmp(path + len - 5, ".yaml") == 0)
        len -= 5;
    else if (len > 4 && strcmp(path + len - 4, ".yml") == 0)
        len -= 4;
    return xstrndup(path, len);
}

/* The end of `path` that has as many slashes as `pattern`; the whole when it has fewer. */
static const char *tail(const char *path, const char *pattern) {
    size_t slashes = 1;
    for (const char *c = pattern; *c; c++) slashes += *c == '/';
    const char *c = path + strlen(path);
    for (; c > path; c--)
        if (c[-1] == '/' && --slashes == 0) break;
    return c;
}

bool suite_matches(const struct suite_problem *item, const char *pattern) {
    while (strncmp(pattern, "./", 2) == 0 || strncmp(pattern, "../", 3) == 0) pattern += pattern[1] == '/' ? 2 : 3;
    CLEANUP_FREE char *bare_pattern = without_suffix(pattern), *bare_path = without_suffix(item->path);
    if (fnmatch(bare_pattern, problem_name(item->problem), FNM_PATHNAME) == 0) return true;
    return fnmatch(bare_pattern, tail(bare_path, bare_pattern), FNM_PATHNAME) == 0;
}

/* --- the shipped ones ------------------------------------------------------------------------- */
static bool is_problem_file(const char *name) {
    size_t len = strlen(name);
    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static void load_file(struct suite *suite, const char *path, const char *shown) {
    struct error err = ERROR_INIT;
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, PROBLEM_MAX_BYTES, &len, &err);
    if (!text || suite_add(suite, text, len, shown, &err) != 0) log_warn("problem left out: %s", err.text);
}

/* scandir() sorts, so that the suite's order does not depend on the file system. */
static void load_folder(struct suite *suite, const char *dir, const char *shown, int depth) {
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        CLEANUP_FREE char *path = path_join(dir, entries[i]->d_name);
        CLEANUP_FREE char *name = *shown ? path_join(shown, entries[i]->d_name) : xstrdup(entries[i]->d_name);
        struct stat st;
        if (entries[i]->d_name[0] != '.' && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode) && depth > 0)
                load_folder(suite, path, name, depth - 1);
            else if (S_ISREG(st.st_mode) && is_problem_file(entries[i]->d_name))
                load_file(suite, path, name);
        }
        free(entries[i]);
    }
    free(entries);
}

struct suite *suite_load(const char *dir) {
    struct suite *suite = suite_new();
    if (dir) load_folder(suite, dir, "", 1);
    return suite;
}
