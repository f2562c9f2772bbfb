/* Which files make the inventory: one, or a folder of them, and group_vars/ and host_vars/ beside it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "fleet/inventory/internal.h"

static bool ends_with(const char *name, const char *const *endings) {
    size_t len = strlen(name);
    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (len >= n && strcmp(name + len - n, *endings) == 0) return true;
    }
    return false;
}

/* Names in a folder, sorted as Ansible sorts them; a folder that is missing is empty. */
static int list_folder(const char *path, struct dirent ***ret, int *ret_n, struct error *err) {
    *ret = NULL;
    *ret_n = scandir(path, ret, NULL, NULL);
    if (*ret_n >= 0) return 0;
    int why = errno;
    *ret_n = 0;
    return why == ENOENT || why == ENOTDIR ? 0 : error_errno(err, ERR_IO, why, "%s", path);
}

static int by_bytes(const void *a, const void *b) {
    const struct dirent *const *x = a, *const *y = b;
    return strcmp((*x)->d_name, (*y)->d_name);
}

/* Calls `each` for each entry that is neither hidden nor a leftover of an editor. */
static int each_file(const char *folder, const char *const *ignored,
                     int (*each)(void *context, const char *path, struct error *err), void *context,
                     struct error *err) {
    struct dirent **entry;
    int n, status = 0;
    if (list_folder(folder, &entry, &n, err) != 0) return -1;
    if (n > 1) qsort(entry, (size_t)n, sizeof *entry, by_bytes);
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        CLEANUP_FREE char *path = path_join(folder, name);
        if (status == 0 && name[0] != '.' && !ends_with(name, ignored)) status = each(context, path, err);
        free(entry[i]);
    }
    free(entry);
    return status;
}

int inventory_count_file(struct inventory *inv, const char *path, struct error *err) {
    if (++inv->n_files <= INVENTORY_MAX_FILES) return 0;
    return error_set(err, ERR_LIMIT, "%s: over %d files", path, INVENTORY_MAX_FILES);
}

/* --- group_vars, host_vars -------------------------------------------------------------------- */
struct variables {
    struct inventory *inv;
    json_t *into;
    int depth;
};

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_file(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

static int read_variables(void *context, const char *path, struct error *err) {
    static const char *const ignored[] = {"~", ".bak", ".swp", NULL};
    static const char *const known[] = {".yml", ".yaml", ".json", NULL};
    struct variables *v = context;
    if (is_folder(path)) {
        if (v->depth == 8) return error_set(err, ERR_LIMIT, "%s: folders of variables nest over 8 deep", path);
        v->depth++;
        int status = each_file(path, ignored, read_variables, v, err);
        v->depth--;
        return status;
    }
    const char *name = path_basename(path);
    if (strchr(name, '.') && !ends_with(name, known)) return 0;
    return inventory_read_variables(v->inv, path, v->into, err);
}

/* FOLDER/NAME, a file or a folder, or one with an ending; the first that is there, as Ansible looks for them. */
static int read_named(struct inventory *inv, const char *folder, const char *name, json_t *into, struct error *err) {
    static const char *const endings[] = {"", ".yml", ".yaml", ".json"};
    if (strchr(name, '/') || name[0] == '.') return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        CLEANUP_FREE char *file = xasprintf("%s%s", name, endings[i]);
        CLEANUP_FREE char *path = path_join(folder, file);
        struct variables v = {.inv = inv, .into = into};
        if (is_file(path)) return inventory_read_variables(inv, path, into, err);
        if (is_folder(path)) return read_variables(&v, path, err);
    }
    return 0;
}

int inventory_read_folders(struct inventory *inv, const char *folder, struct error *err) {
    CLEANUP_FREE char *groups = path_join(folder, "group_vars"), *hosts = path_join(folder, "host_vars");
    for (size_t i = 0; i < inv->n_groups && is_folder(groups); i++)
        if (read_named(inv, groups, inv->group[i]->name, inv->group[i]->file_vars, err) != 0) return -1;
    for (size_t i = 0; i < inv->n_hosts && is_folder(hosts); i++)
        if (read_named(inv, hosts, inv->host[i]->name, inv->host[i]->file_own, err) != 0) return -1;
    return 0;
}

/* --- the inventory itself --------------------------------------------------------------------- */
/* The first line that says anything: YAML begins with "---", "{" or "name:". */
static bool looks_like_yaml(const char *text, size_t len) {
    for (size_t at = 0; at < len;) {
        const char *line = text + at, *feed = memchr(line, '\n', len - at);
        size_t n = feed ? (size_t)(feed - line) : len - at;
        at += n + 1;
        while (n && strchr(" \t\r", line[n - 1])) n--;
        while (n && strchr(" \t", *line)) line++, n--;
        if (!n || *line == '#' || *line == ';') continue;
        return *line == '{' || (n >= 3 && memcmp(line, "---", 3) == 0) || line[n - 1] == ':';
    }
    return false;
}

static int read_text(struct inventory *inv, const char *text, size_t len, const char *filename, struct error *err) {
    static const char *const yaml[] = {".yml", ".yaml", ".json", NULL}, *const ini[] = {".ini", ".cfg", NULL};
    /* Some editors begin a file with a mark of its encoding: it would be part of the first name. */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, len -= 3;
    bool is_yaml = ends_with(filename, yaml) || (!ends_with(filename, ini) && looks_like_yaml(text, len));
    if (len >= 2 && memcmp(text, "#!", 2) == 0) {
        error_set(err, ERR_UNSUPPORTED, "%s:1: inventory scripts are not run", filename);
        return error_hint(err, "`ansible-inventory -i %s --list --yaml --output FILE` writes what it says into a file",
                          filename);
    }
    return (is_yaml ? inventory_read_yaml : inventory_read_ini)(inv, text, len, filename, err);
}

static int read_folder(struct inventory *inv, const char *folder, struct error *err);

/* What is given by name may be a pipe. */
static int read_path(struct inventory *inv, const char *path, struct error *err) {
    if (is_folder(path)) return read_folder(inv, path, err);
    if (inventory_count_file(inv, path, err) != 0) return -1;
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, INVENTORY_MAX_FILE_BYTES, &len, err);
    return text ? read_text(inv, text, len, path, err) : -1;
}

/* A pipe or a device in a folder is a slip: reading it may never end. */
static int read_entry(void *context, const char *path, struct error *err) {
    static const char *const folders[] = {"group_vars", "host_vars", NULL};
    struct stat s;
    if (is_folder(path) && ends_with(path_basename(path), folders)) return 0;
    if (stat(path, &s) != 0 || S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)) return read_path(context, path, err);
    return error_set(err, ERR_INVALID, "%s is neither a file nor a folder", path);
}

static int read_folder(struct inventory *inv, const char *folder, struct error *err) {
    static const char *const ignored[] = {"~",    ".orig", ".ini", ".cfg", ".retry", ".pyc", ".pyo",
                                          ".swp", ".bak",  ".rpm", ".md",  ".txt",   ".rst", NULL};
    return each_file(folder, ignored, read_entry, inv, err);
}

struct inventory *inventory_parse(const char *text, size_t len, const char *filename, struct error *err) {
    CLEANUP(cleanup_inventory) struct inventory *inv = inventory_new();
    if (len > INVENTORY_MAX_FILE_BYTES) {
        error_set(err, ERR_LIMIT, "%s: an inventory has at most %d bytes", filename, INVENTORY_MAX_FILE_BYTES);
        return NULL;
    }
    if (read_text(inv, text, len, filename, err) != 0) return NULL;
    inventory_merge(inv);
    return TAKE(inv);
}

struct inventory *inventory_load(const char *path, struct error *err) {
    CLEANUP(cleanup_inventory) struct inventory *inv = inventory_new();
    CLEANUP_FREE char *folder = is_folder(path) ? xstrdup(path) : path_dirname(path);
    if (read_path(inv, path, err) != 0 || inventory_read_folders(inv, folder, err) != 0) return NULL;
    inventory_merge(inv);
    return TAKE(inv);
}
