/* `avsc-gen OUTDIR FILE.avsc...` writes OUTDIR/records.h and OUTDIR/records.c: a C struct with init, done, copy and a
 * descriptor for each record type found, nested ones included and taken once each. Runs at build time, before anything
 * else exists, so it uses jansson only. It knows the part of Avro that our schemas use and refuses the rest, and every
 * field must have a default: that is what lets an older and a newer program read each other. */
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 64
#define NAME_MAX_LEN 128

struct found {
    char name[NAME_MAX_LEN], snake[NAME_MAX_LEN], full[2 * NAME_MAX_LEN];
    json_t *schema;
    char *text; /* the file, for top-level ones */
};
static struct found records[RECORDS_MAX];
static size_t record_count;
static const char *current_file;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "avsc-gen: %s: ", current_file ? current_file : "arguments");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static void to_snake(const char *name, char out[NAME_MAX_LEN]) {
    size_t n = 0;
    for (size_t i = 0; name[i]; i++) {
        if (n + 3 > NAME_MAX_LEN) die("name %s is too long", name);
        if (isupper((unsigned char)name[i]) && i > 0) out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)name[i]);
    }
    out[n] = 0;
}

static struct found *find_record(const char *name) {
    for (size_t i = 0; i < record_count; i++)
        if (!strcmp(records[i].name, name)) return &records[i];
    return NULL;
}

/* --- types ----------------------------------------------------------------------------------------------------- */
static bool is_primitive(const json_t *type, const char *name) {
    return json_is_string(type) && !strcmp(json_string_value(type), name);
}
static bool is_complex(const json_t *type, const char *kind) {
    return json_is_object(type) && is_primitive(json_object_get(type, "type"), kind);
}
static bool is_optional(const json_t *type, const char *name) {
    return json_array_size(type) == 2 && is_primitive(json_array_get(type, 0), "null") &&
           is_primitive(json_array_get(type, 1), name);
}
/* The record that a type is or names, or NULL. */
static const struct found *type_record(const json_t *type) {
    if (json_is_string(type)) return find_record(json_string_value(type));
    return is_complex(type, "record") ? find_record(json_string_value(json_object_get(type, "name"))) : NULL;
}

static void collect(json_t *schema, const char *outer_namespace, char *text);

static void collect_type(json_t *type, const char *name_space) {
    if (is_complex(type, "array")) collect_type(json_object_get(type, "items"), name_space);
    if (is_complex(type, "record")) collect(type, name_space, NULL);
}

/* Adds a record after the records it contains, so that structs are complete where they are embedded. */
static void collect(json_t *schema, const char *outer_namespace, char *text) {
    const char *name = json_string_value(json_object_get(schema, "name"));
    const char *name_space = json_string_value(json_object_get(schema, "namespace"));
    if (!name) die("a record has no name");
    if (!name_space) name_space = outer_namespace;
    const struct found *old = find_record(name);
    if (old) {
        if (!json_equal(old->schema, schema)) die("record %s is defined twice, differently", name);
        return;
    }
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(schema, "fields"), i, field)
        collect_type(json_object_get(field, "type"), name_space);
    if (record_count == RECORDS_MAX) die("more than %d records", RECORDS_MAX);
    struct found *r = &records[record_count++];
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->full, sizeof r->full, "%s%s%s", name_space, *name_space ? "." : "", name);
    to_snake(name, r->snake);
    r->schema = schema;
    r->text = text;
}

/* --- one field ------------------------------------------------------------------------------------------------- */
struct shape {
    const char *kind, *item; /* names of enum rec_kind */
    char c_type[NAME_MAX_LEN + 32];
    bool has;
    const struct found *record;
};

static struct shape list_shape(const json_t *items, const char *name) {
    struct shape s = {.kind = "REC_LIST", .record = type_record(items)};
    if (is_primitive(items, "string"))
        s.item = "REC_STRING", strcpy(s.c_type, "struct rec_list_string ");
    else if (is_primitive(items, "long"))
        s.item = "REC_LONG", strcpy(s.c_type, "struct rec_list_long ");
    else if (s.record)
        s.item = "REC_RECORD", snprintf(s.c_type, sizeof s.c_type, "struct rec_list_%s ", s.record->snake);
    else
        die("field %s: arrays are of string, long or a record", name);
    return s;
}

static struct shape field_shape(const json_t *type, const char *name) {
    static const struct {
        const char *avro, *kind, *c;
        bool optional;
    } table[] = {
        {"string", "REC_STRING", "char *", false},  {"string", "REC_OPT_STRING", "char *", true},
        {"int", "REC_INT", "int32_t ", false},      {"long", "REC_LONG", "int64_t ", false},
        {"double", "REC_DOUBLE", "double ", false}, {"double", "REC_OPT_DOUBLE", "double ", true},
        {"boolean", "REC_BOOL", "bool ", false},    {"bytes", "REC_BYTES", "struct rec_bytes ", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool match = table[i].optional ? is_optional(type, table[i].avro) : is_primitive(type, table[i].avro);
        if (!match) continue;
        struct shape s = {.kind = table[i].kind, .item = "0", .has = !strcmp(table[i].kind, "REC_OPT_DOUBLE")};
        strcpy(s.c_type, table[i].c);
        return s;
    }
    if (is_complex(type, "array")) return list_shape(json_object_get(type, "items"), name);
    struct shape s = {.kind = "REC_RECORD", .item = "0", .record = type_record(type)};
    if (!s.record) die("field %s has a type that this generator does not know", name);
    snprintf(s.c_type, sizeof s.c_type, "struct rec_%s ", s.record->snake);
    return s;
}

static void print_c_string(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '\n')
            fputs(text[1] ? "\\n\"\n    \"" : "\\n", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 32 || (unsigned char)*text > 126 || *text == '?')
            fprintf(out, "\\%03o", (unsigned char)*text); /* octal: three digits at most; '?' could begin a trigraph */
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

/* The default of an embedded record must say what its own fields' defaults say: init() has one source. */
static void check_record_default(const struct found *record, const json_t *value, const char *name) {
    size_t i;
    json_t *field;
    if (!json_is_object(value)) die("field %s: its default must be an object", name);
    json_array_foreach(json_object_get(record->schema, "fields"), i, field) {
        const json_t *own = json_object_get(field, "default"),
                     *given = json_object_get(value, json_string_value(json_object_get(field, "name")));
        if (!given || !json_equal(own, given))
            die("field %s: its default differs from that of %s.%s", name, record->name,
                json_string_value(json_object_get(field, "name")));
    }
}

static void print_default(FILE *out, const struct shape *s, const json_t *value, const char *name) {
    if (!value) die("field %s has no default", name);
    if (!strcmp(s->kind, "REC_STRING")) {
        if (!json_is_string(value)) die("field %s: its default must be a string", name);
        fputs(", .default_text = ", out);
        print_c_string(out, json_string_value(value));
    } else if (!strcmp(s->kind, "REC_INT") || !strcmp(s->kind, "REC_LONG")) {
        if (!json_is_integer(value)) die("field %s: its default must be an integer", name);
        fprintf(out, ", .default_int = %" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (!strcmp(s->kind, "REC_BOOL")) {
        if (!json_is_boolean(value)) die("field %s: its default must be true or false", name);
        fprintf(out, ", .default_int = %d", json_is_true(value));
    } else if (!strcmp(s->kind, "REC_DOUBLE")) {
        if (!json_is_number(value)) die("field %s: its default must be a number", name);
        fprintf(out, ", .default_double = %.17g", json_number_value(value));
    } else if (!strcmp(s->kind, "REC_RECORD")) {
        check_record_default(s->record, value, name);
    } else if (!strcmp(s->kind, "REC_LIST")    ? json_array_size(value) != 0 || !json_is_array(value)
               : !strcmp(s->kind, "REC_BYTES") ? !json_is_string(value) || *json_string_value(value)
                                               : !json_is_null(value)) {
        die("field %s: its default must be empty or null", name);
    }
}

/* --- the two files --------------------------------------------------------------------------------------------- */
static const char *doc_of(const json_t *object) {
    const char *doc = json_string_value(json_object_get(object, "doc"));
    return doc ? doc : "";
}

static void print_struct(FILE *out, const struct found *r) {
    size_t i;
    json_t *field;
    fprintf(out, "/* %s: %s */\nstruct rec_%s {\n", r->name, doc_of(r->schema), r->snake);
    json_array_foreach(json_object_get(r->schema, "fields"), i, field) {
        const char *name = json_string_value(json_object_get(field, "name"));
        if (!name) die("a field of %s has no name", r->name);
        if (strstr(doc_of(field), "*/")) die("field %s: its doc ends a C comment", name);
        struct shape s = field_shape(json_object_get(field, "type"), name);
        fprintf(out, "    %s%s;", s.c_type, name);
        if (s.has) fprintf(out, " bool has_%s;", name);
        if (*doc_of(field)) fprintf(out, " /* %s */", doc_of(field));
        fputc('\n', out);
    }
    fprintf(out, "};\nextern const struct rec_desc rec_%s_desc;\n", r->snake);
    fprintf(out, "struct rec_list_%s {\n    struct rec_%s *items;\n    size_t count;\n};\n", r->snake, r->snake);
    fprintf(out, "void rec_%s_init(struct rec_%s *rec); /* sets the defaults */\n", r->snake, r->snake);
    fprintf(out, "void rec_%s_done(struct rec_%s *rec);\n", r->snake, r->snake);
    fprintf(out, "void rec_%s_copy(struct rec_%s *to, const struct rec_%s *from); /* `to` is uninitialised */\n",
            r->snake, r->snake, r->snake);
    fprintf(out, "struct rec_%s *rec_list_%s_push(struct rec_list_%s *list); /* the new item, initialised */\n\n",
            r->snake, r->snake, r->snake);
}

static void print_descriptor(FILE *out, const struct found *r) {
    size_t i;
    json_t *field;
    fprintf(out, "static const struct rec_field fields_%s[] = {\n", r->snake);
    json_array_foreach(json_object_get(r->schema, "fields"), i, field) {
        const char *name = json_string_value(json_object_get(field, "name"));
        struct shape s = field_shape(json_object_get(field, "type"), name);
        fprintf(out, "    {.name = \"%s\", .kind = %s, .item = %s, .offset = offsetof(struct rec_%s, %s)", name, s.kind,
                s.item, r->snake, name);
        if (s.has) fprintf(out, ", .has_offset = offsetof(struct rec_%s, has_%s)", r->snake, name);
        if (s.record) fprintf(out, ", .record = &rec_%s_desc", s.record->snake);
        print_default(out, &s, json_object_get(field, "default"), name);
        fputs(", .doc = ", out);
        print_c_string(out, doc_of(field));
        fputs("},\n", out);
    }
    fprintf(out,
            "};\nconst struct rec_desc rec_%s_desc = {\n    .name = \"%s\", .full_name = \"%s\", .size = sizeof(struct "
            "rec_%s),\n",
            r->snake, r->name, r->full, r->snake);
    fprintf(out, "    .fields = fields_%s, .field_count = sizeof fields_%s / sizeof *fields_%s,\n    .doc = ", r->snake,
            r->snake, r->snake);
    print_c_string(out, doc_of(r->schema));
    if (r->text) {
        fputs(",\n    .text = ", out);
        print_c_string(out, r->text);
    }
    fputs(",\n};\n", out);
    fprintf(out, "void rec_%s_init(struct rec_%s *rec) {\n    rec_init(&rec_%s_desc, rec);\n}\n", r->snake, r->snake,
            r->snake);
    fprintf(out, "void rec_%s_done(struct rec_%s *rec) {\n    rec_done(&rec_%s_desc, rec);\n}\n", r->snake, r->snake,
            r->snake);
    fprintf(
        out,
        "void rec_%s_copy(struct rec_%s *to, const struct rec_%s *from) {\n    rec_copy(&rec_%s_desc, to, from);\n}\n",
        r->snake, r->snake, r->snake, r->snake);
    fprintf(out, "struct rec_%s *rec_list_%s_push(struct rec_list_%s *list) {\n", r->snake, r->snake, r->snake);
    fprintf(out, "    return rec_list_push((struct rec_list *)list, &rec_%s_desc);\n}\n\n", r->snake);
}

static char *read_all(const char *path) {
    FILE *in = fopen(path, "r");
    if (!in) die("cannot be opened");
    char *text = calloc(1, 1 << 20);
    if (!text) die("out of memory");
    size_t n = fread(text, 1, (1 << 20) - 1, in);
    if (ferror(in) || n == (1 << 20) - 1) die("cannot be read, or is larger than 1 MiB");
    fclose(in);
    return text;
}

static FILE *open_output(const char *folder, const char *name, char path[4096]) {
    snprintf(path, 4096, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    if (!out) die("cannot write %s", path);
    fputs("/* Generated by avsc-gen from the .avsc files in schemas/: do not edit. */\n", out);
    return out;
}

static void close_output(FILE *out, const char *path) {
    if (fflush(out) || ferror(out) || fclose(out)) die("cannot write %s", path);
}

int main(int argc, char **argv) {
    char path[4096];
    if (argc < 3) die("usage: avsc-gen OUTDIR FILE.avsc...");
    for (int i = 2; i < argc; i++) {
        json_error_t problem;
        current_file = argv[i];
        char *text = read_all(argv[i]);
        json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
        if (!schema) die("line %d: %s", problem.line, problem.text);
        if (!is_complex(schema, "record")) die("not a record");
        const char *name = json_string_value(json_object_get(schema, "name"));
        struct found *nested = name ? find_record(name) : NULL;
        if (nested && !nested->text) nested->text = text;
        collect(schema, "", text);
    }
    FILE *out = open_output(argv[1], "records.h", path);
    fputs("#pragma once\n#include \"schemas/record.h\"\n\n", out);
    for (size_t i = 0; i < record_count; i++) print_struct(out, &records[i]);
    close_output(out, path);
    out = open_output(argv[1], "records.c", path);
    fputs("#include \"records.h\"\n\n", out);
    for (size_t i = 0; i < record_count; i++) print_descriptor(out, &records[i]);
    fputs("const struct rec_desc *const rec_top_level[] = {\n", out);
    for (size_t i = 0; i < record_count; i++)
        if (records[i].text) fprintf(out, "    &rec_%s_desc,\n", records[i].snake);
    fputs("};\nconst size_t rec_top_level_count = sizeof rec_top_level / sizeof *rec_top_level;\n", out);
    fputs("const struct rec_desc *const rec_all[] = {\n", out);
    for (size_t i = 0; i < record_count; i++) fprintf(out, "    &rec_%s_desc,\n", records[i].snake);
    fputs("};\nconst size_t rec_all_count = sizeof rec_all / sizeof *rec_all;\n", out);
    close_output(out, path);
    return 0;
}
