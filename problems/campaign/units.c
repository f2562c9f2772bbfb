/* Numbers are whole: "1.5h" is "1h30m", and a fraction of a byte is nothing. */
#include "problems/campaign/units.h"

#include <stddef.h>
#include <string.h>

#define YEAR_MS ((int64_t)366 * 24 * 3600 * 1000)

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit DURATIONS[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};
static const struct unit BYTES[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", (int64_t)1 << 10},
    {"MiB", (int64_t)1 << 20},
    {"GiB", (int64_t)1 << 30},
    {"TiB", (int64_t)1 << 40},
};

/* Digits at *text; advances it. -1 when there are none or too many. */
static int digits(const char **text, int64_t *ret) {
    const char *p = *text;
    int64_t value = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value)) return -1;
    if (p == *text) return -1;
    *text = p;
    *ret = value;
    return 0;
}

/* The unit that the letters at *text spell; advances it. NULL when unknown. */
static const struct unit *unit(const char **text, const struct unit *units, size_t n) {
    size_t len = 0;
    while (((*text)[len] | 32) >= 'a' && ((*text)[len] | 32) <= 'z') len++;
    for (size_t i = 0; i < n; i++) {
        if (strlen(units[i].name) != len || memcmp(units[i].name, *text, len) != 0) continue;
        *text += len;
        return &units[i];
    }
    return NULL;
}

int units_duration(const char *text, int64_t *ret_ms, const char **ret_why) {
    int64_t total = 0, last_factor = YEAR_MS;
    do {
        int64_t amount = 0;
        if (digits(&text, &amount) != 0) return *ret_why = "a whole number with a unit is expected, as 5m", -1;
        const struct unit *u = unit(&text, DURATIONS, sizeof DURATIONS / sizeof *DURATIONS);
        if (!u) return *ret_why = "the unit must be ms, s, m, h or d, as in 5m", -1;
        if (u->factor >= last_factor) return *ret_why = "units must descend, as in 1h30m", -1;
        last_factor = u->factor;
        if (__builtin_mul_overflow(amount, u->factor, &amount) || __builtin_add_overflow(total, amount, &total) ||
            total > YEAR_MS)
            return *ret_why = "more than a year", -1;
    } while (*text);
    *ret_ms = total;
    return 0;
}

int units_bytes(const char *text, int64_t *ret, const char **ret_why) {
    int64_t amount = 0;
    if (digits(&text, &amount) != 0) return *ret_why = "a whole number is expected, as 16 GiB", -1;
    while (*text == ' ') text++;
    const struct unit *u = unit(&text, BYTES, sizeof BYTES / sizeof *BYTES);
    if (!u || *text) return *ret_why = "the unit must be B, kB, MB, GB, TB, KiB, MiB, GiB or TiB", -1;
    if (__builtin_mul_overflow(amount, u->factor, &amount)) return *ret_why = "out of range", -1;
    *ret = amount;
    return 0;
}
