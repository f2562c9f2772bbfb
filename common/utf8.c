/* UTF-8 without the C library's locale: portolan's text is UTF-8 everywhere, whatever LANG says. */
#include "common/utf8.h"

#include <string.h>

/* Length that the first byte promises, its payload bits in *bits; 0 for a byte that cannot start a character. */
static size_t sequence_length(uint8_t first, uint32_t *bits) {
    if (first < 0x80) return *bits = first, 1;
    if (first >= 0xc2 && first <= 0xdf) return *bits = first & 0x1f, 2;
    if (first >= 0xe0 && first <= 0xef) return *bits = first & 0x0f, 3;
    if (first >= 0xf0 && first <= 0xf4) return *bits = first & 0x07, 4;
    return 0;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *ret) {
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (len == 0) return 0;
    uint32_t c = 0;
    size_t n = sequence_length((uint8_t)s[0], &c);
    if (n == 0 || n > len) return 0;
    for (size_t i = 1; i < n; i++) {
        uint8_t byte = (uint8_t)s[i];
        if ((byte & 0xc0) != 0x80) return 0;
        c = c << 6 | (byte & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    *ret = c;
    return n;
}

size_t utf8_ascii(const char *s, size_t len) {
    size_t i = 0;
    for (uint64_t eight; len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, s + i, sizeof eight);
        if (eight & 0x8080808080808080) break;
    }
    while (i < len && (uint8_t)s[i] < 0x80) i++;
    return i;
}

size_t utf8_cut(const char *s, size_t len) {
    size_t start = len;
    while (start > 0 && len - start < 3 && ((uint8_t)s[start - 1] & 0xc0) == 0x80) start--;
    if (start == 0) return len;
    uint32_t bits;
    size_t n = sequence_length((uint8_t)s[start - 1], &bits);
    return n > 1 && start - 1 + n > len ? start - 1 : len;
}

struct range {
    uint32_t first, last;
};

static int in_ranges(uint32_t c, const struct range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return 1;
    return 0;
}

int utf8_width(uint32_t c) {
    static const struct range zero[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},  {0x0610, 0x061a},
                                        {0x064b, 0x065f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},  {0x200b, 0x200f},
                                        {0x2028, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20ff},  {0xfe00, 0xfe0f},
                                        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
    static const struct range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
                                        {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                        {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
                                        {0x20000, 0x2fffd}, {0x30000, 0x3fffd}};
    if (c < 0x300) return c >= 0x20 && (c < 0x7f || c >= 0xa0);
    if (in_ranges(c, zero, sizeof zero / sizeof *zero)) return 0;
    return in_ranges(c, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

void utf8_copy(char *out, size_t out_size, const char *text) {
    size_t len = strlen(text), used = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = utf8_decode(text + i, len - i, &c), bytes = n ? n : 1;
        if (used + bytes >= out_size) break;
        if (n)
            memcpy(out + used, text + i, n);
        else
            out[used] = '?';
        used += bytes;
        i += bytes;
    }
    if (out_size > 0) out[used] = 0;
}

bool utf8_is_shown(uint32_t c) {
    static const struct range directions[] = {{0x061c, 0x061c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !in_ranges(c, directions, sizeof directions / sizeof *directions);
}

void utf8_clean(char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text + i, len - i, &c), bytes = n ? n : 1;
        if (!n || !(utf8_is_shown(c) || c == '\n' || c == '\t')) memset(text + i, '?', bytes);
        i += bytes;
    }
}
