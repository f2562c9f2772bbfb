/* Identity of devices: fingerprints, ids that stay over restarts, built-in targets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/discovery.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "fleet/target/rules.h"

static void hash_number(struct sha256 *h, int64_t v) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    sha256_field(h, text);
}

static void hash_longs(struct sha256 *h, const struct rec_list_long *list) {
    hash_number(h, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) hash_number(h, list->items[i]);
}

void discovery_fingerprint(const struct rec_device *d, char out[65]) {
    struct sha256 h;
    uint8_t digest[32];
    const char *text[] = {d->backend,        d->platform,       d->platform_version, d->vendor, d->name,
                          d->driver_version, d->device_version, d->language_version, d->kind,   d->extensions};
    /* Memory is left out: CPU drivers derive it from what the machine has at the moment. */
    int64_t number[] = {
        d->max_work_group_size, d->local_memory_bytes, d->cache_bytes, d->compute_units, d->fp16, d->fp64};
    sha256_init(&h);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) sha256_field(&h, text[i]);
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) hash_number(&h, number[i]);
    hash_longs(&h, &d->max_work_item_sizes);
    hash_longs(&h, &d->sub_group_sizes);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, out);
}

/* How many devices before `at` would have the same name. */
static size_t namesakes(const struct rec_list_device *list, size_t at, const char *name) {
    size_t n = 0;
    for (size_t i = 0; i < at; i++) n += !strcmp(list->items[i].target, name);
    return n;
}

void discovery_name(struct rec_list_device *list) {
    for (size_t i = 0; i < list->count; i++) {
        struct rec_device *d = &list->items[i];
        char name[TARGET_NAME_SIZE], fingerprint[65];
        target_rules_name(NULL, d, name);
        size_t index = namesakes(list, i, name);
        rec_set(&d->target, name);
        /* A machine has one CPU, so its drivers need no number; of GPUs there may be more tomorrow. */
        if (d->host_memory && index == 0)
            rec_set(&d->id, name);
        else
            rec_setf(&d->id, "%s-%zu", name, index);
        discovery_fingerprint(d, fingerprint);
        rec_set(&d->fingerprint, fingerprint);
    }
}

/* "32768K" */
static int64_t parse_cache_size(const char *text) {
    char unit = 0;
    long long n = 0;
    if (sscanf(text, "%lld%c", &n, &unit) < 1 || n <= 0) return 0;
    return unit == 'K' ? n * 1024 : unit == 'M' ? n * 1024 * 1024 : n;
}

int64_t discovery_cpu_cache_bytes(void) {
    int64_t largest = 0;
    for (int i = 0; i < 8; i++) {
        CLEANUP_FREE char *path = xasprintf("/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        CLEANUP_FREE char *text = file_read(path, 4096, NULL, NULL);
        int64_t bytes = text ? parse_cache_size(text) : 0;
        if (bytes > largest) largest = bytes;
    }
    return largest;
}
