/* The subcommands of `portolan-agent`, one file each. */
#pragma once
#include "common/options.h"

extern const struct command command_bench, command_check, command_devices, command_gc, command_replay, command_run;
