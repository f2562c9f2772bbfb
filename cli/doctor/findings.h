/* What `portolan doctor` has found: a list of findings, each with the command that mends it. Knows nothing of what is
 * examined. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "common/error.h"

/* SKIPPED: could not be looked at, or does not concern this machine; the text says why. The order is that of badness.
 */
enum health { HEALTH_OK, HEALTH_SKIPPED, HEALTH_WARNING, HEALTH_MISSING };
const char *health_name(enum health health);

struct finding {
    const char *area, *check; /* "machine", "clock"; literals */
    enum health health;
    char *text, *fix; /* one line each; fix NULL where nothing is to be done */
};
struct findings {
    struct finding *items;
    size_t count;
};

/* Appends one. `fix` is copied and may be NULL; control characters in either, which may come from drivers, records and
 * files, are replaced. */
void findings_add(struct findings *f, const char *area, const char *check, enum health health, const char *fix,
                  const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Appends an error: its text, and its hint as what to do; `fix`, when not NULL, in place of the hint. */
void findings_add_error(struct findings *f, const char *area, const char *check, enum health health, const char *fix,
                        const struct error *err);
void findings_done(struct findings *f);

enum health findings_worst(const struct findings *f);
/* 0 for ok and skipped, DOCTOR_WARNING, DOCTOR_MISSING: none of them a status that other commands end with. */
#define DOCTOR_WARNING 20
#define DOCTOR_MISSING 21
int findings_exit_status(const struct findings *f);
/* In their order, grouped by area, coloured on a terminal, and a line with how many there are of each. */
void findings_print(const struct findings *f, FILE *out);
/* {"worst": "warning", "findings": [{area, check, health, text, fix}]}; a new reference. */
json_t *findings_json(const struct findings *f);
