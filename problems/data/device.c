/* The rules as OpenCL C, with a kernel for each element type. */
#include "problems/data/data.h"
#include "problems/data/rules.h"

#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(...) TEXT_OF(__VA_ARGS__)

#define FILL(name, type, convert)                                                            \
    "__kernel void portolan_fill_" name "(__global " type                                    \
    " *out, long n, uint4 key, long a, long b, int k, int rule,\n"                           \
    "    long p0, long p1, long p2, long p3, int structure, long rows, long columns)\n"      \
    "{\n"                                                                                    \
    "    long i = get_global_id(0);\n"                                                       \
    "    if (i >= n) return;\n"                                                              \
    "    long at = p_place(structure, i, rows, columns);\n"                                  \
    "    long z = p_integer(rule, (ulong)at, p0, p1, p2, p3, key.x, key.y, key.z, key.w);\n" \
    "    out[i] = at < 0 ? (" type ")0 : (" type ")" convert                                 \
    "(a * z + b, k);\n"                                                                      \
    "}\n"

static const char SOURCE[] =
    "typedef uint p_u32;\ntypedef ulong p_u64;\ntypedef long p_i64;\n"
    "static inline p_u32 p_mulhi32(p_u32 a, p_u32 b) { return mul_hi(a, b); }\n"
    "static inline p_u64 p_mulhi64(p_u64 a, p_u64 b) { return mul_hi(a, b); }\n"
    "static inline int p_clz64(p_u64 a) { return (int)clz(a); }\n" TEXT(DATA_RULES_TEXT) "\n" FILL(
        "f32", "uint", "p_float") FILL("f16", "ushort", "p_half") FILL("i32", "uint", "p_int");

const char *data_device_source(void) {
    return SOURCE;
}
