/* Dispatch of `program COMMAND ...`. Command names may have two words ("problem list"). */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/options.h"
#include "common/suggest.h"
#include "common/table.h"

#ifndef PORTOLAN_VERSION
#define PORTOLAN_VERSION "unknown"
#endif

struct program {
    const char *name, *summary;
    const struct command *const *commands;
};

int program_fail(const char *program, const struct error *err) {
    fprintf(stderr, "%s%s:%s %s\n", colour_on(stderr, COLOUR_RED), program, colour_off(stderr), err->text);
    return error_exit_status(err->code);
}

/* The command that argv names and how many words that took; NULL when there is none. */
static const struct command *find_command(const struct program *p, int argc, char **argv, int *ret_words) {
    const struct command *one_word = NULL;
    for (const struct command *const *c = p->commands; *c; c++) {
        const char *name = (*c)->name;
        size_t len = strlen(argv[0]);
        if (strcmp(name, argv[0]) == 0) one_word = *c;
        if (argc < 2 || strncmp(name, argv[0], len) != 0 || name[len] != ' ') continue;
        if (strcmp(name + len + 1, argv[1]) == 0) return *ret_words = 2, *c;
    }
    *ret_words = 1;
    return one_word;
}

/* Whether `word` opens the name of a two-word command: then the complaint is about the second. */
static bool opens_command(const struct program *p, const char *word) {
    size_t len = strlen(word);
    for (const struct command *const *c = p->commands; *c; c++)
        if (strncmp((*c)->name, word, len) == 0 && (*c)->name[len] == ' ') return true;
    return false;
}

static void hint_second_words(const struct program *p, const char *word, struct error *err) {
    size_t len = strlen(word);
    CLEANUP(buf_done) struct buf list = BUF_INIT;
    for (const struct command *const *c = p->commands; *c; c++)
        if (strncmp((*c)->name, word, len) == 0 && (*c)->name[len] == ' ')
            buf_printf(&list, "%s%s", list.len ? ", " : "", (*c)->name + len + 1);
    error_hint(err, "after %s may follow: %s", word, list.data);
}

static int unknown_command(const struct program *p, int argc, char **argv) {
    struct error err = ERROR_INIT;
    if (opens_command(p, argv[0])) {
        if (argc > 1 && argv[1][0] != '-')
            error_set(&err, ERR_USAGE, "unknown command %.80s %.80s", argv[0], argv[1]);
        else
            error_set(&err, ERR_USAGE, "%.80s needs a second word", argv[0]);
        hint_second_words(p, argv[0], &err);
        return program_fail(p->name, &err);
    }
    size_t count = 0;
    while (p->commands[count]) count++;
    CLEANUP_FREE const char **known = xcalloc(count + 4, sizeof *known);
    for (size_t i = 0; i < count; i++) known[i] = p->commands[i]->name;
    known[count] = "help", known[count + 1] = "completion", known[count + 2] = "man";
    const char *nearest = suggest_nearest(argv[0], known);
    error_set(&err, ERR_USAGE, "unknown command %.80s", argv[0]);
    if (nearest)
        error_hint(&err, "did you mean `%s %s`?", p->name, nearest);
    else
        error_hint(&err, "`%s --help` lists the commands", p->name);
    return program_fail(p->name, &err);
}

DEFINE_CLEANUP(cleanup_options, struct options *, options_free)

static int setup_log(const struct options *o, struct error *err) {
    const char *name = options_string(o, "log-level");
    int level = log_level_from_name(name);
    if (level < 0) {
        error_set(err, ERR_USAGE, "--log-level must be debug, info, warn or error, not `%.80s`", name);
        return -1;
    }
    log_setup((enum log_level)level, options_flag(o, "log-json"));
    return 0;
}

static int run_command(const struct program *p, const struct command *cmd, int argc, char **argv) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_options) struct options *o = options_parse(cmd, argc, argv, &err);
    if (!o) return program_fail(p->name, &err);
    if (options_flag(o, "help")) {
        command_help(cmd, p->name, stdout);
        return 0;
    }
    if (setup_log(o, &err) != 0) return program_fail(p->name, &err);
    return cmd->run(o);
}

/* help [COMMAND] and man [COMMAND] */
static int show_documentation(const struct program *p, bool man, int argc, char **argv) {
    if (argc == 0) {
        (man ? program_man : program_help)(p->name, p->summary, p->commands, stdout);
        return 0;
    }
    int words;
    const struct command *cmd = find_command(p, argc, argv, &words);
    if (!cmd) return unknown_command(p, argc, argv);
    (man ? command_man : command_help)(cmd, p->name, stdout);
    return 0;
}

static int show_completion(const struct program *p, int argc, char **argv) {
    struct error err = ERROR_INIT;
    if (argc != 1) {
        error_set(&err, ERR_USAGE, "completion needs the shell: bash or zsh");
        return program_fail(p->name, &err);
    }
    return program_completion(p->name, p->commands, argv[0], stdout, &err) == 0 ? 0 : program_fail(p->name, &err);
}

int program_main(const char *program, const char *summary, const struct command *const *commands, int argc,
                 char **argv) {
    const struct program p = {program, summary, commands};
    if (argc < 2) {
        program_help(program, summary, commands, stderr);
        return error_exit_status(ERR_USAGE);
    }
    int words;
    const struct command *cmd = find_command(&p, argc - 1, argv + 1, &words);
    if (cmd) return run_command(&p, cmd, argc - 1 - words, argv + 1 + words);
    if (strcmp(argv[1], "--version") == 0) return printf("%s %s\n", program, PORTOLAN_VERSION) < 0;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return show_documentation(&p, false, 0, NULL);
    if (strcmp(argv[1], "help") == 0) return show_documentation(&p, false, argc - 2, argv + 2);
    if (strcmp(argv[1], "man") == 0) return show_documentation(&p, true, argc - 2, argv + 2);
    if (strcmp(argv[1], "completion") == 0) return show_completion(&p, argc - 2, argv + 2);
    return unknown_command(&p, argc - 1, argv + 1);
}
