/* The inventory's hosts, by `portolan fleet probe`: a program of its own, so that whatever hosts answer stays there. */
#include <math.h>
#include <string.h>

#include "cli/client.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/program.h"
#include "cli/fleet_hosts.h"
#include "cli/render.h"
#include "cli/share.h"
#include "common/buf.h"
#include "common/fileio.h"

#define SKEW_MS 1000
#define FREE_KIB_LITTLE (1024 * 1024)

static void judge_agent(struct findings *f, const char *name, const json_t *probe) {
    const json_t *agent = json_object_get(probe, "agent");
    const char *state = json_text(probe, "agent_state"), *version = json_text(agent, "version");
    CLEANUP_FREE char *install = xasprintf("ansible-playbook ansible/agents.yml --limit %s", name);
    CLEANUP_FREE char *upgrade = xasprintf("ansible-playbook ansible/upgrade.yml --limit %s", name);
    CLEANUP_FREE char *start = xasprintf("ssh %s sudo systemctl enable --now portolan-agent", name);
    if (!json_is_object(agent))
        findings_add(f, AREA_FLEET, "hosts", HEALTH_WARNING, install, "no agent is installed on %s", name);
    else if (strcmp(version, PORTOLAN_VERSION) != 0)
        findings_add(f, AREA_FLEET, "versions", HEALTH_WARNING, upgrade,
                     "the agent on %s is version %s, this program " PORTOLAN_VERSION, name, version);
    if (json_is_object(agent) && strcmp(state, "active") != 0 && strcmp(state, "running") != 0)
        findings_add(f, AREA_FLEET, "hosts", HEALTH_WARNING, start, "the agent on %s does not run (%s)", name, state);
}

static void judge_clock_and_disks(struct findings *f, const char *name, const json_t *probe) {
    double skew = json_number(probe, "clock_skew_ms"), uncertain = json_number(probe, "clock_uncertainty_ms");
    CLEANUP_FREE char *set = xasprintf("ssh %s sudo timedatectl set-ntp true", name);
    CLEANUP_FREE char *clean = xasprintf("ssh %s " SERVICE_GC, name);
    if (fabs(skew) > SKEW_MS && fabs(skew) > uncertain)
        findings_add(f, AREA_FLEET, "clocks", HEALTH_WARNING, set, "the clock of %s is %.1f s %s", name,
                     fabs(skew) / 1000, skew > 0 ? "ahead" : "behind");
    size_t i;
    json_t *disk;
    json_array_foreach(json_object_get(probe, "disks"), i, disk) {
        if (!json_is_integer(json_object_get(disk, "free_kib")) || json_count(disk, "free_kib") >= FREE_KIB_LITTLE)
            continue;
        findings_add(f, AREA_FLEET, "disk", HEALTH_WARNING, clean, "%s: %lld MiB free in %s", name,
                     json_count(disk, "free_kib") / 1024, json_text(disk, "path"));
    }
}

void judge_hosts(struct findings *f, const json_t *hosts) {
    size_t i, reached = 0;
    json_t *host;
    json_array_foreach(hosts, i, host) {
        const char *name = json_text(host, "host"), *state = json_text(host, "state"), *hint = json_text(host, "hint");
        CLEANUP_FREE char *look = xasprintf("ssh -v %s", name);
        if (strcmp(state, "ok") != 0) {
            findings_add(f, AREA_FLEET, "hosts", HEALTH_MISSING, *hint ? hint : look, "%s is %s: %s", name, state,
                         json_text(host, "reason"));
            continue;
        }
        reached++;
        const json_t *probe = json_object_get(host, "probe");
        judge_agent(f, name, probe);
        judge_clock_and_disks(f, name, probe);
    }
    if (reached)
        findings_add(f, AREA_FLEET, "hosts", HEALTH_OK, NULL, "%zu of the inventory's %zu can be reached", reached,
                     json_array_size(hosts));
}

static void add_option(const char **argv, size_t *n, const char *name, const char *value) {
    if (!value) return;
    argv[(*n)++] = name;
    argv[(*n)++] = value;
}

void examine_hosts(struct findings *f, const struct options *opts) {
    CLEANUP_FREE char *dir = program_dir();
    CLEANUP_FREE char *self = dir ? path_join(dir, "portolan") : NULL;
    const char *argv[16] = {self, "fleet", "probe", "--json", "--timeout", "30s"};
    size_t n = 6;
    add_option(argv, &n, "--inventory", options_string(opts, "inventory"));
    add_option(argv, &n, "--limit", options_string(opts, "limit"));
    add_option(argv, &n, "--config", options_string(opts, "config"));
    char *text = NULL;
    CLEANUP_FREE char *out = self ? program_output(argv, &text) : NULL;
    CLEANUP_FREE char *said = text;
    CLEANUP_JSON json_t *json = out ? json_loads(out, 0, NULL) : NULL;
    if (json)
        judge_hosts(f, json_object_get(json, "hosts"));
    else
        findings_add(f, AREA_FLEET, "hosts", HEALTH_WARNING, "portolan fleet probe", "could not be probed: %.400s",
                     said ? said : "no answer in time");
}
