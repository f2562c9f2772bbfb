/* One command on many hosts, its output line by line with the host's name in front, or as JSON at the end. */
#pragma once
#include "cli/fleet_reach.h"
#include "common/buf.h"

#define FLEET_OUTPUT_MAX_BYTES (256 << 10) /* of a host's output, each of the two, in JSON */

/* Runs `command` on all hosts of `opts`; prints, and returns the exit status. `title` is shown while it runs, or NULL.
 */
int fleet_command(const struct options *opts, const char *command, const char *title);
