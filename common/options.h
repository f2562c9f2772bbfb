/* One table of options per command gives parser, --help and the man page. Long options only, plus one-letter ones.
 * Value order: flag, then environment PORTOLAN_<NAME>, then configuration file, then default. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include "common/error.h"
enum option_kind { OPTION_FLAG, OPTION_STRING, OPTION_INT, OPTION_DOUBLE, OPTION_LIST /* repeatable strings */ };
struct option_spec {
    const char *name; /* "state-dir"; NULL ends the table */
    char letter;      /* 0 for none */
    enum option_kind kind;
    const char *value_name; /* "DIR" in the help; NULL for flags */
    const char *config_key; /* dotted key in the configuration file, or NULL: flag only */
    const char *fallback;   /* default as text, or NULL */
    const char *help;       /* one or two sentences */
};
struct options;
struct command {
    const char *name;                       /* "submit" */
    const char *usage;                      /* "submit CAMPAIGN.yaml [options]" */
    const char *summary;                    /* one line */
    const char *details;                    /* paragraphs with an example, or NULL */
    const struct option_spec *options;      /* may be NULL */
    int (*run)(const struct options *opts); /* returns the exit status */
    bool keeps_config_error; /* run also with a wrong configuration file: options_config_error() has what is wrong */
};
/* Parses argv[0..argc) (after the command's name). `--` ends options. Handles nothing else; `--help` is just the flag
 * "help", which every table has implicitly, as it has config, log-level and log-json (program_main applies them).
 * In the environment a list is separated by commas. Configuration: the file of --config or PORTOLAN_CONFIG, else
 * $XDG_CONFIG_HOME/portolan/config.yaml (or PORTOLAN_CONFIG_DIR/config.yaml) over /etc/portolan/config.yaml, key by
 * key. ERR_USAGE names the offending argument and the nearest option; ERR_INVALID names file and line. */
struct options *options_parse(const struct command *cmd, int argc, char **argv, struct error *err);
void options_free(struct options *o);
/* What is wrong with the configuration files, for a command that keeps such an error; NULL for nothing. */
const struct error *options_config_error(const struct options *o);
/* Getters abort on a name or a kind that the table does not have: that is a defect. Texts belong to `o`. */
bool options_flag(const struct options *o, const char *name);
const char *options_string(const struct options *o, const char *name); /* NULL when unset without default */
long long options_int(const struct options *o, const char *name);      /* 0 when unset without default */
double options_double(const struct options *o, const char *name);
size_t options_list(const struct options *o, const char *name, const char *const **ret);
size_t options_args(const struct options *o, char ***ret);     /* positional arguments */
bool options_given(const struct options *o, const char *name); /* by flag, environment or file */
/* Properties below a mapping in the configuration (e.g. "kafka"), plus repeated flags of the same name as "key=value".
 * Nested mappings are joined by dots, lists by commas. A table entry whose value_name holds a '=' is checked to be
 * KEY=VALUE. Returns their number; the arrays belong to `o`. */
size_t options_properties(const struct options *o, const char *config_key, const char ***ret_keys,
                          const char ***ret_values);
/* Prints "program: text" (with its hint lines, coloured on a terminal) to stderr; returns the exit status of its code,
 * so that a command can end with `return program_fail("portolan", &err)`. */
int program_fail(const char *program, const struct error *err);
/* Print help in colour on a terminal; and as a man page (troff). */
void command_help(const struct command *cmd, const char *program, FILE *out);
void command_man(const struct command *cmd, const char *program, FILE *out);
void program_help(const char *program, const char *summary, const struct command *const *commands, FILE *out);
/* The program's own manual page, with the list of its commands. */
void program_man(const char *program, const char *summary, const struct command *const *commands, FILE *out);
/* Completion of commands and options for `shell` ("bash" or "zsh"). ERR_USAGE for other shells. */
int program_completion(const char *program, const struct command *const *commands, const char *shell, FILE *out,
                       struct error *err);
/* Dispatch `program NAME ...` over a NULL-terminated table; knows `--help`, `--version`, `help NAME`, `completion
 * bash|zsh`, `man NAME`; prints errors once ("program: text") and returns the exit status. */
int program_main(const char *program, const char *summary, const struct command *const *commands, int argc,
                 char **argv);
