/* What every record can do, by its descriptor. See record.h. */
#include "schemas/record.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static void *member(const struct rec_field *field, void *rec) {
    return (char *)rec + field->offset;
}
static const void *const_member(const struct rec_field *field, const void *rec) {
    return (const char *)rec + field->offset;
}

size_t rec_item_size(const struct rec_field *field) {
    switch (field->item) {
        case REC_STRING:
            return sizeof(char *);
        case REC_LONG:
            return sizeof(int64_t);
        case REC_RECORD:
            return field->record->size;
        default:
            abort(); /* the generator makes no other lists */
    }
}

static void init_field(const struct rec_field *field, void *rec) {
    void *at = member(field, rec);
    switch (field->kind) {
        case REC_STRING:
            *(char **)at = xstrdup(field->default_text);
            break;
        case REC_INT:
            *(int32_t *)at = (int32_t)field->default_int;
            break;
        case REC_LONG:
            *(int64_t *)at = field->default_int;
            break;
        case REC_BOOL:
            *(bool *)at = field->default_int != 0;
            break;
        case REC_DOUBLE:
            *(double *)at = field->default_double;
            break;
        case REC_RECORD:
            rec_init(field->record, at);
            break;
        case REC_OPT_STRING:
        case REC_OPT_DOUBLE:
        case REC_BYTES:
        case REC_LIST:
            break; /* absent and empty are all zero */
    }
}

void rec_init(const struct rec_desc *desc, void *rec) {
    memset(rec, 0, desc->size);
    for (size_t i = 0; i < desc->field_count; i++) init_field(&desc->fields[i], rec);
}

static void done_list(const struct rec_field *field, struct rec_list *list) {
    for (size_t i = 0; i < list->count && field->item != REC_LONG; i++) {
        void *item = (char *)list->items + i * rec_item_size(field);
        if (field->item == REC_STRING)
            free(*(char **)item);
        else
            rec_done(field->record, item);
    }
    free(list->items);
}

void rec_done(const struct rec_desc *desc, void *rec) {
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct rec_field *field = &desc->fields[i];
        void *at = member(field, rec);
        if (field->kind == REC_STRING || field->kind == REC_OPT_STRING)
            free(*(char **)at);
        else if (field->kind == REC_BYTES)
            free(((struct rec_bytes *)at)->data);
        else if (field->kind == REC_LIST)
            done_list(field, at);
        else if (field->kind == REC_RECORD)
            rec_done(field->record, at);
    }
    memset(rec, 0, desc->size);
}

static void copy_list(const struct rec_field *field, struct rec_list *to, const struct rec_list *from) {
    size_t size = rec_item_size(field);
    *to = (struct rec_list){0};
    if (!from->count) return;
    to->items = xcalloc(from->count, size);
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        void *item = (char *)to->items + i * size;
        const void *old = (const char *)from->items + i * size;
        if (field->item == REC_STRING)
            *(char **)item = xstrdup(*(char *const *)old);
        else if (field->item == REC_LONG)
            *(int64_t *)item = *(const int64_t *)old;
        else
            rec_copy(field->record, item, old);
    }
}

void rec_copy(const struct rec_desc *desc, void *to, const void *from) {
    memcpy(to, from, desc->size); /* numbers; what is owned is replaced below */
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct rec_field *field = &desc->fields[i];
        void *at = member(field, to);
        const void *old = const_member(field, from);
        if (field->kind == REC_STRING || field->kind == REC_OPT_STRING) {
            const char *text = *(char *const *)old;
            *(char **)at = text ? xstrdup(text) : NULL;
        } else if (field->kind == REC_BYTES) {
            const struct rec_bytes *bytes = old;
            *(struct rec_bytes *)at = (struct rec_bytes){0};
            rec_set_bytes(at, bytes->data, bytes->len);
        } else if (field->kind == REC_LIST) {
            copy_list(field, at, old);
        } else if (field->kind == REC_RECORD) {
            rec_copy(field->record, at, old);
        }
    }
}

static bool same_double(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}
static bool same_text(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_list(const struct rec_field *field, const struct rec_list *a, const struct rec_list *b) {
    size_t size = rec_item_size(field);
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const void *x = (const char *)a->items + i * size, *y = (const char *)b->items + i * size;
        bool same = field->item == REC_STRING ? same_text(*(char *const *)x, *(char *const *)y)
                    : field->item == REC_LONG ? *(const int64_t *)x == *(const int64_t *)y
                                              : rec_equal(field->record, x, y);
        if (!same) return false;
    }
    return true;
}

static bool same_field(const struct rec_field *field, const void *a, const void *b) {
    const void *x = const_member(field, a), *y = const_member(field, b);
    switch (field->kind) {
        case REC_STRING:
        case REC_OPT_STRING:
            return same_text(*(char *const *)x, *(char *const *)y);
        case REC_INT:
            return *(const int32_t *)x == *(const int32_t *)y;
        case REC_LONG:
            return *(const int64_t *)x == *(const int64_t *)y;
        case REC_BOOL:
            return *(const bool *)x == *(const bool *)y;
        case REC_DOUBLE:
            return same_double(*(const double *)x, *(const double *)y);
        case REC_OPT_DOUBLE: {
            bool has = *(const bool *)((const char *)a + field->has_offset);
            if (has != *(const bool *)((const char *)b + field->has_offset)) return false;
            return !has || same_double(*(const double *)x, *(const double *)y);
        }
        case REC_BYTES: {
            const struct rec_bytes *p = x, *q = y;
            return p->len == q->len && (!p->len || !memcmp(p->data, q->data, p->len));
        }
        case REC_LIST:
            return same_list(field, x, y);
        case REC_RECORD:
            return rec_equal(field->record, x, y);
    }
    abort();
}

bool rec_equal(const struct rec_desc *desc, const void *a, const void *b) {
    for (size_t i = 0; i < desc->field_count; i++)
        if (!same_field(&desc->fields[i], a, b)) return false;
    return true;
}

void *rec_new(const struct rec_desc *desc) {
    void *rec = xmalloc(desc->size);
    rec_init(desc, rec);
    return rec;
}

void rec_free(const struct rec_desc *desc, void *rec) {
    if (!rec) return;
    rec_done(desc, rec);
    free(rec);
}

const struct rec_field *rec_find(const struct rec_desc *desc, const char *name) {
    for (size_t i = 0; i < desc->field_count; i++)
        if (!strcmp(desc->fields[i].name, name)) return &desc->fields[i];
    return NULL;
}

void rec_set(char **field, const char *text) {
    char *copy = text ? xstrdup(text) : NULL;
    free(*field);
    *field = copy;
}

void rec_setf(char **field, const char *fmt, ...) {
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    free(*field);
    *field = buf_take(&b);
}

void rec_set_bytes(struct rec_bytes *field, const void *data, size_t len) {
    uint8_t *copy = len ? xmalloc(len) : NULL;
    if (len) memcpy(copy, data, len);
    free(field->data);
    *field = (struct rec_bytes){.data = copy, .len = len};
}

/* One more zeroed item. Grown by one each time: realloc() amortises it, and there is no capacity to keep right. */
static void *grow(struct rec_list *list, size_t size) {
    list->items = xrealloc(list->items, (list->count + 1) * size);
    void *item = (char *)list->items + list->count++ * size;
    memset(item, 0, size);
    return item;
}

char **rec_list_string_push(struct rec_list_string *list, const char *text) {
    char *copy = xstrdup(text);
    char **item = grow((struct rec_list *)list, sizeof(char *));
    *item = copy;
    return item;
}

int64_t *rec_list_long_push(struct rec_list_long *list, int64_t value) {
    int64_t *item = grow((struct rec_list *)list, sizeof value);
    *item = value;
    return item;
}

void *rec_list_push(struct rec_list *list, const struct rec_desc *desc) {
    void *item = grow(list, desc->size);
    rec_init(desc, item);
    return item;
}

void *rec_list_push_item(const struct rec_field *field, struct rec_list *list) {
    if (field->item == REC_RECORD) return rec_list_push(list, field->record);
    void *item = grow(list, rec_item_size(field));
    if (field->item == REC_STRING) *(char **)item = xstrdup("");
    return item;
}

bool rec_list_string_has(const struct rec_list_string *list, const char *text) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], text)) return true;
    return false;
}
