/* Records with something in every field, from a seed, for tests of what must hold for every record type. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "schemas/record.h"

static inline uint64_t fill_next(uint64_t *state) { /* splitmix64 (Steele, Lea & Flood, 2014) */
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void fill_text(char **field, uint64_t *state) {
    static const char *const words[] = {"",
                                        "softmax",
                                        "a longer text with spaces\nand lines",
                                        "gpu-7",
                                        "naïve ∑ 日本語 🧭",
                                        "\"quoted\" \\ back",
                                        "\t\x01"};
    rec_setf(field, "%s%u", words[fill_next(state) % 7], (unsigned)(fill_next(state) % 1000));
}

static inline int64_t fill_long(uint64_t *state) {
    static const int64_t edges[] = {0, 1, -1, 63, 64, -64, -65, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    uint64_t pick = fill_next(state) % 22;
    return pick < 11 ? edges[pick] : (int64_t)fill_next(state);
}

static inline double fill_double(uint64_t *state) {
    static const double edges[] = {0.0, -0.0, 1.0, 0.1, -1e300, 5e-324};
    uint64_t pick = fill_next(state) % 12;
    return pick < 6 ? edges[pick] : (double)(int64_t)fill_next(state) * 0x1p-40;
}

static inline void fill_record(const struct rec_desc *desc, void *rec, uint64_t *state);

static inline void fill_list(const struct rec_field *field, struct rec_list *list, uint64_t *state) {
    for (uint64_t n = fill_next(state) % 4; n > 0; n--) {
        void *item = rec_list_push_item(field, list);
        if (field->item == REC_STRING)
            fill_text(item, state);
        else if (field->item == REC_LONG)
            *(int64_t *)item = fill_long(state);
        else
            fill_record(field->record, item, state);
    }
}

static inline void fill_field(const struct rec_field *field, void *rec, uint64_t *state) {
    void *at = (char *)rec + field->offset;
    bool present = fill_next(state) % 3 != 0;
    switch (field->kind) {
        case REC_OPT_STRING:
            if (!present) break; /* else fall through */
        case REC_STRING:
            fill_text(at, state);
            break;
        case REC_INT:
            *(int32_t *)at = (int32_t)fill_long(state);
            break;
        case REC_LONG:
            *(int64_t *)at = fill_long(state);
            break;
        case REC_OPT_DOUBLE:
            *(bool *)((char *)rec + field->has_offset) = present; /* fall through */
        case REC_DOUBLE:
            *(double *)at = fill_double(state);
            break;
        case REC_BOOL:
            *(bool *)at = present;
            break;
        case REC_BYTES: {
            uint8_t bytes[32];
            for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)fill_next(state);
            rec_set_bytes(at, bytes, fill_next(state) % (sizeof bytes + 1));
            break;
        }
        case REC_LIST:
            fill_list(field, at, state);
            break;
        case REC_RECORD:
            fill_record(field->record, at, state);
            break;
    }
}

/* `rec` is initialised. The same seed gives the same record. */
static inline void fill_record(const struct rec_desc *desc, void *rec, uint64_t *state) {
    for (size_t i = 0; i < desc->field_count; i++) fill_field(&desc->fields[i], rec, state);
}
static inline void *fill_new(const struct rec_desc *desc, uint64_t seed) {
    void *rec = rec_new(desc);
    fill_record(desc, rec, &seed);
    return rec;
}
