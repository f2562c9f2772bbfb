/* The rules of data as functions of the host. */
#pragma once
#include "problems/data/rules.h"

#include <stdint.h>

typedef uint32_t p_u32;
typedef uint64_t p_u64;
typedef int64_t p_i64;
static inline p_u32 p_mulhi32(p_u32 a, p_u32 b) {
    return (p_u32)((p_u64)a * b >> 32);
}
static inline p_u64 p_mulhi64(p_u64 a, p_u64 b) {
    return (p_u64)((unsigned __int128)a * b >> 64);
}
static inline int p_clz64(p_u64 a) {
    return __builtin_clzll(a);
}
/* It takes the 0 of p_word(0, ...) for a null pointer. */
/* cppcheck-suppress ctunullpointer */
DATA_RULES_TEXT
