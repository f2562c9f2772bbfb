#include "cli/upload.h"

#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/campaign/campaign.h"
#include "problems/graph/problem.h"
#include "problems/kernel/kernel.h"

#define CAMPAIGN_MAX_BYTES (256 * 1024)
#define KERNELS_MAX 4096

DEFINE_CLEANUP(cleanup_campaign, struct campaign_file *, campaign_free)
DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)
DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)

json_t *upload_kernel(const char *path, char **ret_problem, struct error *err) {
    CLEANUP(cleanup_kernel) struct kernel *kernel = kernel_load(path, err);
    if (!kernel) return NULL;
    if (ret_problem) *ret_problem = xstrdup(kernel_problem(kernel));
    return json_pack("{s:s, s:s, s:s}", "path", path, "yaml", kernel_yaml(kernel), "source", kernel_source(kernel));
}

json_t *upload_problem(const char *path, struct error *err) {
    CLEANUP(cleanup_problem) struct problem *problem = problem_load(path, err);
    if (!problem) return NULL;
    return json_pack("{s:s, s:s, s:s}", "name", problem_name(problem), "path", path, "yaml", problem_text(problem));
}

typedef json_t *read_fn(const char *path, struct error *err);

static json_t *read_kernel(const char *path, struct error *err) {
    return upload_kernel(path, NULL, err);
}

static bool is_yaml(const char *path) {
    size_t len = strlen(path);
    struct stat st;
    return len > 5 && !strcmp(path + len - 5, ".yaml") && !stat(path, &st) && S_ISREG(st.st_mode);
}

static bool is_listed(const json_t *list, const char *path) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (!strcmp(json_string_value(json_object_get(item, "path")), path)) return true;
    }
    return false;
}

/* Appends what `read` makes of every .yaml file that `pattern` matches below `dir`; *ret_matched counts. */
static int add_matches(const char *dir, const char *pattern, read_fn *read, json_t *list, size_t *ret_matched,
                       struct error *err) {
    bool as_it_is = *pattern == '/' || !strcmp(dir, "."); /* "./" would only make messages longer */
    CLEANUP_FREE char *full = as_it_is ? xstrdup(pattern) : path_join(dir, pattern);
    CLEANUP(globfree) glob_t found = {0};
    *ret_matched = 0;
    if (glob(full, 0, NULL, &found)) return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (!is_yaml(found.gl_pathv[i])) continue;
        (*ret_matched)++;
        if (is_listed(list, found.gl_pathv[i])) continue; /* another pattern matched it too */
        if (json_array_size(list) >= KERNELS_MAX)
            return error_set(err, ERR_LIMIT, "more than %d files in one campaign", KERNELS_MAX);
        json_t *item = read(found.gl_pathv[i], err);
        if (!item) return -1;
        json_array_append_new(list, item);
    }
    return 0;
}

static json_t *kernels_of(const struct campaign_file *campaign, const char *dir, const char *path, struct error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < campaign->n_kernels; i++) {
        size_t matched = 0;
        int rc = add_matches(dir, campaign->kernels[i], read_kernel, list, &matched, err);
        if (!rc && !matched) {
            char where[CAMPAIGN_POSITION_SIZE];
            CLEANUP_FREE char *folder = realpath(dir, NULL);
            campaign_position(campaign, path, "kernels", campaign->kernels[i], where);
            rc =
                error_set(err, ERR_NOT_FOUND, "%s: `kernels`: no .yaml file matches `%s`", where, campaign->kernels[i]);
            error_hint(err, "patterns are relative to the campaign file's folder, %s", folder ? folder : dir);
        }
        if (!rc) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

/* A pattern that matches no file here is left to the problems that the coordinator ships. */
static json_t *problems_of(const struct campaign_file *campaign, const char *dir, struct error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < campaign->n_problems; i++) {
        const char *name = campaign->problems[i];
        size_t len = strlen(name), matched = 0;
        bool has_suffix = len > 5 && !strcmp(name + len - 5, ".yaml");
        CLEANUP_FREE char *pattern = has_suffix ? xstrdup(name) : xasprintf("%s.yaml", name);
        if (!add_matches(dir, pattern, upload_problem, list, &matched, err)) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

json_t *upload_campaign(const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, CAMPAIGN_MAX_BYTES, &len, err);
    if (!text) return NULL;
    CLEANUP(cleanup_campaign) struct campaign_file *campaign = campaign_parse(text, len, path, err);
    if (!campaign) return NULL;
    CLEANUP_FREE char *dir = path_dirname(path);
    json_t *kernels = kernels_of(campaign, dir, path, err);
    json_t *problems = kernels ? problems_of(campaign, dir, err) : NULL;
    if (kernels && problems)
        return json_pack("{s:s, s:s, s:o, s:o}", "filename", path, "campaign", text, "kernels", kernels, "problems",
                         problems);
    json_decref(kernels);
    return NULL;
}
