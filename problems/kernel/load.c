/* Reading a kernel file and its source from disk. The source must lie inside the kernel file's folder, links resolved:
 * a file that someone submits must not carry another file of this machine to the fleet. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/graph/flow.h"
#include "problems/kernel/file.h"

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)

/* The value of `source:`; the caller frees. *ret_where (the caller frees) is its place for messages. Only the kernel's
 * own parser judges the rest of the file. */
static char *source_name(const char *yaml, size_t len, const char *path, char **ret_where, struct error *err) {
    CLEANUP(cleanup_doc) struct yaml_doc *doc = flow_yaml_parse(yaml, len, path, err);
    if (!doc) return NULL;
    const struct yaml_node *n = yaml_get(yaml_root(doc), "source");
    if (!n) { /* a slip in the key, most likely: the parser tells what was meant */
        kernel_free(kernel_parse(yaml, len, path, "", 0, err));
        return NULL;
    }
    const char *name = yaml_string(doc, n, "source", err);
    if (!name) return NULL;
    *ret_where = xasprintf("%s:%d:%d", path, n->line, n->column);
    if (*name && *name != '/' && !strstr(name, "..")) return xstrdup(name);
    yaml_error(doc, n, err, "`source` must stay inside the kernel file's folder; `%.80s` does not", name);
    return NULL;
}

/* The real path of `name` in the folder of `path`; the caller frees. */
static char *source_path(const char *path, const char *name, const char *where, struct error *err) {
    CLEANUP_FREE char *folder = path_dirname(path);
    CLEANUP_FREE char *real_folder = realpath(folder, NULL);
    if (!real_folder) {
        error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", folder);
        return NULL;
    }
    CLEANUP_FREE char *joined = path_join(real_folder, name);
    CLEANUP_FREE char *real = realpath(joined, NULL);
    if (!real) {
        error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s: `source`: %.80s", where, name);
        error_hint(err, "it is looked for in the kernel file's folder, %s", real_folder);
        return NULL;
    }
    size_t len = strlen(real_folder);
    bool inside = strncmp(real, real_folder, len) == 0 && (real[len] == '/' || (len == 1 && *real_folder == '/'));
    if (inside) return TAKE(real);
    error_set(err, ERR_INVALID, "%s: `source`: `%.80s` leads out of the kernel file's folder", where, name);
    return NULL;
}

struct kernel *kernel_load(const char *path, struct error *err) {
    size_t yaml_len = 0, source_len = 0;
    CLEANUP_FREE char *yaml = file_read(path, KERNEL_MAX_BYTES, &yaml_len, err);
    if (!yaml) return NULL;
    CLEANUP_FREE char *where = NULL;
    CLEANUP_FREE char *name = source_name(yaml, yaml_len, path, &where, err);
    if (!name) return NULL;
    CLEANUP_FREE char *real = source_path(path, name, where, err);
    if (!real) return NULL;
    CLEANUP_FREE char *source = file_read(real, KERNEL_MAX_BYTES, &source_len, err);
    if (!source) return NULL;
    return kernel_parse(yaml, yaml_len, path, source, source_len, err);
}
