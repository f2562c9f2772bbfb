/* Help for the terminal and manual pages (man(7) macros), both from the option tables. */
#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/options_internal.h"
#include "common/table.h"

#ifndef PORTOLAN_VERSION
#define PORTOLAN_VERSION "unknown"
#endif
#define HELP_COLUMNS 100
#define HELP_INDENT 28

static void heading(FILE *out, const char *text) {
    fprintf(out, "\n%s%s%s\n", colour_on(out, COLOUR_BOLD), text, colour_off(out));
}

/* Words of `text` wrapped to HELP_COLUMNS, continued at `indent`; the cursor is at `column`. Keeps line feeds. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent) {
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + word > HELP_COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent && word > 0) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        if (*text == '\n') {
            fprintf(out, "\n%*s", text[1] ? (int)indent : 0, "");
            column = indent;
        }
        if (*text) text++;
    }
    fputc('\n', out);
}

/* Paragraphs wrapped; lines that open with a space are examples and stay as they are. */
static void print_details(FILE *out, const char *text) {
    while (*text) {
        size_t len = strcspn(text, "\n");
        CLEANUP_FREE char *line = xstrndup(text, len);
        if (line[0] == ' ')
            fprintf(out, "%s\n", line);
        else
            print_wrapped(out, line, 0, 0);
        text += len + (text[len] == '\n');
    }
}

/* "-n, --name VALUE" */
static char *option_usage(const struct command *cmd, const struct option_spec *s) {
    bool letter = s->letter && options_letter_free(cmd, s);
    return xasprintf("%c%c%s--%s%s%s", letter ? '-' : ' ', letter ? s->letter : ' ', letter ? ", " : "  ", s->name,
                     s->kind == OPTION_FLAG ? "" : " ",
                     s->kind == OPTION_FLAG ? ""
                     : s->value_name        ? s->value_name
                                            : "VALUE");
}

/* Help text with default, environment and configuration key. */
static char *option_text(const struct option_spec *s) {
    struct buf b = BUF_INIT;
    buf_puts(&b, s->help);
    if (s->kind == OPTION_LIST && !strstr(s->help, "repeated")) buf_puts(&b, " May be repeated.");
    if (s->fallback) buf_printf(&b, " Default: `%s`.", s->fallback);
    if (s->config_key) buf_printf(&b, " Configuration: %s.", s->config_key);
    return buf_take(&b);
}

struct doc {
    const struct command *cmd;
    FILE *out;
};

static void help_option(void *context, const struct option_spec *s) {
    const struct doc *d = context;
    CLEANUP_FREE char *usage = option_usage(d->cmd, s), *text = option_text(s);
    size_t column = 2 + strlen(usage);
    fprintf(d->out, "  %s%s%s", colour_on(d->out, COLOUR_GREEN), usage, colour_off(d->out));
    bool below = column + 2 > HELP_INDENT;
    if (below) fputc('\n', d->out);
    fprintf(d->out, "%*s", below ? HELP_INDENT : (int)(HELP_INDENT - column), "");
    print_wrapped(d->out, text, HELP_INDENT, HELP_INDENT);
}

void command_help(const struct command *cmd, const char *program, FILE *out) {
    fprintf(out, "%sUsage:%s %s %s\n\n", colour_on(out, COLOUR_BOLD), colour_off(out), program, cmd->usage);
    print_wrapped(out, cmd->summary, 0, 0);
    if (cmd->details) {
        fputc('\n', out);
        print_details(out, cmd->details);
    }
    heading(out, "Options:");
    struct doc d = {cmd, out};
    options_each(cmd, help_option, &d);
    fprintf(out,
            "\nAn option may also be set by its environment variable (PORTOLAN_ and the name in capitals, - as _),\n"
            "or in the configuration file where a key is named. Flags win over those, in this order.\n");
}

void program_help(const char *program, const char *summary, const struct command *const *commands, FILE *out) {
    fprintf(out, "%sUsage:%s %s COMMAND [options]\n\n", colour_on(out, COLOUR_BOLD), colour_off(out), program);
    print_wrapped(out, summary, 0, 0);
    heading(out, "Commands:");
    for (; *commands; commands++) {
        fprintf(out, "  %s%-18s%s  ", colour_on(out, COLOUR_GREEN), (*commands)->name, colour_off(out));
        print_wrapped(out, (*commands)->summary, 22, 22);
    }
    fprintf(out,
            "\n  help COMMAND, COMMAND --help      more about a command\n"
            "  completion bash|zsh               completion for the shell, to be sourced\n"
            "  man [COMMAND]                     the manual page, for man -l\n"
            "  --version                         the version\n");
}

/* Text with troff's special characters escaped: backslash, hyphen (for copying), a dot or quote that opens a line. */
static void put_troff(FILE *out, const char *text) {
    bool line_start = true;
    for (const char *p = text; *p; p++) {
        if (line_start && (*p == '.' || *p == '\'')) fputs("\\&", out);
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
        line_start = *p == '\n';
    }
}

static void man_section(FILE *out, const char *name) {
    fprintf(out, ".SH %s\n", name);
}

/* "portolan-problem-list": what a manual page is called. Caller frees. */
static char *page_name(const char *program, const char *command) {
    char *name = xasprintf("%s-%s", program, command);
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    return name;
}

static void man_start(FILE *out, const char *page, const char *summary) {
    fputs(".TH \"", out);
    for (const char *p = page; *p; p++) fputc(toupper((unsigned char)*p), out);
    fprintf(out, "\" 1 \"\" \"portolan %s\" \"Portolan\"\n", PORTOLAN_VERSION);
    man_section(out, "NAME");
    put_troff(out, page);
    fputs(" \\- ", out);
    put_troff(out, summary);
    fputc('\n', out);
}

/* Paragraphs; lines that open with a space are examples and keep their breaks. */
static void man_paragraphs(FILE *out, const char *text) {
    bool example = false;
    while (*text) {
        size_t len = strcspn(text, "\n");
        CLEANUP_FREE char *line = xstrndup(text, len);
        if ((line[0] == ' ') != example && line[0]) {
            example = !example;
            fputs(example ? ".PP\n.nf\n" : ".fi\n.PP\n", out);
        }
        if (!line[0])
            fputs(example ? "\n" : ".PP\n", out);
        else
            put_troff(out, line), fputc('\n', out);
        text += len + (text[len] == '\n');
    }
    if (example) fputs(".fi\n", out);
}

static void man_option(void *context, const struct option_spec *s) {
    const struct doc *d = context;
    CLEANUP_FREE char *usage = option_usage(d->cmd, s), *text = option_text(s), *env = options_env_name(s->name);
    fputs(".TP\n.B ", d->out);
    put_troff(d->out, usage + strspn(usage, " "));
    fputc('\n', d->out);
    put_troff(d->out, text);
    if (strcmp(s->name, "help") != 0) fprintf(d->out, " Environment: %s.", env);
    fputc('\n', d->out);
}

void command_man(const struct command *cmd, const char *program, FILE *out) {
    CLEANUP_FREE char *page = page_name(program, cmd->name);
    man_start(out, page, cmd->summary);
    man_section(out, "SYNOPSIS");
    fprintf(out, ".B %s\n", program);
    put_troff(out, cmd->usage);
    fputc('\n', out);
    if (cmd->details) {
        man_section(out, "DESCRIPTION");
        man_paragraphs(out, cmd->details);
    }
    man_section(out, "OPTIONS");
    struct doc d = {cmd, out};
    options_each(cmd, man_option, &d);
    fputs(".SH FILES\n.I $XDG_CONFIG_HOME/portolan/config.yaml\n.br\n.I /etc/portolan/config.yaml\n", out);
}

void program_man(const char *program, const char *summary, const struct command *const *commands, FILE *out) {
    man_start(out, program, summary);
    man_section(out, "SYNOPSIS");
    fprintf(out, ".B %s\nCOMMAND [options]\n", program);
    man_section(out, "COMMANDS");
    for (; *commands; commands++) {
        fputs(".TP\n.B ", out);
        put_troff(out, (*commands)->usage);
        fputc('\n', out);
        put_troff(out, (*commands)->summary);
        fputc('\n', out);
    }
    man_section(out, "EXIT STATUS");
    static const struct {
        int status;
        const char *meaning;
    } rows[] = {
#define X(code, name, exit_status, http, retriable, what) {exit_status, what},
#include "common/errors.def"
#undef X
    };
    fputs(".TP\n.B 0\ndone\n.TP\n.B 1\nfailed\n", out);
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++) {
        fprintf(out, ".TP\n.B %d\n", rows[i].status);
        put_troff(out, rows[i].meaning);
        fputc('\n', out);
    }
}
