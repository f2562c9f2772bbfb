#include "cli/doctor/findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"
#include "common/table.h"

static const char *const names[] = {"ok", "skipped", "warning", "missing"};

const char *health_name(enum health health) {
    return names[health];
}

static void append(struct findings *f, const char *area, const char *check, enum health health, const char *text,
                   const char *fix) {
    f->items = xrealloc(f->items, (f->count + 1) * sizeof *f->items);
    f->items[f->count++] = (struct finding){.area = area,
                                            .check = check,
                                            .health = health,
                                            .text = display_line(text),
                                            .fix = fix && *fix ? display_line(fix) : NULL};
}

void findings_add(struct findings *f, const char *area, const char *check, enum health health, const char *fix,
                  const char *fmt, ...) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    append(f, area, check, health, text.data ? text.data : "", fix);
}

void findings_add_error(struct findings *f, const char *area, const char *check, enum health health, const char *fix,
                        const struct error *err) {
    static const char mark[] = "\nhint: ";
    const char *hint = strstr(err->text, mark);
    CLEANUP_FREE char *text = xstrndup(err->text, hint ? (size_t)(hint - err->text) : strlen(err->text));
    append(f, area, check, health, text, fix ? fix : hint ? hint + strlen(mark) : NULL);
}

void findings_done(struct findings *f) {
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].text);
        free(f->items[i].fix);
    }
    free(f->items);
    *f = (struct findings){0};
}

enum health findings_worst(const struct findings *f) {
    enum health worst = HEALTH_OK;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].health > worst) worst = f->items[i].health;
    return worst;
}

int findings_exit_status(const struct findings *f) {
    enum health worst = findings_worst(f);
    return worst == HEALTH_MISSING ? DOCTOR_MISSING : worst == HEALTH_WARNING ? DOCTOR_WARNING : 0;
}

static enum colour colour_of(enum health health) {
    static const enum colour colours[] = {COLOUR_GREEN, COLOUR_DIM, COLOUR_YELLOW, COLOUR_RED};
    return colours[health];
}

void findings_print(const struct findings *f, FILE *out) {
    size_t counts[4] = {0}, width = 0;
    const char *area = "";
    for (size_t i = 0; i < f->count; i++)
        if (strlen(f->items[i].check) > width) width = strlen(f->items[i].check);
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *item = &f->items[i];
        if (strcmp(area, item->area) != 0)
            fprintf(out, "%s%s%s\n", colour_on(out, COLOUR_BOLD), item->area, colour_off(out));
        area = item->area;
        counts[item->health]++;
        fprintf(out, "  %s%-7s%s  %-*s  %s\n", colour_on(out, colour_of(item->health)), names[item->health],
                colour_off(out), (int)width, item->check, item->text);
        if (item->fix) fprintf(out, "  %-7s  %-*s    > %s\n", "", (int)width, "", item->fix);
    }
    fprintf(out, "%zu ok, %zu warnings, %zu missing, %zu skipped\n", counts[HEALTH_OK], counts[HEALTH_WARNING],
            counts[HEALTH_MISSING], counts[HEALTH_SKIPPED]);
}

json_t *findings_json(const struct findings *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *item = &f->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "area", item->area, "check", item->check,
                                              "health", names[item->health], "text", item->text, "fix", item->fix));
    }
    return json_pack("{s:s, s:o}", "worst", names[findings_worst(f)], "findings", list);
}
