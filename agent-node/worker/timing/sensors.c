/* The first source that has something to say about a device is its source. */
#include "agent-node/worker/timing/sensors.h"

#include <ctype.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define MAX_FILE 4096

struct sensors {
    const struct sensor_backend *backend;
    void *state;
};

struct sensors *sensors_open(const struct rec_device *d, const char *root, const char *nvml) {
    static const struct sensor_backend *const all[] = {&sensors_nvml, &sensors_amdgpu, &sensors_i915, &sensors_cpu};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *state = all[i]->open(d, root, nvml);
        if (!state) continue;
        struct sensors *s = xcalloc(1, sizeof *s);
        *s = (struct sensors){all[i], state};
        return s;
    }
    return NULL;
}

void sensors_close(struct sensors *s) {
    if (!s) return;
    s->backend->close(s->state);
    free(s);
}

const char *sensors_source(const struct sensors *s) {
    return s->backend->name;
}

void sensors_read(struct sensors *s, struct sensor_reading *ret) {
    *ret = (struct sensor_reading){(double)NAN, (double)NAN, (double)NAN, (double)NAN, "?"};
    s->backend->read(s->state, ret);
}

int sensors_processes(struct sensors *s, pid_t *pids, int size, double *ret_share) {
    *ret_share = (double)NAN;
    return s->backend->processes ? s->backend->processes(s->state, pids, size, ret_share) : -1;
}

double sensors_number(const char *root, const char *pattern, double scale) {
    CLEANUP_FREE char *path = xasprintf("%s/%s", root, pattern);
    double value = (double)NAN;
    glob_t found;
    if (glob(path, 0, NULL, &found) != 0) return value;
    CLEANUP_FREE char *text = file_read(found.gl_pathv[0], MAX_FILE, NULL, NULL);
    char *end = text;
    double number = text ? strtod(text, &end) : 0;
    if (text && end != text) value = number * scale;
    globfree(&found);
    return value;
}

const char *sensors_pci(const struct rec_device *d) {
    const char *address = d->domain;
    if (strncmp(address, "pci-", 4) != 0) return NULL;
    address += 4;
    size_t len = strlen(address);
    if (len < 7 || len > 16 || !strchr(address, ':') || !strchr(address, '.')) return NULL;
    for (const char *c = address; *c; c++)
        if (!isxdigit((unsigned char)*c) && *c != ':' && *c != '.') return NULL;
    return address;
}
