#include "agent-node/runner/macros.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void macro_add(struct macro_list *list, const char *name, long long value) {
    list->option = xrealloc(list->option, (list->n + 2) * sizeof *list->option);
    list->option[list->n++] = xasprintf("-D%s=%lld", name, value);
    list->option[list->n] = NULL;
}

void macro_list_done(struct macro_list *list) {
    for (size_t i = 0; i < list->n; i++) free(list->option[i]);
    free(list->option);
    *list = (struct macro_list){0};
}

/* "OpenCL 3.0 PoCL HSTR: ..." -> 300, "OpenCL C 1.2 ..." -> 120; 120 when it cannot be read. */
static int version_number(const char *text) {
    int major = 0, minor = 0;
    while (*text && !isdigit((unsigned char)*text)) text++;
    if (sscanf(text, "%1d.%1d", &major, &minor) != 2) return 120;
    return major * 100 + minor * 10;
}

/* Without -cl-std a program is OpenCL C 1.2, or what the device has if that is less (clBuildProgram, "-cl-std="). */
static int language_number(const struct backend_info *info, const char *options) {
    const char *std = strstr(options, "-cl-std=CL");
    int device = version_number(info->language_version);
    if (std) return version_number(std);
    return device < 120 ? device : 120;
}

/* Names come from the driver and end up in another program's arguments: identifiers only. */
static bool is_identifier(const char *word) {
    if (!isalpha((unsigned char)*word) && *word != '_') return false;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && *word != '_') return false;
    return true;
}

static void add_words(struct macro_list *list, const char *words) {
    char *copy = xstrdup(words), *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        if (is_identifier(w)) macro_add(list, w, 1);
    free(copy);
}

void macros_of_device(const struct backend_info *info, const char *options, struct macro_list *ret) {
    static const int versions[] = {100, 110, 120, 200, 210, 220, 300};
    int device = version_number(info->device_version), language = language_number(info, options);
    *ret = (struct macro_list){0};
    macro_add(ret, "__OPENCL_VERSION__", device);
    macro_add(ret, "__OPENCL_C_VERSION__", language);
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char name[32];
        snprintf(name, sizeof name, "CL_VERSION_%d_%d", versions[i] / 100, versions[i] / 10 % 10);
        if (versions[i] <= device) macro_add(ret, name, versions[i]);
    }
    macro_add(ret, "__ENDIAN_LITTLE__", 1);
    if (info->images) macro_add(ret, "__IMAGE_SUPPORT__", 1);
    if (strstr(options, "-cl-fast-relaxed-math")) macro_add(ret, "__FAST_RELAXED_MATH__", 1);
    add_words(ret, info->extensions);
    if (language >= 300) add_words(ret, info->features);
}
