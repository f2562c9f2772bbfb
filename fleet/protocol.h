/* What agents and coordinator have agreed on (docs/protocol.md): versions, and how an answer names its task. */
#pragma once
#include "records.h"

/* What this build speaks; it stands in every Node record. */
#define PROTOCOL_VERSION 1
/* The oldest that a coordinator of this build hands work to. Newer ones than PROTOCOL_VERSION are welcome: records of
 * other versions are read field by field. */
#define PROTOCOL_OLDEST 1

/* Begins the answer to a task: what the coordinator knows it by. Initialises *ret, which the caller releases. */
void protocol_attempt_of(const struct rec_task *task, struct rec_attempt *ret);
