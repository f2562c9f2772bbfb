#include "agent-node/daemon/duty.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"

struct duty {
    pthread_mutex_t mutex;
    char *trouble[TROUBLE_COUNT]; /* NULL: none */
    char *state, *reason;         /* as the coordinator wants it; "" before it said so */
    void (*changed)(void *context);
    void *context;
};

/* States in which what only waits in the mailbox goes back, and how that is said. */
static const struct {
    const char *state, *words;
} GIVES_BACK[] = {{"draining", "the node is draining"},          {"drained", "the node is draining"},
                  {"maintenance", "the node is in maintenance"}, {"quarantined", "the node is in quarantine"},
                  {"pending", "the node is not approved"},       {"refused", "the node is refused"}};

static const char *const WHAT[TROUBLE_COUNT] = {"the spool", "the cache", "the log", "--for"};

struct duty *duty_new(void (*changed)(void *context), void *context) {
    struct duty *duty = xcalloc(1, sizeof *duty);
    pthread_mutex_init(&duty->mutex, NULL);
    duty->state = xstrdup("");
    duty->reason = xstrdup("");
    duty->changed = changed;
    duty->context = context;
    return duty;
}

void duty_free(struct duty *duty) {
    if (!duty) return;
    for (int i = 0; i < TROUBLE_COUNT; i++) free(duty->trouble[i]);
    free(duty->state);
    free(duty->reason);
    pthread_mutex_destroy(&duty->mutex);
    free(duty);
}

static bool replace(char **text, const char *by) {
    if (*text == by || (*text && by && !strcmp(*text, by))) return false;
    free(*text);
    *text = by ? xstrdup(by) : NULL;
    return true;
}

void duty_set_trouble(struct duty *duty, enum duty_trouble which, const char *text) {
    pthread_mutex_lock(&duty->mutex);
    bool began = text && !duty->trouble[which], ended = !text && duty->trouble[which];
    bool differs = replace(&duty->trouble[which], text);
    pthread_mutex_unlock(&duty->mutex);
    if (began && which == TROUBLE_ENDING)
        log_info("no new work: %s", text);
    else if (began)
        log_error("no new work is taken: %s", text);
    if (ended) log_info("no more trouble with %s: work is taken again", WHAT[which]);
    if (differs && duty->changed) duty->changed(duty->context);
}

static char *joined_locked(const struct duty *duty) {
    struct buf text = BUF_INIT;
    for (int i = 0; i < TROUBLE_COUNT; i++)
        if (duty->trouble[i]) buf_printf(&text, "%s%s", text.len ? "; " : "", duty->trouble[i]);
    return buf_take(&text);
}

char *duty_trouble(struct duty *duty) {
    pthread_mutex_lock(&duty->mutex);
    char *text = joined_locked(duty);
    pthread_mutex_unlock(&duty->mutex);
    return text;
}

void duty_set_desired(struct duty *duty, const char *state, const char *reason) {
    pthread_mutex_lock(&duty->mutex);
    bool first = !*duty->state, differs = replace(&duty->state, state);
    differs = replace(&duty->reason, reason) || differs;
    pthread_mutex_unlock(&duty->mutex);
    bool usual = first && !strcmp(state, "in_service");
    if (differs && !usual) log_info("the coordinator wants this node %s%s%s", state, *reason ? ": " : "", reason);
}

char *duty_refusal(struct duty *duty) {
    const char *words = NULL;
    pthread_mutex_lock(&duty->mutex);
    for (size_t i = 0; i < sizeof GIVES_BACK / sizeof *GIVES_BACK; i++)
        if (!strcmp(duty->state, GIVES_BACK[i].state)) words = GIVES_BACK[i].words;
    char *text = words ? xstrdup(words) : joined_locked(duty);
    pthread_mutex_unlock(&duty->mutex);
    if (*text) return text;
    free(text);
    return NULL;
}
