/* A dim or tunable becomes `-DNAME=VALUE` or an argument's name: one that is a word of the language would change what
 * the source means, and the compiler's message would not say why. OpenCL C 3.0 specification, 6.1.9, 6.3 and 6.15. */
#include "problems/graph/names.h"

#include <stddef.h>
#include <string.h>

#define LENGTH_MAX 63

/* clang-format off */
static const char *const KEYWORDS[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "asm",
    "typeof", "bool", "true", "false", "complex", "imaginary", "class", "template", "namespace", "operator", "this",
    /* OpenCL C */
    "kernel", "global", "local", "constant", "private", "generic", "read_only", "write_only", "read_write",
    "uniform", "pipe", "half", "quad", "uchar", "ushort", "uint", "ulong", "size_t", "ptrdiff_t", "intptr_t",
    "uintptr_t", "event_t", "sampler_t", "queue_t", "ndrange_t", "clk_event_t", "reserve_id_t",
    "cl_mem_fence_flags", "memory_order", "memory_scope", "image1d_t", "image1d_buffer_t", "image1d_array_t",
    "image2d_t", "image2d_array_t", "image2d_depth_t", "image2d_array_depth_t", "image3d_t", "atomic_int",
    "atomic_uint", "atomic_float", "atomic_flag",
};

static const char *const BUILTINS[] = {
    "NULL", "NAN", "INFINITY", "MAXFLOAT", "HUGE_VAL", "HUGE_VALF", "M_E", "M_LOG2E", "M_LOG10E", "M_LN2", "M_LN10",
    "M_PI", "M_PI_2", "M_PI_4", "M_1_PI", "M_2_PI", "M_2_SQRTPI", "M_SQRT2", "M_SQRT1_2", "CHAR_BIT", "CHAR_MAX",
    "CHAR_MIN", "INT_MAX", "INT_MIN", "LONG_MAX", "LONG_MIN", "SHRT_MAX", "SHRT_MIN", "UCHAR_MAX", "UINT_MAX",
    "ULONG_MAX", "USHRT_MAX", "FP_FAST_FMAF", "defined", "main",
    /* functions */
    "abs", "abs_diff", "acos", "acosh", "add_sat", "all", "any", "asin", "asinh", "atan", "atan2", "atanh",
    "barrier", "bitselect", "cbrt", "ceil", "clamp", "clz", "copysign", "cos", "cosh", "cross", "ctz", "degrees",
    "distance", "dot", "enqueue_kernel", "erf", "erfc", "exp", "exp10", "exp2", "expm1", "fabs", "fast_length",
    "fdim", "floor", "fma", "fmax", "fmin", "fmod", "fract", "frexp", "hadd", "hypot", "ilogb", "isequal",
    "isfinite", "isinf", "isnan", "ldexp", "length", "lgamma", "log", "log10", "log1p", "log2", "mad", "mad24",
    "mad_hi", "mad_sat", "max", "maxmag", "mem_fence", "min", "minmag", "mix", "modf", "mul24", "mul_hi", "nan",
    "nextafter", "normalize", "popcount", "pow", "pown", "powr", "prefetch", "printf", "radians", "remainder",
    "rhadd", "rint", "rootn", "rotate", "round", "rsqrt", "select", "shuffle", "shuffle2", "sign", "signbit", "sin",
    "sincos", "sinh", "sinpi", "smoothstep", "sqrt", "step", "sub_sat", "tan", "tanh", "tanpi", "tgamma", "trunc",
    "upsample", "wait_group_events",
    /* functions of our expressions */
    "ceil_div",
};

static const char *const BUILTIN_PREFIXES[] = {
    "CL_", "cl_", "CLK_", "FLT_", "DBL_", "HALF_", "get_", "atomic_", "atom_", "native_", "half_", "convert_",
    "as_", "vload", "vstore", "work_group_", "sub_group_", "async_work_group_", "read_image", "write_image",
    "portolan_", "PORTOLAN_",
};
/* clang-format on */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool listed(const char *const *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0) return true;
    return false;
}

/* float4, uint16 and the like. */
static bool is_vector_type(const char *name) {
    static const char *const bases[] = {"char", "uchar", "short", "ushort", "int",  "uint",
                                        "long", "ulong", "float", "double", "half", "bool"};
    static const char *const widths[] = {"2", "3", "4", "8", "16"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        size_t len = strlen(bases[i]);
        if (strncmp(name, bases[i], len) == 0 && listed(widths, sizeof widths / sizeof *widths, name + len))
            return true;
    }
    return false;
}

bool name_is_identifier(const char *name) {
    if (!is_letter(*name) && *name != '_') return false;
    for (const char *p = name; *p; p++)
        if (!is_letter(*p) && !is_digit(*p) && *p != '_') return false;
    return true;
}

const char *name_problem(const char *name) {
    if (strlen(name) > LENGTH_MAX) return "is longer than 63 characters";
    if (!name_is_identifier(name)) return "must be letters, digits and underscores, and not begin with a digit";
    if (strncmp(name, "__", 2) == 0) return "begins with two underscores, which is reserved for the compiler";
    if (listed(KEYWORDS, sizeof KEYWORDS / sizeof *KEYWORDS, name) || is_vector_type(name))
        return "is a word of C or OpenCL C";
    return NULL;
}

const char *name_macro_problem(const char *name) {
    const char *why = name_problem(name);
    if (why) return why;
    if (listed(BUILTINS, sizeof BUILTINS / sizeof *BUILTINS, name)) return "is built into OpenCL C or into expressions";
    for (size_t i = 0; i < sizeof BUILTIN_PREFIXES / sizeof *BUILTIN_PREFIXES; i++)
        if (strncmp(name, BUILTIN_PREFIXES[i], strlen(BUILTIN_PREFIXES[i])) == 0)
            return "begins like the built-in functions and macros";
    return NULL;
}

const char *name_title_problem(const char *name) {
    if (!*name) return "is empty";
    if (strlen(name) > LENGTH_MAX) return "is longer than 63 characters";
    if (!is_letter(*name) && !is_digit(*name)) return "must begin with a letter or digit";
    for (const char *p = name; *p; p++)
        if (!is_letter(*p) && !is_digit(*p) && !strchr("._-", *p))
            return "may hold letters, digits, `.`, `_` and `-` only";
    return NULL;
}
