#include "coordinator/texts.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/map.h"
#include "coordinator/plan/identity.h"

#define KINDS 3

struct texts {
    struct map *kind[KINDS]; /* hash to struct text */
    size_t bytes;
};

struct texts *texts_new(void) {
    struct texts *texts = xcalloc(1, sizeof *texts);
    for (int i = 0; i < KINDS; i++) texts->kind[i] = map_new();
    return texts;
}

static void text_free(struct text *text) {
    free(text->hash);
    free(text->yaml);
    free(text->source);
    rec_free(&rec_task_desc, text->task);
    free(text);
}

static void drop_all(struct texts *texts) {
    for (int i = 0; i < KINDS; i++) {
        size_t cursor = 0;
        void *text;
        while (map_next(texts->kind[i], &cursor, NULL, &text)) text_free(text);
        map_free(texts->kind[i]);
        texts->kind[i] = NULL;
    }
    texts->bytes = 0;
}

void texts_free(struct texts *texts) {
    if (!texts) return;
    drop_all(texts);
    free(texts);
}

static int read_text(struct store *store, enum text_kind kind, struct text *text, struct error *err) {
    if (kind == TEXT_PROBLEM) text->yaml = store_problem_get(store, text->hash, err);
    if (kind == TEXT_KERNEL) text->yaml = store_kernel_get(store, text->hash, &text->source, err);
    if (kind == TEXT_POLICY) text->yaml = store_policy_get(store, text->hash, err);
    if (!text->yaml) return -1;
    if (kind != TEXT_POLICY) return 0;
    text->task = rec_new(&rec_task_desc);
    return policy_apply(text->yaml, text->task, err);
}

static size_t size_of(const struct text *text) {
    return sizeof *text + strlen(text->yaml) + (text->source ? strlen(text->source) : 0) + 256;
}

const struct text *texts_get(struct texts *texts, struct store *store, enum text_kind kind, const char *hash,
                             struct error *err) {
    struct text *text = map_get(texts->kind[kind], hash);
    if (text) return text;
    text = xcalloc(1, sizeof *text);
    text->hash = xstrdup(hash);
    if (read_text(store, kind, text, err) != 0) {
        text_free(text);
        return NULL;
    }
    if (texts->bytes + size_of(text) > TEXTS_BYTES_MAX) {
        drop_all(texts);
        for (int i = 0; i < KINDS; i++) texts->kind[i] = map_new();
    }
    texts->bytes += size_of(text);
    map_put(texts->kind[kind], hash, text);
    return text;
}
