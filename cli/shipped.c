#include "cli/shipped.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "cli/share.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/suggest.h"

#define SHIPPED_MAX 4096

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)

json_t *problem_json(const struct problem *p, const char *path) {
    char hash[65];
    problem_hash(p, hash);
    json_t *sizes = json_array();
    for (size_t i = 0; i < problem_size_count(p); i++)
        json_array_append_new(sizes, json_string(problem_size_name(p, i)));
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:o}", "name", problem_name(p), "path", path, "level", problem_level(p),
                     "origin", problem_origin(p), "hash", hash, "sizes", sizes);
}

int shipped_each(int (*visit)(void *context, const char *path, struct error *err), void *context, struct error *err) {
    CLEANUP_FREE char *share = share_dir(err);
    if (!share) return -1;
    CLEANUP_FREE char *pattern = path_join(share, "problems/level*/*.yaml");
    CLEANUP(globfree) glob_t found = {0};
    if (glob(pattern, 0, NULL, &found)) return error_set(err, ERR_NOT_FOUND, "no problem files in %s/problems", share);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (visit(context, found.gl_pathv[i], err)) return -1;
    return 0;
}

struct search {
    const char *name;
    char *path;
    char *known[SHIPPED_MAX + 1];
    size_t count;
};

static void search_done(struct search *s) {
    for (size_t i = 0; i < s->count; i++) free(s->known[i]);
    free(s->path);
}

static int match_one(void *context, const char *path, struct error *err) {
    struct search *s = context;
    CLEANUP(cleanup_problem) struct problem *p = problem_load(path, err);
    if (!p) return -1;
    if (!strcmp(problem_name(p), s->name) && !s->path) s->path = xstrdup(path);
    if (s->count < SHIPPED_MAX) s->known[s->count++] = xstrdup(problem_name(p));
    return 0;
}

char *shipped_find(const char *name, struct error *err) {
    if (strchr(name, '/') || strstr(name, ".yaml")) return xstrdup(name);
    CLEANUP(search_done) struct search s = {.name = name};
    if (shipped_each(match_one, &s, err)) return NULL;
    if (s.path) return TAKE(s.path);
    const char *nearest = suggest_nearest(name, (const char *const *)s.known);
    error_set(err, ERR_NOT_FOUND, "no problem is called `%.80s`", name);
    if (nearest)
        error_hint(err, "did you mean `%s`? A file is named by its path", nearest);
    else
        error_hint(err, "portolan problem list shows those that are shipped; a file is named by its path");
    return NULL;
}
