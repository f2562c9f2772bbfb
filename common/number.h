/* Numbers as people write them in files and on command lines: the whole text, decimal, independent of the locale. */
#pragma once
#include <stdint.h>
enum number_status { NUMBER_OK, NUMBER_MALFORMED, NUMBER_RANGE };
/* [+-]digits. *ret is set only for NUMBER_OK. */
enum number_status number_int(const char *text, int64_t *ret);
/* [+-]digits[.digits][e[+-]digits] or .digits; no hexadecimal, infinity or NaN. Underflow gives the nearest number. */
enum number_status number_double(const char *text, double *ret);
