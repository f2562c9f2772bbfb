/* strtol and strtod take leading space, hexadecimal and "nan"; so the form is checked first. */
#include "common/number.h"

#include <math.h>
#include <stdlib.h>

static const char *skip_sign(const char *s) {
    return *s == '+' || *s == '-' ? s + 1 : s;
}

static const char *skip_digits(const char *s) {
    while (*s >= '0' && *s <= '9') s++;
    return s;
}

enum number_status number_int(const char *text, int64_t *ret) {
    const char *digits = skip_sign(text);
    if (skip_digits(digits) == digits || *skip_digits(digits)) return NUMBER_MALFORMED;
    int64_t value = 0;
    for (const char *p = digits; *p; p++) { /* counts downwards: INT64_MIN has no positive twin */
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, *p - '0', &value))
            return NUMBER_RANGE;
    }
    if (*text != '-' && __builtin_sub_overflow(0, value, &value)) return NUMBER_RANGE;
    *ret = value;
    return NUMBER_OK;
}

enum number_status number_double(const char *text, double *ret) {
    const char *start = skip_sign(text), *p = skip_digits(start);
    long digits = p - start;
    if (*p == '.') {
        const char *fraction = p + 1;
        p = skip_digits(fraction);
        digits += p - fraction;
    }
    if (digits == 0) return NUMBER_MALFORMED;
    if (*p == 'e' || *p == 'E') {
        const char *exponent = skip_sign(p + 1);
        p = skip_digits(exponent);
        if (p == exponent) return NUMBER_MALFORMED;
    }
    if (*p) return NUMBER_MALFORMED;
    double value = strtod(text, NULL);
    if (!isfinite(value)) return NUMBER_RANGE;
    *ret = value;
    return NUMBER_OK;
}
