/* The rules by which data are made, once for the host and for every device: DATA_RULES_TEXT is C and OpenCL C alike (so
 * nothing in it may be called half, say). It stands on the types p_u32, p_u64, p_i64 and on p_mulhi32, p_mulhi64 and
 * p_clz64 (of numbers > 0), which each side defines for itself.
 *
 * Philox4x32-10: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
 * The generator's counter is (call, call >> 32 | stream << 24, salt0, salt1); word n of a stream is lane n % 4 of call
 * n / 4. An element's integer z depends on its index and the key only; its value is (a * z + b) * 2^-k, rounded once.
 */
#pragma once

enum data_rule {
    RULE_UNIFORM,  /* z in [0, 2^24) */
    RULE_NORMAL,   /* z = sum of 12 numbers in [0, 2^24): mean 6 (2^24 - 1), standard deviation 2^24 */
    RULE_INTEGERS, /* z in [0, p0) */
    RULE_CONSTANT, /* z = 0 */
    RULE_HEAVY,    /* odd z, |z| < 2^24 (positive if p2); one in p0 at random is p1 binary digits longer */
    RULE_NEEDLE,   /* rows of p0 elements p1 apart: a constant in [2^22, 2^23), the same in the whole tensor, plus up to
                    * 2^19,   and in one place 2^p3 times [2^23, 2^24). (Of equal numbers the roundings line up: an honest
                    * sum's error   would grow with K, not sqrt(K).) */
    RULE_PROBE,    /* such rows: zeros, but one odd z in [2^23, 2^24) in each stretch of p2 elements */
    RULE_COUNT
};

/* clang-format off */
#define DATA_RULES(...) __VA_ARGS__
#define DATA_RULES_TEXT DATA_RULES( \
static inline void p_philox(p_u32 *x, p_u32 k0, p_u32 k1) { \
    for (int round = 0; round < 10; round++) { \
        p_u32 h0 = p_mulhi32(0xD2511F53u, x[0]), l0 = 0xD2511F53u * x[0]; \
        p_u32 h1 = p_mulhi32(0xCD9E8D57u, x[2]), l1 = 0xCD9E8D57u * x[2]; \
        x[0] = h1 ^ x[1] ^ k0; x[1] = l1; \
        x[2] = h0 ^ x[3] ^ k1; x[3] = l0; \
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u; \
    } \
} \
static inline void p_call(p_u32 *x, p_u64 call, p_u32 stream, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    x[0] = (p_u32)call; x[1] = (p_u32)(call >> 32) | stream << 24; x[2] = s0; x[3] = s1; \
    p_philox(x, k0, k1); \
} \
static inline p_u32 p_word(p_u64 n, p_u32 stream, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_u32 x[4]; \
    p_call(x, n >> 2, stream, k0, k1, s0, s1); \
    return x[n & 3]; \
} \
/* A number in [0, bound). */ \
static inline p_u64 p_below(p_u64 n, p_u32 stream, p_u64 bound, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_u32 x[4]; \
    p_call(x, n, stream, k0, k1, s0, s1); \
    return p_mulhi64((p_u64)x[0] << 32 | x[1], bound); \
} \
static inline p_i64 p_normal(p_u64 i, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_i64 z = 0; \
    for (int c = 0; c < 3; c++) { \
        p_u32 x[4]; \
        p_call(x, i * 3 + c, 0, k0, k1, s0, s1); \
        z += (p_i64)(x[0] >> 8) + (p_i64)(x[1] >> 8) + (p_i64)(x[2] >> 8) + (p_i64)(x[3] >> 8); \
    } \
    return z; \
} \
static inline p_i64 p_heavy(p_u64 i, p_i64 p0, p_i64 p1, p_i64 p2, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_u32 w = p_word(i, 0, k0, k1, s0, s1); \
    p_i64 z = (p_i64)(w >> 8 | 1); \
    if (p_mulhi32(p_word(i, 1, k0, k1, s0, s1), (p_u32)p0) == 0) z <<= p1; \
    return p2 == 0 && (w & 1) ? -z : z; \
} \
static inline p_i64 p_needle(p_u64 i, p_i64 p0, p_i64 p1, p_i64 p2, p_i64 p3, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_u64 length = (p_u64)p0, inner = (p_u64)p1; \
    p_u64 row = i / (length * inner) * inner + i % inner, j = i / inner % length; \
    p_u32 w = p_word(0, 2, k0, k1, s0, s1); \
    p_i64 z = (p_i64)((0x400000u | w >> 10) + (p_word(i, 0, k0, k1, s0, s1) >> 13)); \
    if (j == p_below(row, 1, length, k0, k1, s0, s1)) { \
        w = p_word(row, 3, k0, k1, s0, s1); \
        z = (p_i64)(0x800000u | w >> 9) << p3; \
    } \
    return p2 == 0 && (w & 1) ? -z : z; \
} \
static inline p_i64 p_probe(p_u64 i, p_i64 p0, p_i64 p1, p_i64 p2, p_i64 p3, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    p_u64 length = (p_u64)p0, inner = (p_u64)p1, stretch = (p_u64)p2; \
    p_u64 row = i / (length * inner) * inner + i % inner, j = i / inner % length; \
    p_u64 first = j / stretch * stretch, left = length - first < stretch ? length - first : stretch; \
    p_u64 stretches = (length + stretch - 1) / stretch; \
    if (stretch > 1 && j - first != p_below(row * stretches + j / stretch, 1, left, k0, k1, s0, s1)) return 0; \
    p_u32 w = p_word(i, 0, k0, k1, s0, s1); \
    p_i64 z = (p_i64)(0x800001u | w >> 9); \
    return p3 == 0 && (w & 1) ? -z : z; \
} \
static inline p_i64 p_integer(int rule, p_u64 i, p_i64 p0, p_i64 p1, p_i64 p2, p_i64 p3, p_u32 k0, p_u32 k1, p_u32 s0, p_u32 s1) { \
    switch (rule) { \
        case 0: return (p_i64)(p_word(i, 0, k0, k1, s0, s1) >> 8); \
        case 1: return p_normal(i, k0, k1, s0, s1); \
        case 2: return (p_i64)p_below(i, 0, (p_u64)p0, k0, k1, s0, s1); \
        case 4: return p_heavy(i, p0, p1, p2, k0, k1, s0, s1); \
        case 5: return p_needle(i, p0, p1, p2, p3, k0, k1, s0, s1); \
        case 6: return p_probe(i, p0, p1, p2, p3, k0, k1, s0, s1); \
        default: return 0; \
    } \
} \
/* Whose integer element i of matrices with a structure (problem.h) takes: its own index, its mirror's, or -1 for a zero. */ \
static inline p_i64 p_place(int structure, p_i64 i, p_i64 rows, p_i64 columns) { \
    if (structure == 0) return i; \
    p_i64 c = i % columns, r = i / columns % rows; \
    if (structure == 1) return c > r ? -1 : i; \
    if (structure == 2) return c < r ? -1 : i; \
    if (structure == 3) return c > r ? i + (c - r) * (columns - 1) : i; \
    return c != r ? -1 : i; \
} \
/* m * 2^-s to the nearest integer, ties to even; m < 2^63. */ \
static inline p_u64 p_shift(p_u64 m, int s) { \
    if (s <= 0) return m << -s; \
    if (s > 63) return 0; \
    p_u64 q = m >> s, rest = m & (((p_u64)1 << s) - 1), tie = (p_u64)1 << (s - 1); \
    return q + (rest > tie || (rest == tie && (q & 1)) ? 1 : 0); \
} \
/* v * 2^-k as the bits of a float with `digits` significant ones and least exponent `least`; `sign` is the sign's bit and \
   `infinity` the bits of infinity. |v| < 2^63. */ \
static inline p_u32 p_round(p_i64 v, int k, int digits, int least, p_u32 sign, p_u32 infinity) { \
    if (v == 0) return 0; \
    p_u64 m = v < 0 ? (p_u64)0 - (p_u64)v : (p_u64)v; \
    int top = 63 - p_clz64(m), exponent = top - k; \
    int field = exponent < least ? 0 : exponent - least; \
    p_u64 q = p_shift(m, top - (digits - 1) + (exponent < least ? least - exponent : 0)); \
    p_u64 bits = ((p_u64)field << (digits - 1)) + q; \
    if (field > 1000 || bits > infinity) bits = infinity; \
    return (p_u32)bits | (v < 0 ? sign : 0); \
} \
static inline p_u32 p_float(p_i64 v, int k) { return p_round(v, k, 24, -126, 0x80000000u, 0x7F800000u); } \
static inline p_u32 p_half(p_i64 v, int k) { return p_round(v, k, 11, -14, 0x8000u, 0x7C00u); } \
static inline p_u32 p_int(p_i64 v, int k) { \
    p_u64 m = p_shift(v < 0 ? (p_u64)0 - (p_u64)v : (p_u64)v, k); \
    return v < 0 ? 0u - (p_u32)m : (p_u32)m; \
} \
)
/* clang-format on */
