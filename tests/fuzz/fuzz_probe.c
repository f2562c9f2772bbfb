/* Any bytes as the answer of a probed host. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/probe/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check(const json_t *probe) {
    static const char *const lists[] = {"disks", "devices", "opencl_drivers", "cuda", "device_nodes", "pci"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const json_t *list = json_object_get(probe, lists[i]);
        require(json_is_array(list) && json_array_size(list) <= PROBE_MAX_ITEMS);
    }
    char *devices = probe_devices_text(probe), *agent = probe_agent_text(probe), *json = json_dumps(probe, 0);
    require(devices && devices[0] && agent && agent[0] && json && probe_free_kib(probe) >= -1);
    require(!strpbrk(devices, "\x1b\n") && !strpbrk(agent, "\x1b\n"));
    free(devices);
    free(agent);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    json_t *probe = probe_parse((const char *)data, size, &err);
    if (probe)
        check(probe);
    else
        require(err.code == ERR_INVALID || err.code == ERR_LIMIT);
    json_decref(probe);
    return 0;
}
