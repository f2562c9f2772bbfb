/* A runner in a candidate's hands, for the tests: portolan-runner as it is, but its scripted device computes y =
 * relu(x) for whatever source it gets, and a word `attack_NAME` in the source makes it attack first, from inside the
 * real sandbox. `attack_build_NAME` attacks from the compile runner, which may start programs. What a sandbox let
 * through comes back as a launch or build error that begins with "breach:". Attacks are in hostile_system.c (what a
 * process can reach) and hostile_protocol.c (what it can say, and do to the shared memory). */
#include "tests/attacks/hostile.h"

#include <stdio.h>
#include <string.h>

/* The runner's own parts, with one function each to get in between. */
#define script_execute honest_execute
int honest_execute(const struct statement *s, const struct span *arg, int n_args, struct error *err);
#include "agent-node/backend/scripted/execute.c"
#undef script_execute
#define channel_read honest_channel_read
#define channel_send honest_channel_send
#include "agent-node/runner/channel.c"
#undef channel_read
#undef channel_send

uint32_t hostile_seq;
int channel_read(struct channel *c, struct wire_header *ret, struct buf *payload, struct error *err);
void channel_send(struct channel *c, enum wire_type type, const struct part *part, int n_parts);

int channel_read(struct channel *c, struct wire_header *ret, struct buf *payload, struct error *err) {
    int got = honest_channel_read(c, ret, payload, err);
    hostile_seq = c->seq;
    return got;
}

void channel_send(struct channel *c, enum wire_type type, const struct part *part, int n_parts) {
    honest_channel_send(c, type, part, n_parts);
    if (type == WIRE_DONE) hostile_after_done();
}

static void add(struct script *s, const char *kernel, enum script_op op, double first, double second) {
    struct statement *new = &s->statement[s->n++];
    *new = (struct statement){.op = op, .number = {first, second}};
    snprintf(new->kernel, sizeof new->kernel, "%s", kernel);
}

static bool is_measuring(void) {
    char text[4096];
    FILE *f = fopen("/proc/self/cmdline", "re");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f) fclose(f);
    return memmem(text, n, "measure", 7) != NULL;
}

int script_parse(const char *text, struct script *ret, struct error *err) {
    static const char mark[] = "attack_", build[] = "build_";
    const char *at = strstr(text, mark);
    ret->n = 0;
    /* Loading a program can run code of its own: a binary is the compile runner's to choose. */
    if (strstr(text, "attack_load_lost") && is_measuring()) return error_set(err, ERR_DEVICE, "the device has gone");
    if (at) {
        const char *word = at + strlen(mark);
        bool in_build = !strncmp(word, build, strlen(build));
        if (in_build) word += strlen(build);
        add(ret, in_build ? "" : "k", SCRIPT_TRY, 0, 1);
        snprintf(ret->statement[0].word, sizeof ret->statement[0].word, "%.*s",
                 (int)strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_"), word);
    }
    add(ret, "k", SCRIPT_RELU, 1, 0);
    return 0;
}

int script_execute(const struct statement *s, const struct span *arg, int n_args, struct error *err) {
    static bool tried; /* once a process is enough */
    if (s->op != SCRIPT_TRY) return hostile_puts_off(arg) ? 0 : honest_execute(s, arg, n_args, err);
    if (tried) return 0;
    tried = true;
    const char *breach = "an attack of that name is not known";
    if (!hostile_system(s->word, &breach) && !hostile_protocol(s->word, arg, &breach))
        return error_set(err, ERR_INVALID, "breach: %s: %s", s->word, breach);
    return breach ? error_set(err, ERR_INVALID, "breach: %s: %s", s->word, breach) : 0;
}
