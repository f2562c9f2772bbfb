/* What a runner prints: bounded, whatever it prints. */
#include <string.h>

#include "agent-node/worker/runner_internal.h"

void sink_add(struct sink *s, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++, s->total++) {
        if (s->total < SINK_HALF)
            s->head[s->total] = bytes[i];
        else
            s->tail[(s->total - SINK_HALF) % SINK_HALF] = bytes[i];
    }
}

void sink_text(const struct sink *s, struct buf *out) {
    if (s->total <= SINK_HALF) return text_make_printable(out, s->head, s->total);
    text_make_printable(out, s->head, SINK_HALF);
    size_t behind = s->total - SINK_HALF;
    if (behind <= SINK_HALF) return text_make_printable(out, s->tail, behind);
    size_t begin = behind % SINK_HALF;
    buf_printf(out, "\n[... %zu bytes left out ...]\n", behind - SINK_HALF);
    text_make_printable(out, s->tail + begin, SINK_HALF - begin);
    text_make_printable(out, s->tail, begin);
}
