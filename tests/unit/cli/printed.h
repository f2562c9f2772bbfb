/* What a function prints, as a text; and JSON written with single quotes. */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct printed {
    FILE *out;
    char *text;
    size_t len;
};
static inline void printed_begin(struct printed *p) {
    p->out = open_memstream(&p->text, &p->len);
}
/* The text until now; valid until more is printed. */
static inline const char *printed_text(struct printed *p) {
    fflush(p->out);
    return p->text;
}
static inline void printed_end(struct printed *p) {
    fclose(p->out);
    free(p->text);
}

/* New reference; the caller knows that it parses. */
static inline json_t *json_of(const char *text) {
    char *copy = xstrdup(text);
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    json_error_t error;
    json_t *json = json_loads(copy, 0, &error);
    if (!json) fprintf(stderr, "%s at %d: %s\n", error.text, error.column, copy);
    free(copy);
    return json;
}

/* Columns of the widest line. */
static inline size_t widest(const char *text) {
    size_t most = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (len > most) most = len;
        text += len + (text[len] == '\n');
    }
    return most;
}
