#include "fleet/ssh/agent.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/log.h"

#define SILENT_MS 2000

/* SSH_AGENTC_REQUEST_IDENTITIES (draft-miller-ssh-agent, 3.5): a length and the number 11. */
static bool answers(const char *path) {
    static const uint8_t request[] = {0, 0, 0, 1, 11};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return false;
    if (write(fd, request, sizeof request) != (ssize_t)sizeof request) return false;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint8_t head[5];
    return poll(&p, 1, SILENT_MS) == 1 && read(fd, head, sizeof head) > 0;
}

void agent_leave_if_silent(void) {
    const char *path = getenv("SSH_AUTH_SOCK");
    if (!path || !*path || answers(path)) return;
    log_warn("the SSH agent at SSH_AUTH_SOCK (%s) does not answer: going on without it", path);
    unsetenv("SSH_AUTH_SOCK");
}
