/* Replay: a stored result is run again from its own record - source, data, size, options, policy, tuning values - and
 * compared (docs/protocol.md, "Replay"). Records come from the results topic, the API or a file, so nothing in them is
 * taken for granted. */
#pragma once
#include <jansson.h>

#include "common/error.h"
#include "records.h"

#define REPLAY_RECORD_MAX_BYTES (2 * 1024 * 1024) /* of a record as JSON */
#define REPLAY_SEEDS_MAX_BYTES (64 * 1024)

/* Short hashes of the fields that a replay runs on and compares with, as JSON: so that a record that was changed on its
 * way says where. They find accidents and careless edits; who recomputes them is not found. The caller frees. */
char *replay_check_make(const struct rec_result *r);
/* ERR_INVALID: names the fields that are not what was recorded, or what a replay needs and is missing. */
int replay_check(const struct rec_result *r, struct error *err);

/* From a file, or "-" for standard input. NULL with ERR_INVALID (file, line, column), ERR_NOT_FOUND, ERR_IO. */
json_t *replay_record_read(const char *path, struct error *err);
/* A record as JSON: RESULT itself, or what test tools print around it ({"record": RESULT, ...}). ERR_INVALID. */
int replay_record_parse(const json_t *json, struct rec_result *ret, struct error *err);

/* A task of the record, to measure once more what was measured: kernel, problem, size, configuration, policy and data.
 * Campaign, node and ids are the caller's. Checks the record first. ERR_INVALID. */
int replay_task(const struct rec_result *r, struct rec_task *ret, struct error *err);
/* The policy text (plan/identity.h) of such a task; the caller frees. */
char *replay_policy_text(const struct rec_result *r);
