#include "agent-node/daemon/fence.h"

#include <string.h>

#include "common/log.h"
#include "fleet/bus/topics.h"
#include "records.h"

struct looking {
    struct codec *codec;
    const char *node, *incarnation;
    int64_t registered_at;
    bool found;
};

static int look(void *context, const struct bus_record *record, struct error *err) {
    struct looking *l = context;
    struct rec_node node;
    (void)err;
    if (l->found || record->offset >= l->registered_at || !record->value) return 0;
    if (!record->key || strcmp(record->key, l->node) != 0) return 0;
    if (codec_decode_as(l->codec, record->value, record->len, &rec_node_desc, &node, NULL) != 0) return 0;
    l->found = strcmp(node.incarnation, l->incarnation) == 0;
    rec_node_done(&node);
    return 0;
}

bool fence_is_older(struct bus *bus, struct codec *codec, const char *node, const char *incarnation,
                    int64_t registered_at, int timeout_ms) {
    struct error err = ERROR_INIT;
    struct looking l = {.codec = codec, .node = node, .incarnation = incarnation, .registered_at = registered_at};
    if (bus_replay(bus, TOPIC_NODES, false, timeout_ms, look, &l, &err) == 0) return l.found;
    log_warn("cannot look whether incarnation %s is an older one: %s", incarnation, err.text);
    return false;
}
