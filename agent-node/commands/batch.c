/* Problem files, kernel files and folders among the arguments of `check`. */
#include "agent-node/commands/batch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/graph/flow.h"

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)

enum sort_of_file { FILE_OTHER, FILE_PROBLEM, FILE_KERNEL };
struct named_file {
    enum sort_of_file sort;
    char *path, *problem; /* the problem's name: its own, or that of the problem which a kernel is for; "" for none */
};
struct files {
    struct named_file *file;
    size_t n;
};

static void files_done(struct files *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->file[i].path);
        free(f->file[i].problem);
    }
    free(f->file);
    *f = (struct files){0};
}

void batch_done(struct batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        free(b->kernel[i].file);
        free(b->kernel[i].problem_file);
    }
    free(b->kernel);
    *b = (struct batch){0};
}

static const char *text_at(const struct yaml_node *map, const char *key) {
    const struct yaml_node *n = yaml_get(map, key);
    return n && n->kind == YAML_SCALAR ? n->text : "";
}

/* Only what tells the kinds apart; their own parsers judge the rest. */
static int look_into(const char *path, struct named_file *ret, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, BATCH_FILE_MAX_BYTES, &len, err);
    if (!text) return -1;
    CLEANUP(cleanup_doc) struct yaml_doc *doc = flow_yaml_parse(text, len, path, err);
    if (!doc) return -1;
    const struct yaml_node *root = yaml_root(doc);
    bool mapping = root && root->kind == YAML_MAPPING;
    enum sort_of_file sort = !mapping                    ? FILE_OTHER
                             : yaml_get(root, "kernel")  ? FILE_KERNEL
                             : yaml_get(root, "problem") ? FILE_PROBLEM
                                                         : FILE_OTHER;
    *ret = (struct named_file){
        .sort = sort, .path = xstrdup(path), .problem = xstrdup(mapping ? text_at(root, "problem") : "")};
    return 0;
}

static int add_file(const char *path, bool named, struct files *to, struct error *err) {
    struct named_file f;
    for (size_t i = 0; i < to->n; i++)
        if (strcmp(to->file[i].path, path) == 0) return 0;
    if (to->n == BATCH_FILES_MAX) return error_set(err, ERR_LIMIT, "more than %d files", BATCH_FILES_MAX);
    if (look_into(path, &f, err) != 0) return -1;
    to->file = xrealloc(to->file, (to->n + 1) * sizeof *to->file);
    to->file[to->n++] = f;
    if (!named || f.sort != FILE_OTHER) return 0;
    error_set(err, ERR_INVALID, "%s is neither a problem nor a kernel file", path);
    return error_hint(err, "a kernel file has the key `kernel`, a problem file the key `problem`");
}

static int is_yaml(const struct dirent *e) {
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0;
}

static int add_folder(const char *path, struct files *to, struct error *err) {
    struct dirent **found = NULL;
    int n = scandir(path, &found, is_yaml, alphasort), status = 0;
    if (n < 0) return error_errno(err, ERR_IO, errno, "%s", path);
    for (int i = 0; i < n; i++) {
        CLEANUP_FREE char *file = path_join(path, found[i]->d_name);
        if (status == 0) status = add_file(file, false, to, err);
        free(found[i]);
    }
    free(found);
    if (status == 0 && n == 0) return error_set(err, ERR_NOT_FOUND, "no .yaml file lies in %s", path);
    return status;
}

static int add_argument(const char *path, struct files *to, struct error *err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "cannot open %s", path);
    return S_ISDIR(st.st_mode) ? add_folder(path, to, err) : add_file(path, true, to, err);
}

static size_t count(const struct files *f, enum sort_of_file sort) {
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) n += f->file[i].sort == sort;
    return n;
}

static int check_problems(const struct files *f, struct error *err) {
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = i + 1; k < f->n && f->file[i].sort == FILE_PROBLEM; k++) {
            bool same = f->file[k].sort == FILE_PROBLEM && strcmp(f->file[i].problem, f->file[k].problem) == 0;
            if (same)
                return error_set(err, ERR_CONFLICT, "%s and %s are both problem %s", f->file[i].path, f->file[k].path,
                                 f->file[i].problem);
        }
    if (count(f, FILE_PROBLEM) > 0 && count(f, FILE_KERNEL) > 0) return 0;
    return error_set(err, ERR_USAGE, "check takes problem files and kernel files, or folders of them: there is no %s",
                     count(f, FILE_KERNEL) > 0 ? "problem file" : "kernel file");
}

/* The file of the problem that `k` is for, or NULL. */
static const char *problem_of(const struct files *f, const struct named_file *k) {
    const char *only = NULL;
    for (size_t i = 0; i < f->n; i++) {
        if (f->file[i].sort != FILE_PROBLEM) continue;
        if (strcmp(f->file[i].problem, k->problem) == 0) return f->file[i].path;
        only = f->file[i].path;
    }
    return !*k->problem && count(f, FILE_PROBLEM) == 1 ? only : NULL;
}

static int no_problem(const struct named_file *k, struct error *err) {
    if (!*k->problem) return error_set(err, ERR_INVALID, "%s: the key `problem` is missing", k->path);
    error_set(err, ERR_NOT_FOUND, "%s is for problem %s, which is not among the files", k->path, k->problem);
    return error_hint(err, "name the problem's file, or the folder that it lies in, as well");
}

int batch_collect(char *const *args, size_t n, struct batch *ret, struct error *err) {
    CLEANUP(files_done) struct files f = {0};
    *ret = (struct batch){0};
    for (size_t i = 0; i < n; i++)
        if (add_argument(args[i], &f, err) != 0) return -1;
    if (check_problems(&f, err) != 0) return -1;
    ret->kernel = xcalloc(count(&f, FILE_KERNEL), sizeof *ret->kernel);
    for (size_t i = 0; i < f.n; i++) {
        if (f.file[i].sort != FILE_KERNEL) continue;
        const char *problem = problem_of(&f, &f.file[i]);
        if (!problem) {
            batch_done(ret);
            return no_problem(&f.file[i], err);
        }
        ret->kernel[ret->n++] =
            (struct batch_kernel){.file = xstrdup(f.file[i].path), .problem_file = xstrdup(problem)};
    }
    return 0;
}
