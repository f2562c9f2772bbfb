/* The SSH agent. */
#pragma once

/* libssh asks the agent of SSH_AUTH_SOCK and waits for its answer for ever. One that does not answer within two seconds
 * is taken out of this process's environment, with a line in the log. */
void agent_leave_if_silent(void);
