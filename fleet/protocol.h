/* Versions of the protocol between agents and coordinator (docs/protocol.md). */
#pragma once

/* What this build speaks; it stands in every Node record. */
#define PROTOCOL_VERSION 1
/* The oldest that a coordinator of this build hands work to. Newer ones than PROTOCOL_VERSION are welcome: records of
 * other versions are read field by field. */
#define PROTOCOL_OLDEST 1
