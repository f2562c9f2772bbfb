#include "cli/chosen.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/shipped.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/table.h"

static int add(void *context, const char *path, struct error *err) {
    struct chosen *c = context;
    struct problem *p = problem_load(path, err);
    if (!p) return -1;
    c->problem = xrealloc(c->problem, (c->n + 1) * sizeof(struct problem *));
    c->path = xrealloc(c->path, (c->n + 1) * sizeof(char *));
    c->problem[c->n] = p;
    c->path[c->n++] = xstrdup(path);
    return 0;
}

static int load(const struct options *opts, struct chosen *c, struct error *err) {
    char **names = NULL;
    size_t n = options_args(opts, &names);
    if (n == 0) return shipped_each(add, c, err);
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *path = shipped_find(names[i], err);
        if (!path || add(c, path, err) != 0) return -1;
    }
    return 0;
}

int chosen_load(const struct options *opts, struct chosen *ret, struct error *err) {
    *ret = (struct chosen){0};
    if (load(opts, ret, err) == 0) return 0;
    chosen_done(ret);
    return -1;
}

void chosen_done(struct chosen *c) {
    for (size_t i = 0; i < c->n; i++) {
        problem_free(c->problem[i]);
        free(c->path[i]);
    }
    free(c->problem);
    free(c->path);
    progress_free(c->progress);
    *c = (struct chosen){0};
}

void chosen_show_progress(struct chosen *c, const char *title) {
    if (isatty(STDERR_FILENO)) c->progress = progress_new(stderr, title);
}

void chosen_progress(void *context, double done, const char *label) {
    struct chosen *c = context;
    CLEANUP_FREE char *text = xasprintf("%s, %s", problem_name(c->problem[c->now]), label);
    if (c->progress) progress_update(c->progress, (double)c->now + done, (double)c->n, text);
}
