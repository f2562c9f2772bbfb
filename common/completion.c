/* Completion scripts for bash and zsh, with every command's options spelled out: the shell need not start the program.
 */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/options_internal.h"

/* A shell function name: letters, digits and underscores. */
static char *identifier(const char *text) {
    char *name = xstrdup(text);
    for (char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))) *p = '_';
    return name;
}

static void put_flag(void *context, const struct option_spec *s) {
    fprintf(context, " --%s", s->name);
}

/* Whether a command before commands[at] has the same first word. */
static bool is_repeated(const struct command *const *commands, size_t at) {
    size_t len = strcspn(commands[at]->name, " ");
    for (size_t i = 0; i < at; i++)
        if (strncmp(commands[i]->name, commands[at]->name, len) == 0 && strcspn(commands[i]->name, " ") == len)
            return true;
    return false;
}

/* First words, each once: "problem list" and "problem show" give "problem". */
static void put_first_words(const struct command *const *commands, FILE *out) {
    for (size_t i = 0; commands[i]; i++)
        if (!is_repeated(commands, i)) fprintf(out, "%.*s ", (int)strcspn(commands[i]->name, " "), commands[i]->name);
    fputs("help completion man", out);
}

/* Second words of the commands whose first word is that of commands[at]. */
static void put_second_words(const struct command *const *commands, size_t at, FILE *out) {
    size_t len = strcspn(commands[at]->name, " ");
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, commands[at]->name, len) == 0 && name[len] == ' ') fprintf(out, "%s ", name + len + 1);
    }
}

static void bash_cases(const struct command *const *commands, FILE *out) {
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        /* The longer pattern first: "problem list" before "problem". */
        if (space) fprintf(out, "        '%s') words='", name);
        if (!space) fprintf(out, "        '%s '*) words='", name);
        if (!space) put_second_words(commands, i, out);
        options_each(commands[i], put_flag, out);
        fputs("' ;;\n", out);
    }
    for (size_t i = 0; commands[i]; i++) {
        size_t len = strcspn(commands[i]->name, " ");
        if (!commands[i]->name[len] || is_repeated(commands, i)) continue;
        fprintf(out, "        '%.*s '*) words='", (int)len, commands[i]->name);
        put_second_words(commands, i, out);
        fputs("' ;;\n", out);
    }
}

static void bash(const char *program, const struct command *const *commands, FILE *out) {
    CLEANUP_FREE char *function = identifier(program);
    fprintf(out,
            "# bash completion for %s\n"
            "_%s() {\n"
            "    local current=${COMP_WORDS[COMP_CWORD]} words=''\n"
            "    COMPREPLY=()\n"
            "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
            "        words='",
            program, function);
    put_first_words(commands, out);
    fputs(
        " --help --version'\n"
        "    else case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n"
        "        'completion '*) words='bash zsh' ;;\n"
        "        'help '*|'man '*) words='",
        out);
    put_first_words(commands, out);
    fputs("' ;;\n", out);
    bash_cases(commands, out);
    fprintf(out,
            "        esac\n"
            "    fi\n"
            "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
            "    if [ ${#COMPREPLY[@]} -eq 0 ] && [[ $current != -* ]]; then\n"
            "        compopt -o filenames 2>/dev/null\n"
            "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
            "    fi\n"
            "}\n"
            "complete -F _%s %s\n",
            function, program);
}

/* Inside single quotes of an _arguments specification: no quote, and brackets and colons escaped. */
static void put_zsh_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void zsh_option(void *context, const struct option_spec *s) {
    FILE *out = context;
    fprintf(out, " \\\n            '%s--%s%s[", s->kind == OPTION_LIST ? "*" : "", s->name,
            s->kind == OPTION_FLAG ? "" : "=");
    put_zsh_text(out, s->help);
    fputc(']', out);
    if (s->kind != OPTION_FLAG) {
        fputc(':', out);
        put_zsh_text(out, s->value_name ? s->value_name : "VALUE");
        fputs(":_files", out);
    }
    fputc('\'', out);
}

/* First words with what they do; of two-word commands the words that may follow. */
static void zsh_commands(const struct command *const *commands, FILE *out) {
    for (size_t i = 0; commands[i]; i++) {
        int len = (int)strcspn(commands[i]->name, " ");
        if (is_repeated(commands, i)) continue;
        fprintf(out, "        '%.*s:", len, commands[i]->name);
        if (commands[i]->name[len])
            put_second_words(commands, i, out);
        else
            put_zsh_text(out, commands[i]->summary);
        fputs("'\n", out);
    }
}

/* "problem": which word follows, for commands of two words. Each first word once. */
static void zsh_first_words(const struct command *const *commands, FILE *out) {
    for (size_t i = 0; commands[i]; i++) {
        size_t len = strcspn(commands[i]->name, " ");
        if (!commands[i]->name[len] || is_repeated(commands, i)) continue;
        fprintf(out, "        '%.*s') _values command ", (int)len, commands[i]->name);
        put_second_words(commands, i, out);
        fputs(";;\n", out);
    }
}

static void zsh(const char *program, const struct command *const *commands, FILE *out) {
    fprintf(out, "#compdef %s\n_%s() {\n    local -a known=(\n", program, program);
    zsh_commands(commands, out);
    fputs(
        "        'help:more about a command'\n"
        "        'completion:completion for the shell'\n"
        "        'man:the manual page'\n"
        "    )\n"
        "    if (( CURRENT == 2 )); then\n"
        "        _describe command known\n"
        "        return\n"
        "    fi\n"
        "    case \"$words[2] $words[3]\" in\n",
        out);
    for (size_t i = 0; commands[i]; i++) {
        /* Of two words the whole name, of one word whatever follows. */
        fprintf(out, strchr(commands[i]->name, ' ') ? "        '%s')" : "        '%s '*)", commands[i]->name);
        fputs(" _arguments", out);
        options_each(commands[i], zsh_option, out);
        fputs(" \\\n            '*:file:_files' ;;\n", out);
    }
    fputs("        'completion '*) _values shell bash zsh ;;\n    *) case $words[2] in\n", out);
    zsh_first_words(commands, out);
    fputs("    esac ;;\n    esac\n}\n", out);
    /* Autoloaded from $fpath this file is the function's first call; sourced, it registers the function. */
    fprintf(out, "if [[ $funcstack[1] == _%s ]]; then\n    _%s \"$@\"\nelse\n    compdef _%s %s\nfi\n", program,
            program, program, program);
}

int program_completion(const char *program, const struct command *const *commands, const char *shell, FILE *out,
                       struct error *err) {
    if (strcmp(shell, "bash") == 0)
        bash(program, commands, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(program, commands, out);
    else
        return error_set(err, ERR_USAGE, "no completion for %.80s; bash and zsh are known", shell);
    return 0;
}
