/* What has to follow the commit. */
#include <string.h>

#include "common/buf.h"
#include "coordinator/core.h"
#include "fleet/bus/topics.h"

static struct effect *push(struct core *core) {
    if (core->effect_count == core->effect_room) {
        core->effect_room = core->effect_room ? 2 * core->effect_room : 32;
        core->effects = xrealloc(core->effects, core->effect_room * sizeof *core->effects);
    }
    struct effect *effect = &core->effects[core->effect_count++];
    memset(effect, 0, sizeof *effect);
    return effect;
}

int core_send(struct core *core, const char *topic, int32_t partition, const char *key, const struct rec_desc *desc,
              const void *rec, const char *attempt, struct error *err) {
    uint8_t *value = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &value, &len, err) != 0) return -1;
    *push(core) = (struct effect){.kind = EFFECT_SEND,
                                  .topic = xstrdup(topic),
                                  .partition = partition,
                                  .key = xstrdup(key),
                                  .value = value,
                                  .len = len,
                                  .attempt = attempt ? xstrdup(attempt) : NULL};
    return 0;
}

void core_want_mailbox(struct core *core, const char *node) {
    struct effect *effect = push(core);
    effect->kind = EFFECT_MAILBOX;
    effect->topic = xstrdup(node);
}

struct effect *core_take_effects(struct core *core, size_t *ret_count) {
    struct effect *effects = core->effects;
    *ret_count = core->effect_count;
    core->effects = NULL;
    core->effect_count = core->effect_room = 0;
    return effects;
}

void effect_done(struct effect *effect) {
    free(effect->topic);
    free(effect->key);
    free(effect->value);
    free(effect->attempt);
}

int core_dead_letter(struct core *core, const struct rec_dead_letter *letter, struct error *err) {
    CLEANUP_FREE uint8_t *value = NULL;
    size_t len = 0;
    char key[BUS_TOPIC_MAX + 48];
    if (letter->task_id && letter->offset < 0)
        snprintf(key, sizeof key, "%s", letter->task_id);
    else
        snprintf(key, sizeof key, "%.249s/%d/%lld", letter->topic, (int)letter->partition, (long long)letter->offset);
    if (codec_encode(&rec_dead_letter_desc, letter, CODEC_SINGLE_OBJECT, 0, &value, &len, err) != 0) return -1;
    core->metrics.deadletters++;
    return store_outbox_add(core->store, TOPIC_DEADLETTER, key, value, len, err);
}
