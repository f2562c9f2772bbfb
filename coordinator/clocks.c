#include "coordinator/clocks.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/number.h"

static const char *const UP = "up_ms", *const SERVICE = "service_ms";

int64_t clocks_up_ms(const struct core *core) {
    return core->up_base_ms + core_mono_ms(core);
}

int64_t clocks_service_ms(const struct core *core) {
    return core->service_base_ms + core->lease.now_ms;
}

static int load(struct core *core, const char *key, int64_t *ret, struct error *err) {
    CLEANUP_FREE char *text = store_meta_get(core->store, key, err);
    if (!text) return -1;
    if (!*text || number_int(text, ret) != NUMBER_OK) *ret = 0;
    return 0;
}

int clocks_load(struct core *core, struct error *err) {
    int64_t up_ms = 0;
    if (load(core, UP, &up_ms, err) != 0 || load(core, SERVICE, &core->service_base_ms, err) != 0) return -1;
    core->clocks_saved_ms = core_mono_ms(core);
    core->up_base_ms = up_ms - core->clocks_saved_ms;
    return 0;
}

static int save(struct core *core, const char *key, int64_t ms, struct error *err) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)ms);
    return store_meta_put(core->store, key, text, err);
}

int clocks_save(struct core *core, struct error *err) {
    int64_t now_ms = core_mono_ms(core);
    if (now_ms - core->clocks_saved_ms < CLOCKS_SAVE_MS) return 0;
    core->clocks_saved_ms = now_ms;
    if (save(core, UP, clocks_up_ms(core), err) != 0) return -1;
    return save(core, SERVICE, clocks_service_ms(core), err);
}
