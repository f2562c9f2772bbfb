/* Any bytes as an inventory, INI and YAML. What is accepted has hosts with names, merged variables and patterns that
 * can be asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/inventory/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check(const struct inventory *inv) {
    size_t n = inventory_host_count(inv), chosen_n = 0;
    require(n <= INVENTORY_MAX_HOSTS);
    for (size_t i = 0; i < n; i++) {
        const struct inventory_host *h = inventory_host(inv, i);
        const char *name = inventory_host_name(h);
        json_t *vars = inventory_host_variables(h), *groups = i < 8 ? inventory_host_groups(inv, h) : json_array();
        require(name[0] && strlen(name) <= INVENTORY_MAX_NAME);
        require(json_is_object(vars) && json_is_array(groups));
        json_decref(vars);
        json_decref(groups);
    }
    bool *chosen = NULL;
    struct error err = ERROR_INIT;
    int status = inventory_select(inv, "all", &chosen, &chosen_n, &err);
    require(n ? status == 0 && chosen_n == n : status != 0);
    free(chosen);
}

static void read_as(const uint8_t *data, size_t size, const char *filename) {
    struct error err = ERROR_INIT;
    struct inventory *inv = inventory_parse((const char *)data, size, filename, &err);
    if (inv)
        check(inv);
    else
        require(strncmp(err.text, filename, strlen(filename)) == 0);
    inventory_free(inv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_as(data, size, "seed.ini");
    read_as(data, size, "seed.yaml");
    read_as(data, size, "seed");
    return 0;
}
