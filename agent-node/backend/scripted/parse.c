#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/scripted/scripted.h"
#include "common/cleanup.h"

static const struct {
    const char *word;
    int operands;
} ops[] = {
#define X(id, word, operands) {word, operands},
#include "agent-node/backend/scripted/ops.def"
#undef X
};

static bool takes_text(enum script_op op) {
    return op == SCRIPT_REFUSE || op == SCRIPT_GREEDY || op == SCRIPT_ERROR;
}

/* `rest` is what follows the operation's word. */
static int parse_operands(char *rest, int line, struct statement *ret, struct error *err) {
    if (takes_text(ret->op)) {
        snprintf(ret->word, sizeof ret->word, "%s", rest);
        return 0;
    }
    char *saved = NULL, *word = strtok_r(rest, " \t\r", &saved);
    int n = 0;
    for (; word && n < SCRIPT_MAX_OPERANDS; n++, word = strtok_r(NULL, " \t\r", &saved)) {
        char *end = NULL;
        ret->number[n] = strtod(word, &end);
        if (!*end) continue;
        if (ret->op != SCRIPT_TRY || n != 0) return error_set(err, ERR_INVALID, "line %d: %s is no number", line, word);
        snprintf(ret->word, sizeof ret->word, "%s", word);
    }
    if (word || n != ops[ret->op].operands)
        return error_set(err, ERR_INVALID, "line %d: %s takes %d operands", line, ops[ret->op].word,
                         ops[ret->op].operands);
    return 0;
}

static int parse_statement(char *text, int line, struct statement *ret, struct error *err) {
    text += strspn(text, " \t");
    size_t len = strcspn(text, " \t\r");
    char *rest = text + len + strspn(text + len, " \t\r");
    text[len] = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].word, text) != 0) continue;
        ret->op = (enum script_op)i;
        return parse_operands(text == rest ? text + len : rest, line, ret, err);
    }
    return error_set(err, ERR_INVALID, "line %d: unknown operation %s", line, text);
}

static int parse_line(char *text, int line, struct script *ret, struct error *err) {
    text += strspn(text, " \t\r");
    if (!*text || *text == '#') return 0;
    char *colon = strchr(text, ':');
    if (!colon) return error_set(err, ERR_INVALID, "line %d: `kernel NAME: STATEMENT` is expected", line);
    if (ret->n == SCRIPT_MAX_STATEMENTS) return error_set(err, ERR_LIMIT, "over %d statements", SCRIPT_MAX_STATEMENTS);
    struct statement *s = &ret->statement[ret->n++];
    *s = (struct statement){0};
    *colon = 0;
    if (strcmp(text, "build") != 0 && sscanf(text, "kernel %63s", s->kernel) != 1)
        return error_set(err, ERR_INVALID, "line %d: `kernel NAME: STATEMENT` is expected", line);
    return parse_statement(colon + 1, line, s, err);
}

int script_parse(const char *text, struct script *ret, struct error *err) {
    CLEANUP_FREE char *copy = xstrdup(text);
    char *next = copy;
    ret->n = 0;
    for (int line = 1; next; line++) {
        char *this = strsep(&next, "\n");
        if (parse_line(this, line, ret, err) < 0) return -1;
    }
    return 0;
}
