/* portolan fleet list: the hosts of the inventory, and how each would be reached. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/fleet_hosts.h"
#include "common/buf.h"
#include "common/table.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

/* Passwords have no place in an inventory, and where one stands there it is not shown. */
static json_t *shown_variables(const struct inventory_host *h) {
    static const char *const secret[] = {"pass", "secret", "token", "vault"};
    json_t *vars = inventory_host_variables(h);
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(vars, next, name, value) for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
        if (!strcasestr(name, secret[i])) continue;
        json_object_set_new(vars, name, json_string("(not shown)"));
        break;
    }
    return vars;
}

static json_t *host_json(const struct fleet_hosts *hosts, const struct inventory_host *h) {
    return json_pack("{s:s, s:o, s:o}", "host", inventory_host_name(h), "groups",
                     inventory_host_groups(hosts->inventory, h), "variables", shown_variables(h));
}

static char *groups_text(const struct fleet_hosts *hosts, const struct inventory_host *h) {
    CLEANUP_JSON json_t *groups = inventory_host_groups(hosts->inventory, h);
    struct buf text = BUF_INIT;
    size_t i;
    json_t *name;
    json_array_foreach(groups, i, name) buf_printf(&text, "%s%s", i ? " " : "", json_string_value(name));
    return buf_take(&text);
}

static void print_table(const struct fleet_hosts *hosts) {
    static const char *const headers[] = {"host", "address", ">port", "user", "groups", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (size_t i = 0; i < hosts->n; i++) {
        const struct inventory_host *h = hosts->host[i];
        CLEANUP_FREE char *address = inventory_host_text(h, "ansible_host"),
                          *port = inventory_host_text(h, "ansible_port"),
                          *user = inventory_host_text(h, "ansible_user"), *groups = groups_text(hosts, h);
        table_rowf(table, inventory_host_name(h), address ? address : "-", port ? port : "-", user ? user : "-",
                   groups);
    }
    table_cut(table);
    table_print(table, stdout);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_fleet_list)) return 2;
    CLEANUP(fleet_hosts_done) struct fleet_hosts hosts;
    if (fleet_hosts_load(opts, &hosts, &err) != 0) return command_failed(&err);
    if (!options_flag(opts, "json")) return print_table(&hosts), 0;
    CLEANUP_JSON json_t *json = json_pack("{s:[]}", "hosts");
    for (size_t i = 0; i < hosts.n; i++)
        json_array_append_new(json_object_get(json, "hosts"), host_json(&hosts, hosts.host[i]));
    command_print_json(json);
    return 0;
}

static const struct option_spec options[] = {
    FLEET_HOST_OPTIONS,
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the hosts with all their variables as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_fleet_list = {
    .name = "fleet list",
    .usage = "fleet list [-i INVENTORY] [--limit PATTERN]",
    .summary = "list the hosts of the inventory",
    .details =
        "Reads the Ansible inventory as Ansible does, in INI or YAML, with group_vars/ and host_vars/ beside it, and "
        "contacts nobody. `-` means that the user's OpenSSH configuration, or its default, decides.\n\n"
        "Example:\n  portolan fleet list -i inventory --limit 'gpus:!drained'",
    .options = options,
    .run = run};
