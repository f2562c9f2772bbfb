/* Configuration files: each is read by the reader that the programs use. */
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor/doctor.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "fleet/target/rules.h"

static char *agent_config_path(void) {
    const char *folder = getenv("PORTOLAN_CONFIG_DIR");
    return path_join(folder && *folder ? folder : "/etc/portolan", "agent.yaml");
}

static struct options *examine_agent(struct findings *f) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = agent_config_path();
    if (access(path, F_OK) != 0) return NULL;
    char option[] = "--config", *argv[] = {option, path};
    struct options *agent = options_parse(&command_doctor, 2, argv, &err);
    const struct error *wrong = agent ? options_config_error(agent) : &err;
    if (wrong) {
        findings_add_error(f, AREA_MACHINE, "config", HEALTH_MISSING, NULL, wrong);
        options_free(agent);
        return NULL;
    }
    findings_add(f, AREA_MACHINE, "config", HEALTH_OK, NULL, "%s is right", path);
    return agent;
}

static void examine_fleet_file(struct findings *f, const char *path) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_target_rules) struct target_rules *rules = target_rules_load(path, &err);
    if (rules)
        findings_add(f, AREA_MACHINE, "config", HEALTH_OK, NULL, "%s is right", path);
    else
        findings_add_error(f, AREA_MACHINE, "config", HEALTH_MISSING, NULL, &err);
}

struct options *examine_config(struct findings *f, const struct options *opts) {
    const struct error *wrong = options_config_error(opts);
    const char *fleet = options_string(opts, "fleet"), *given = options_string(opts, "config");
    if (wrong)
        findings_add_error(f, AREA_MACHINE, "config", HEALTH_MISSING, NULL, wrong);
    else if (given || access("/etc/portolan/config.yaml", F_OK) == 0)
        findings_add(f, AREA_MACHINE, "config", HEALTH_OK, NULL, "%s is right",
                     given ? given : "/etc/portolan/config.yaml");
    else
        findings_add(f, AREA_MACHINE, "config", HEALTH_OK, NULL, "nothing is wrong in a configuration file");
    if (fleet) examine_fleet_file(f, fleet);
    return examine_agent(f);
}
