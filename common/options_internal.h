/* What parsing, documentation and completion of options share. For common/options*.c and common/program.c only. */
#pragma once
#include "common/options.h"
#include "common/yaml.h"

/* Options that every command has: help, config, log-level, log-json. NULL-terminated by name. */
extern const struct option_spec IMPLICIT_OPTIONS[];

/* Calls `visit` for the command's own options and then for the implicit ones that it does not define itself. */
void options_each(const struct command *cmd, void (*visit)(void *context, const struct option_spec *spec),
                  void *context);
/* Whether the letter of implicit `spec` is free in `cmd`; a command's own letters win. */
bool options_letter_free(const struct command *cmd, const struct option_spec *spec);
/* "PORTOLAN_STATE_DIR" of "state-dir". Caller frees. */
char *options_env_name(const char *name);

/* Where a value came from, lowest first. */
enum option_source { SOURCE_NONE, SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG };

struct option_value {
    const struct option_spec *spec;
    enum option_source source;
    char **texts; /* NULL-terminated once count > 0; all kinds but LIST have one */
    size_t count;
    long long number;
    double real;
    bool flag;
};

struct property_set {
    struct property_set *next;
    char **keys, **values;
    const char **key_view, **value_view; /* the same, as the caller gets to see them */
    size_t count;
};

#define CONFIG_FILES_MAX 2
struct options {
    const struct command *cmd;
    struct option_value *values;
    size_t n_values;
    char **args;
    size_t n_args;
    struct yaml_doc *config[CONFIG_FILES_MAX]; /* the nearer one first */
    size_t n_config;
    struct error config_error;        /* kept for a command that asks for it; ERR_NONE else */
    struct property_set **properties; /* answers given out; a pointer, so that const options can remember them */
};

/* The entry called `name`, or NULL. */
struct option_value *options_find(const struct options *o, const char *name);
/* Sets or, for a list, appends `text`; checks it against the kind. `where` is put before complaints ("--jobs"). */
int option_value_set(struct option_value *v, const char *text, enum option_source source, const char *where,
                     struct error *err);
/* Environment, configuration files and defaults for what no flag has set. */
int options_load_env(struct options *o, struct error *err);
int options_load_config(struct options *o, struct error *err);
/* Is the dotted key one that a configuration file may hold, whichever command reads it? */
bool config_key_is_known(const char *dotted);
/* Node at a dotted path in one document, or NULL. */
const struct yaml_node *config_lookup(const struct yaml_doc *doc, const char *dotted);
