/* UTF-8 (RFC 3629): decoding that refuses overlong and surrogate forms, cutting at a character, display width. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character of s[0..len); returns its length in bytes (1-4), or 0 when it is malformed or len is 0. */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret);
/* How many bytes at the beginning of s[0..len) are ASCII: to pass over what needs no decoding. */
size_t utf8_ascii(const char *s, size_t len);
/* The largest length <= len at which s[0..len) does not end inside a character. */
size_t utf8_cut(const char *s, size_t len);
/* Columns that the character takes on a terminal: 0 (combining), 1, or 2 (East Asian wide, emoji). */
int utf8_width(uint32_t character);
/* Whether a character may be shown: no control character (which terminals obey), and none that reverses the direction
 * of what follows (so that a text reads otherwise than it is). Newline and tab are control characters too. */
bool utf8_is_shown(uint32_t character);
/* Makes a text of unknown origin fit for terminals, logs and JSON, in its place: bytes of what may not be shown and
 * malformed bytes become '?', newline and tab stay. */
void utf8_clean(char *text);
/* Copies at most out_size - 1 bytes of `text`, cut at a character, malformed bytes replaced by '?'. */
void utf8_copy(char *out, size_t out_size, const char *text);
