/* Command line to values. Order of duties: options_parse here takes the flags, options_config.c environment and files,
 * options_doc.c writes help and manual pages, completion.c the shells' tables, program.c dispatches. */
#include "common/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/options_internal.h"
#include "common/secrets.h"
#include "common/suggest.h"

const struct option_spec IMPLICIT_OPTIONS[] = {
    {"help", 'h', OPTION_FLAG, NULL, NULL, NULL, "Show this help."},
    {"config", 0, OPTION_STRING, "PATH", NULL, NULL,
     "Configuration file, in place of $XDG_CONFIG_HOME/portolan/config.yaml and /etc/portolan/config.yaml."},
    {"log-level", 0, OPTION_STRING, "LEVEL", "log.level", "info", "Least level to log: debug, info, warn or error."},
    {"log-json", 0, OPTION_FLAG, NULL, "log.json", NULL, "Log as JSON lines."},
    {0},
};

static bool defines(const struct command *cmd, const char *name) {
    for (const struct option_spec *s = cmd->options; s && s->name; s++)
        if (strcmp(s->name, name) == 0) return true;
    return false;
}

void options_each(const struct command *cmd, void (*visit)(void *context, const struct option_spec *spec),
                  void *context) {
    for (const struct option_spec *s = cmd->options; s && s->name; s++) visit(context, s);
    for (const struct option_spec *s = IMPLICIT_OPTIONS; s->name; s++)
        if (!defines(cmd, s->name)) visit(context, s);
}

bool options_letter_free(const struct command *cmd, const struct option_spec *spec) {
    for (const struct option_spec *s = cmd->options; s && s->name; s++)
        if (s != spec && s->letter == spec->letter) return false;
    return true;
}

struct option_value *options_find(const struct options *o, const char *name) {
    for (size_t i = 0; i < o->n_values; i++)
        if (strcmp(o->values[i].spec->name, name) == 0) return &o->values[i];
    return NULL;
}

static struct option_value *find_letter(const struct options *o, char letter) {
    for (size_t i = 0; i < o->n_values; i++) /* the command's own come first, so they win */
        if (o->values[i].spec->letter == letter) return &o->values[i];
    return NULL;
}

static void clear_value(struct option_value *v) {
    for (size_t i = 0; i < v->count; i++) free(v->texts[i]);
    free(v->texts);
    v->texts = NULL;
    v->count = 0;
}

static int parse_flag_text(const char *text, bool *ret) {
    static const char *const no[] = {"", "0", "false", "no", "off"}, *const yes[] = {"1", "true", "yes", "on"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (strcmp(text, no[i]) == 0) return *ret = false, 0;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strcmp(text, yes[i]) == 0) return *ret = true, 0;
    return -1;
}

/* Reads `text` as the option's kind into *v. Returns what it should have been, or NULL when it is. */
static const char *interpret(struct option_value *v, const char *text) {
    int64_t whole;
    switch (v->spec->kind) {
        case OPTION_FLAG:
            return parse_flag_text(text, &v->flag) == 0 ? NULL : "true or false";
        case OPTION_INT:
            if (number_int(text, &whole) != NUMBER_OK) return "a whole number";
            v->number = whole;
            return NULL;
        case OPTION_DOUBLE:
            return number_double(text, &v->real) == NUMBER_OK ? NULL : "a finite number";
        case OPTION_LIST: /* KEY=VALUE lists become properties; a comma may have split a value before */
            if (v->count > 0 || !v->spec->value_name || !strchr(v->spec->value_name, '=')) return NULL;
            return strchr(text, '=') ? NULL : v->spec->value_name;
        case OPTION_STRING:
            break;
    }
    return NULL;
}

int option_value_set(struct option_value *v, const char *text, enum option_source source, const char *where,
                     struct error *err) {
    if (v->spec->kind != OPTION_LIST || v->source < source) clear_value(v);
    const char *expected = interpret(v, text);
    if (expected)
        return error_set(err, source == SOURCE_FILE ? ERR_INVALID : ERR_USAGE, "%s must be %s, not `%.80s`", where,
                         expected, text);
    v->texts = xrealloc(v->texts, (v->count + 2) * sizeof *v->texts);
    v->texts[v->count++] = xstrdup(text);
    v->texts[v->count] = NULL;
    v->source = source;
    return 0;
}

static int unknown_option(const struct options *o, const char *argument, const char *name, struct error *err) {
    CLEANUP_FREE const char **known = xcalloc(o->n_values + 1, sizeof *known);
    for (size_t i = 0; i < o->n_values; i++) known[i] = o->values[i].spec->name;
    const char *nearest = name ? suggest_nearest(name, known) : NULL;
    error_set(err, ERR_USAGE, "unknown option %.80s", argument);
    if (nearest) return error_hint(err, "did you mean --%s?", nearest);
    return error_hint(err, "`%s --help` lists the options", o->cmd->name);
}

struct arguments {
    int at, count;
    char **texts;
};

static int missing_value(const struct option_value *v, struct error *err) {
    return error_set(err, ERR_USAGE, "--%s needs a value: --%s %s", v->spec->name, v->spec->name,
                     v->spec->value_name ? v->spec->value_name : "VALUE");
}

/* `attached` is what follows "=" or the letter, or NULL: then a flag is on and others take the next argument. */
static int take_value(struct option_value *v, const char *attached, struct arguments *a, struct error *err) {
    if (!attached && v->spec->kind == OPTION_FLAG) attached = "true";
    if (!attached) {
        if (a->at >= a->count || strncmp(a->texts[a->at], "--", 2) == 0) return missing_value(v, err);
        attached = a->texts[a->at++];
    }
    CLEANUP_FREE char *where = xasprintf("--%s", v->spec->name);
    return option_value_set(v, attached, SOURCE_FLAG, where, err);
}

static int parse_long(struct options *o, const char *argument, struct arguments *a, struct error *err) {
    const char *equals = strchr(argument, '=');
    size_t len = equals ? (size_t)(equals - argument - 2) : strlen(argument + 2);
    CLEANUP_FREE char *name = xstrndup(argument + 2, len);
    struct option_value *v = options_find(o, name);
    if (!v) return unknown_option(o, argument, name, err);
    return take_value(v, equals ? equals + 1 : NULL, a, err);
}

/* -a, -ab (two flags), -nVALUE, -n VALUE */
static int parse_letters(struct options *o, const char *argument, struct arguments *a, struct error *err) {
    for (const char *p = argument + 1; *p; p++) {
        struct option_value *v = find_letter(o, *p);
        if (!v) return unknown_option(o, argument, NULL, err);
        bool flag = v->spec->kind == OPTION_FLAG;
        if (take_value(v, !flag && p[1] ? p + 1 : NULL, a, err) != 0) return -1;
        if (!flag) return 0;
    }
    return 0;
}

static int parse_arguments(struct options *o, int argc, char **argv, struct error *err) {
    struct arguments a = {.count = argc, .texts = argv};
    bool only_positional = false;
    while (a.at < a.count) {
        const char *text = a.texts[a.at++];
        int status = 0;
        if (only_positional || text[0] != '-' || text[1] == 0)
            o->args[o->n_args++] = xstrdup(text);
        else if (strcmp(text, "--") == 0)
            only_positional = true;
        else
            status = text[1] == '-' ? parse_long(o, text, &a, err) : parse_letters(o, text, &a, err);
        if (status != 0) return -1;
    }
    return 0;
}

static int apply_defaults(struct options *o, struct error *err) {
    for (size_t i = 0; i < o->n_values; i++) {
        struct option_value *v = &o->values[i];
        if (v->source != SOURCE_NONE || !v->spec->fallback) continue;
        if (option_value_set(v, v->spec->fallback, SOURCE_DEFAULT, v->spec->name, err) != 0)
            return error_set(err, ERR_INTERNAL, "the default of --%s is not of its kind", v->spec->name);
    }
    return 0;
}

static void add_value(void *context, const struct option_spec *spec) {
    struct options *o = context;
    o->values = xrealloc(o->values, (o->n_values + 1) * sizeof *o->values);
    o->values[o->n_values++] = (struct option_value){.spec = spec};
}

/* Process listings show a command line to everybody, and an environment to more than who set it. */
static int refuse_secrets(const struct options *o, struct error *err) {
    for (size_t i = 0; i < o->n_values; i++) {
        const struct option_value *v = &o->values[i];
        for (size_t k = 0; v->spec->kind == OPTION_LIST && v->source >= SOURCE_ENV && k < v->count; k++) {
            CLEANUP_FREE char *key = xstrndup(v->texts[k], strcspn(v->texts[k], "="));
            if (!secret_property(key)) continue;
            error_set(err, ERR_USAGE, "%s is a secret: process listings show %s", key,
                      v->source == SOURCE_ENV ? "the environment" : "the command line");
            return error_hint(
                err, "write it into a file of mode 600 and give --%s %s.file=PATH; it has been shown, so change it",
                v->spec->name, key);
        }
    }
    return 0;
}

static int load_config(struct options *o, struct error *err) {
    if (!o->cmd->keeps_config_error) return options_load_config(o, err);
    options_load_config(o, &o->config_error);
    return 0;
}

const struct error *options_config_error(const struct options *o) {
    return o->config_error.code == ERR_NONE ? NULL : &o->config_error;
}

DEFINE_CLEANUP(cleanup_options, struct options *, options_free)

struct options *options_parse(const struct command *cmd, int argc, char **argv, struct error *err) {
    CLEANUP(cleanup_options) struct options *o = xcalloc(1, sizeof *o);
    o->cmd = cmd;
    o->args = xcalloc((size_t)argc + 1, sizeof *o->args);
    o->properties = xcalloc(1, sizeof *o->properties);
    options_each(cmd, add_value, o);
    if (parse_arguments(o, argc, argv, err) != 0) return NULL;
    bool help = options_flag(o, "help"); /* given whatever else is wrong */
    if (!help && (options_load_env(o, err) != 0 || refuse_secrets(o, err) != 0 || load_config(o, err) != 0 ||
                  apply_defaults(o, err) != 0))
        return NULL;
    return TAKE(o);
}

void options_free(struct options *o) {
    if (!o) return;
    for (size_t i = 0; i < o->n_values; i++) clear_value(&o->values[i]);
    for (size_t i = 0; i < o->n_args; i++) free(o->args[i]);
    for (size_t i = 0; i < o->n_config; i++) yaml_free(o->config[i]);
    while (*o->properties) {
        struct property_set *set = *o->properties;
        *o->properties = set->next;
        for (size_t i = 0; i < set->count; i++) {
            free(set->keys[i]);
            free(set->values[i]);
        }
        free(set->keys);
        free(set->values);
        free(set->key_view);
        free(set->value_view);
        free(set);
    }
    free(o->properties);
    free(o->values);
    free(o->args);
    free(o);
}

/* An option that the table lacks, or has with another kind, is a defect of the caller. */
static const struct option_value *get(const struct options *o, const char *name, enum option_kind kind) {
    const struct option_value *v = options_find(o, name);
    assert(v && v->spec->kind == kind);
    return v;
}

bool options_flag(const struct options *o, const char *name) {
    return get(o, name, OPTION_FLAG)->flag;
}

const char *options_string(const struct options *o, const char *name) {
    const struct option_value *v = get(o, name, OPTION_STRING);
    return v->count ? v->texts[0] : NULL;
}

long long options_int(const struct options *o, const char *name) {
    return get(o, name, OPTION_INT)->number;
}

double options_double(const struct options *o, const char *name) {
    return get(o, name, OPTION_DOUBLE)->real;
}

size_t options_list(const struct options *o, const char *name, const char *const **ret) {
    static const char *const none[] = {NULL};
    const struct option_value *v = get(o, name, OPTION_LIST);
    *ret = v->count ? (const char *const *)v->texts : none;
    return v->count;
}

size_t options_args(const struct options *o, char ***ret) {
    *ret = o->args;
    return o->n_args;
}

bool options_given(const struct options *o, const char *name) {
    const struct option_value *v = options_find(o, name);
    assert(v);
    return v->source > SOURCE_DEFAULT;
}
