/* portolan-agent: the node daemon, and what a person does with this machine's devices without it. */
#include <signal.h>
#include <stdlib.h>

#include "agent-node/commands/commands.h"
#include "common/log.h"

static const struct command *const COMMANDS[] = {
    &command_run, &command_devices, &command_check, &command_bench, &command_replay, &command_gc, NULL};

int main(int argc, char **argv) {
    const char *asked = getenv("PORTOLAN_LOG_LEVEL"), *json = getenv("PORTOLAN_LOG_JSON");
    int level = asked ? log_level_from_name(asked) : LOG_INFO;
    log_setup(level >= 0 ? (enum log_level)level : LOG_INFO, json && json[0] == '1');
    signal(SIGPIPE, SIG_IGN); /* a runner or a broker that goes away is an error of its call */
    return program_main("portolan-agent", "verifies and times GPU kernels on this machine's devices", COMMANDS, argc,
                        argv);
}
