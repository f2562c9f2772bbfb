/* The INI form: [group], [group:children], [group:vars]; a host a line with key=value behind it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "fleet/inventory/internal.h"

enum section { SECTION_HOSTS, SECTION_CHILDREN, SECTION_VARS };

struct ini {
    struct inventory *inv;
    struct place at;
    struct inventory_group *group;
    enum section section;
    /* [x:vars] may come before [x]; a section for a group that no other line makes is a slip. */
    json_t *pending; /* group name to the line of its :vars section */
};

static char *trim(char *s) {
    while (isspace((unsigned char)*s)) s++;
    size_t len = strlen(s);
    while (len && isspace((unsigned char)s[len - 1])) s[--len] = 0;
    return s;
}

#define complain(ini, err, ...) place_error(&(ini)->at, ERR_INVALID, err, __VA_ARGS__)

/* --- words of a host's line, as a POSIX shell takes them apart; '#' begins a comment ---------- */
static bool take_word(const char **at, struct buf *word, const char **ret_why) {
    const char *s = *at;
    while (isspace((unsigned char)*s)) s++;
    buf_clear(word);
    if (!*s || *s == '#') return *at = s, false;
    buf_puts(word, "");
    char quote = 0;
    for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
        if (!quote && *s == '#') break;
        if (quote ? *s == quote : *s == '\'' || *s == '"')
            quote = quote ? 0 : *s;
        else if (*s == '\\' && quote != '\'' && s[1] && (!quote || s[1] == '"' || s[1] == '\\'))
            buf_putc(word, *++s);
        else
            buf_putc(word, *s);
    }
    if (quote) *ret_why = "a quotation mark is not closed";
    if (*s == '#') s += strlen(s);
    *at = s;
    return true;
}

static int read_host_variables(const struct ini *ini, const char *at, json_t *vars, struct error *err) {
    CLEANUP(buf_done) struct buf word = BUF_INIT;
    const char *why = NULL;
    while (take_word(&at, &word, &why) && !why) {
        char *equals = strchr(word.data, '=');
        if (!equals || equals == word.data)
            return complain(ini, err, "key=value is expected behind a host, not `%.120s`", word.data);
        *equals = 0;
        CLEANUP_FREE char *key = xstrdup(word.data);
        if (json_object_set_new(vars, key, literal_value(equals + 1)) != 0)
            return complain(ini, err, "the name of a variable is not UTF-8");
    }
    return why ? complain(ini, err, "%s", why) : 0;
}

static int read_host(const struct ini *ini, const char *line, struct error *err) {
    CLEANUP(buf_done) struct buf pattern = BUF_INIT;
    const char *why = NULL;
    if (!take_word(&line, &pattern, &why)) return 0;
    if (why) return complain(ini, err, "%s", why);
    json_t *vars = json_object();
    int status = read_host_variables(ini, line, vars, err);
    if (status == 0) status = inventory_group_add_hosts(ini->inv, ini->group, pattern.data, vars, &ini->at, err);
    json_decref(vars);
    return status;
}

/* --- sections --------------------------------------------------------------------------------- */
static int read_child(const struct ini *ini, char *line, struct error *err) {
    line[strcspn(line, "#")] = 0;
    char *name = trim(line);
    if (!*name) return 0;
    if (strpbrk(name, " \t:")) return complain(ini, err, "one group a line is expected here, not `%.120s`", name);
    return inventory_group_add_child(ini->inv, ini->group, name, &ini->at, err);
}

static int read_variable(const struct ini *ini, char *line, struct error *err) {
    char *equals = strchr(line, '=');
    if (!equals) return complain(ini, err, "key=value is expected here, not `%.120s`", line);
    *equals = 0;
    const char *key = trim(line);
    if (!*key) return complain(ini, err, "a variable without a name");
    return inventory_group_set(ini->group, key, literal_value(trim(equals + 1)), &ini->at, err);
}

static int begin_section(struct ini *ini, char *line, struct error *err) {
    char *close = strchr(line, ']');
    *close = 0;
    char *kind = strchr(line + 1, ':');
    if (kind) *kind++ = 0;
    const char *name = trim(line + 1);
    if (strpbrk(name, " \t")) return complain(ini, err, "the group `%.120s` has a space in its name", name);
    if (!kind)
        ini->section = SECTION_HOSTS;
    else if (strcmp(kind, "children") == 0)
        ini->section = SECTION_CHILDREN;
    else if (strcmp(kind, "vars") == 0)
        ini->section = SECTION_VARS;
    else
        return complain(ini, err, "a section is [group], [group:children] or [group:vars], not [...:%.80s]", kind);
    bool known = inventory_group_find(ini->inv, name) != NULL;
    ini->group = inventory_group_add(ini->inv, name, &ini->at, err);
    if (!ini->group) return -1;
    if (ini->section != SECTION_VARS)
        json_object_del(ini->pending, name);
    else if (!known)
        json_object_set_new(ini->pending, name, json_integer(ini->at.line));
    return 0;
}

/* Nothing but a comment follows the bracket: "[a:f].lab" and "[::1]:22" are hosts. */
static bool is_section(const char *line) {
    const char *close = *line == '[' ? strchr(line, ']') : NULL;
    if (!close) return false;
    close += 1 + strspn(close + 1, " \t");
    return !*close || *close == '#';
}

static int read_line(struct ini *ini, char *text, struct error *err) {
    char *line = trim(text);
    if (!*line || *line == '#' || *line == ';') return 0;
    if (is_section(line)) return begin_section(ini, line, err);
    if (*line == '[' && !strchr(line, ']'))
        return complain(ini, err, "the section `%.120s` has no closing bracket", line);
    if (ini->section == SECTION_CHILDREN) return read_child(ini, line, err);
    return ini->section == SECTION_VARS ? read_variable(ini, line, err) : read_host(ini, line, err);
}

/* Children that were named make a group as well. */
static int check_pending(const struct ini *ini, struct error *err) {
    const char *name;
    json_t *line;
    json_object_foreach(ini->pending, name, line) {
        const struct inventory_group *g = inventory_group_find(ini->inv, name);
        if (g->has_parent || g->hosts.n || g->children.n) continue;
        struct place at = {ini->at.file, (int)json_integer_value(line)};
        place_error(&at, ERR_INVALID, err, "[%.120s:vars] is for a group that is not there", name);
        return error_hint(err, "add a section [%.120s], or correct the name", name);
    }
    return 0;
}

int inventory_read_ini(struct inventory *inv, const char *text, size_t len, const char *filename, struct error *err) {
    if (memchr(text, 0, len)) return error_set(err, ERR_INVALID, "%s: a NUL byte: this is no text", filename);
    struct ini ini = {.inv = inv, .at = {filename, 0}, .group = inv->group[1], .pending = json_object()};
    CLEANUP_FREE char *copy = xstrndup(text, len);
    int status = 0;
    for (char *rest = copy, *line; status == 0 && (line = strsep(&rest, "\n")) != NULL;) {
        ini.at.line++;
        status = read_line(&ini, line, err);
    }
    if (status == 0) status = check_pending(&ini, err);
    json_decref(ini.pending);
    return status;
}
