#include "cli/results_csv.h"

#include <stdlib.h>
#include <string.h>

static bool is_column(const struct rec_field *field) {
    static const char *const left_out[] = {"problem_yaml", "kernel_yaml", "kernel_source",
                                           "policy",       "seeds",       "record_check"};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(field->name, left_out[i]) == 0) return false;
    return true;
}

static void put_text(const char *text, FILE *out) {
    if (*text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"') putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void put_value(const json_t *value, FILE *out) {
    if (!value || json_is_null(value)) return;
    if (json_is_string(value)) {
        put_text(json_string_value(value), out);
        return;
    }
    char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    if (dump) put_text(dump, out);
    free(dump);
}

void results_csv_header(const struct rec_desc *desc, FILE *out) {
    const char *comma = "";
    for (size_t i = 0; i < desc->field_count; i++) {
        if (!is_column(&desc->fields[i])) continue;
        fprintf(out, "%s%s", comma, desc->fields[i].name);
        comma = ",";
    }
    fputs("\r\n", out);
}

void results_csv_line(const struct rec_desc *desc, const json_t *record, FILE *out) {
    const char *comma = "";
    for (size_t i = 0; i < desc->field_count; i++) {
        if (!is_column(&desc->fields[i])) continue;
        fputs(comma, out);
        put_value(json_object_get(record, desc->fields[i].name), out);
        comma = ",";
    }
    fputs("\r\n", out);
}
