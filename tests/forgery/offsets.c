/* Prints where things lie in the runner's structs, as macros for forge.cl: an attacker has the source as well. */
#include <stddef.h>
#include <stdio.h>

#include "agent-node/backend/opencl/opencl.h"
#include "agent-node/runner/session.h"

#define SHOW(name, value) printf("#define %s %zu\n", name, (size_t)(value))

int main(void) {
    SHOW("SESSION_KIND", offsetof(struct session, kind));
    SHOW("SESSION_FD", offsetof(struct session, channel.fd));
    SHOW("SESSION_SEQ", offsetof(struct session, channel.seq));
    SHOW("SESSION_BACKEND", offsetof(struct session, backend));
    SHOW("SESSION_DEVICE", offsetof(struct session, device));
    SHOW("SESSION_N_PROGRAMS", offsetof(struct session, n_programs));
    SHOW("SESSION_N_SETS", offsetof(struct session, n_sets));
    SHOW("KIND_MEASURE", SESSION_MEASURE);
    SHOW("BACKEND_BYTES", sizeof(struct device_backend));
    SHOW("BACKEND_ENQUEUE", offsetof(struct device_backend, enqueue));
    SHOW("BACKEND_FINISH", offsetof(struct device_backend, finish));
    SHOW("BACKEND_TIMES", offsetof(struct device_backend, times));
    SHOW("DEVICE_TEXT", offsetof(struct backend_device, info.platform));
    SHOW("MAGIC", WIRE_MAGIC);
    SHOW("VERSION", WIRE_VERSION);
    SHOW("CHANNEL", WIRE_FD_CHANNEL);
    SHOW("TYPE_PHASE", WIRE_PHASE);
    SHOW("TYPE_RESULT", WIRE_RESULT);
    SHOW("TYPE_DONE", WIRE_DONE);
    SHOW("TYPE_CLAIM", WIRE_CLAIM);
    return 0;
}
