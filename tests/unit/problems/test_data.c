/* Data: the generator's published vectors, one rounding, rules, domains. */
#include "problems/data/rules_host.h"
#include "tests/unit/problems/case.h"

/* kat_vectors of Random123 (Salmon et al.), philox4x32 with 10 rounds: counter, key, result. */
static void philox_gives_the_published_vectors(void **state) {
    (void)state;
    static const uint32_t VECTOR[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int v = 0; v < 3; v++) {
        uint32_t x[4] = {VECTOR[v][0], VECTOR[v][1], VECTOR[v][2], VECTOR[v][3]};
        p_philox(x, VECTOR[v][4], VECTOR[v][5]);
        for (int i = 0; i < 4; i++) assert_int_equal(x[i], VECTOR[v][6 + i]);
    }
}

/* A change of these bits is a change of every stored result's data: bump the version in data_key_derive. */
static void keys_and_data_keep_their_bits(void **state) {
    (void)state;
    struct data_seed seed = {{1, 2, 3}};
    struct data_key a, b;
    data_key_derive(&seed, "x", 0, &a);
    data_key_derive(&seed, "x", 1, &b);
    assert_memory_not_equal(&a, &b, sizeof a);
    data_key_derive(&seed, "y", 0, &b);
    assert_memory_not_equal(&a, &b, sizeof a);
    struct data_key key = {{0x12345678, 0x9abcdef0}, {0x0fedcba9, 0x87654321}};
    struct data_recipe r = {.rule = RULE_UNIFORM, .a = (int64_t)1 << 34, .b = -((int64_t)1 << 57), .k = 57};
    uint32_t bits[4];
    data_fill(&r, &key, DTYPE_F32, 0, 4, bits);
    uint32_t x[4] = {0, 0, 0x0fedcba9, 0x87654321};
    p_philox(x, 0x12345678, 0x9abcdef0);
    for (int i = 0; i < 4; i++) {
        float want = (float)(x[i] >> 8) * 0x1p-23f - 1.0f, got;
        memcpy(&got, &bits[i], sizeof got);
        assert_true(got == want);
    }
}

static float as_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void one_rounding_agrees_with_the_processor(void **state) {
    (void)state;
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17; /* xorshift64 */
        int64_t v = (int64_t)x >> (i % 62 + 2);
        int k = i % 120;
        assert_true(as_float(p_float(v, k)) == ldexpf((float)v, -k));
        assert_int_equal((int32_t)p_int(v >> 30, 0), (int32_t)(v >> 30));
    }
    assert_int_equal(p_float(0, 10), 0);
    assert_true(as_float(p_float(-3, 1)) == -1.5f);
    assert_true(as_float(p_float(1, 149)) == 0x1p-149f);
    assert_int_equal(p_float(1, 150), 0); /* a tie goes to the even zero */
    assert_true(as_float(p_float(3, 150)) == 0x1p-148f);
}

static void halves_round_to_nearest_even_with_subnormals_and_infinity(void **state) {
    (void)state;
    static const struct {
        int64_t v;
        int k;
        uint32_t bits;
    } CASES[] = {
        {1, 0, 0x3C00},     {-1, 0, 0xBC00},     {65504, 0, 0x7BFF}, {65519, 0, 0x7BFF},
        {65520, 0, 0x7C00}, {-70000, 0, 0xFC00}, {2049, 0, 0x6800},  {2051, 0, 0x6802},
        {1, 14, 0x0400},    {1, 24, 0x0001},     {1, 25, 0},         {3, 25, 0x0002},
        {1023, 24, 0x03FF}, {2047, 25, 0x0400},  {1, 60, 0},         {(int64_t)1 << 62, 0, 0x7C00},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(p_half(CASES[i].v, CASES[i].k), CASES[i].bits);
}

/* data_fill has ways of its own for whole blocks: they must give what one element at a time gives, at any boundary. */
static void blocks_equal_single_elements(void **state) {
    (void)state;
    enum { N = 1500 };
    struct data_key key = {{7, 8}, {9, 10}};
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        struct data_recipe r = {.rule = rule, .a = 987654321, .b = -12345678912345, .k = 50, .p = {100, 3, 7, 0}};
        if (rule == RULE_HEAVY) r.p[1] = 8, r.p[2] = 0;
        static uint32_t whole[N], part[N];
        data_fill(&r, &key, DTYPE_F32, 0, N, whole);
        for (int begin = 0; begin < N; begin += 1 + begin % 97) {
            int end = begin + 1 + begin % 97 < N ? begin + 1 + begin % 97 : N;
            data_fill(&r, &key, DTYPE_F32, begin, end, part + begin);
        }
        assert_memory_equal(whole, part, sizeof whole);
        for (int i = 0; i < N; i++) {
            int64_t z = p_integer(rule, (uint64_t)i, r.p[0], r.p[1], r.p[2], r.p[3], 7, 8, 9, 10);
            assert_int_equal(whole[i], p_float(r.a * z + r.b, r.k));
        }
    }
}

struct summary {
    double mean, deviation, low, high;
};

static struct summary summarise(const float *x, int64_t n) {
    struct summary s = {0, 0, x[0], x[0]};
    for (int64_t i = 0; i < n; i++) {
        s.mean += x[i] / (double)n;
        s.low = fmin(s.low, x[i]);
        s.high = fmax(s.high, x[i]);
    }
    for (int64_t i = 0; i < n; i++) s.deviation += (x[i] - s.mean) * (x[i] - s.mean) / (double)n;
    s.deviation = sqrt(s.deviation);
    return s;
}

static struct summary fill_summary(const char *fill, enum distribution d) {
    struct case_ c;
    char *body = xasprintf(
        "inputs:\n  x: {dtype: f32, shape: [100, 400], fill: %s}\ngraph:\n  - y = relu(x)\noutputs: [y]\n", fill);
    case_open(&c, body);
    case_fill(&c, d, 5);
    struct summary s = summarise(c.data[0], 40000);
    free(body);
    case_close(&c);
    return s;
}

static void fills_have_the_moments_they_say(void **state) {
    (void)state;
    struct summary s = fill_summary("uniform(-3, 1)", DIST_DECLARED);
    assert_true(fabs(s.mean + 1) < 0.03 && fabs(s.deviation - 4 / sqrt(12)) < 0.02 && s.low >= -3 && s.high < 1);
    s = fill_summary("normal(0.5, 2)", DIST_DECLARED);
    assert_true(fabs(s.mean - 0.5) < 0.05 && fabs(s.deviation - 2) < 0.04 && s.high > 6 && s.high < 12.5);
    s = fill_summary("constant(0.1)", DIST_DECLARED);
    assert_true(s.low == 0.1f && s.high == 0.1f);
    s = fill_summary("integers(-5, 9)", DIST_DECLARED);
    assert_true(s.low == -5 && s.high == 9 && fabs(s.mean - 2) < 0.1);
    s = fill_summary("uniform(0, 1e-3)", DIST_SIGNED_UNIFORM);
    assert_true(s.low < -0.9e-3 && s.high > 0.9e-3 && s.high < 1e-3);
    s = fill_summary("uniform(0, 1)", DIST_SMALL_INTEGERS);
    assert_true(s.low == -3 && s.high == 3);
    s = fill_summary("uniform(-1, 1)", DIST_HEAVY_TAIL);
    assert_true(s.high > 30 && s.high < 64 && s.deviation > 1.2);
}

static const char PRODUCT[] =
    "inputs:\n  a: {dtype: f32, shape: [20, 333], fill: uniform(-1, 1)}\n"
    "weights:\n  b: {dtype: f32, shape: [333, 30], fill: kaiming}\n"
    "  c: {dtype: f32, shape: [30, 333], fill: kaiming}\n"
    "graph:\n  - t = mul(a, 2.0)\n  - u = matmul(t, b)\n  - y = matmul(u, c)\noutputs: [y]\n";

static int low_bit(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (int)(bits & 1);
}

static void the_probe_has_sixteen_full_mantissas_along_each_reduction(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, PRODUCT);
    case_fill(&c, DIST_PRECISION_PROBE, 1);
    const float *a = c.data[case_tensor(&c, "a")], *b = c.data[case_tensor(&c, "b")], *w = c.data[case_tensor(&c, "c")];
    int elsewhere = 0;
    for (int i = 0; i < 20; i++) {
        int non_zeros = 0;
        for (int k = 0; k < 333; k++) {
            non_zeros += a[i * 333 + k] != 0;
            elsewhere += (a[i * 333 + k] != 0) != (a[k] != 0);
            if (a[i * 333 + k] != 0) assert_int_equal(low_bit(a[i * 333 + k]), 1);
        }
        assert_int_equal(non_zeros, 16);
    }
    assert_true(elsewhere > 100);                              /* not the same places in every row */
    for (int k = 0; k < 333 * 30; k++) assert_true(b[k] != 0); /* one operand of a product only */
    for (int j = 0; j < 333; j++) { /* the second product's own weight takes them, down its columns */
        int non_zeros = 0;
        for (int k = 0; k < 30; k++) non_zeros += w[k * 333 + j] != 0;
        assert_int_equal(non_zeros, 15); /* stretches of two */
    }
    case_close(&c);
}

static void the_needle_is_one_per_row(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, PRODUCT);
    case_fill(&c, DIST_NEEDLE, 1);
    const float *a = c.data[case_tensor(&c, "a")];
    int first = -1, moved = 0;
    for (int i = 0; i < 20; i++) {
        int needles = 0, at = 0;
        for (int k = 0; k < 333; k++)
            if (fabsf(a[i * 333 + k]) > 1) needles++, at = k;
        assert_int_equal(needles, 1);
        if (first < 0) first = at;
        moved += at != first;
    }
    assert_true(moved > 10);
    case_close(&c);
}

/* A problem of one tensor, which no operator needs to accept. */
static int recipe(enum dtype dtype, enum domain_kind domain, enum distribution d, struct data_recipe *r) {
    struct tensor x = {.name = "x",
                       .role = TENSOR_INPUT,
                       .dtype = dtype,
                       .shape = {2, {100, 400}},
                       .elements = 40000,
                       .fill = {.kind = FILL_INTEGERS, .a = 0, .b = 1, .domain = domain, .index_bound = 50}};
    if (domain == DOMAIN_POSITIVE) x.fill = (struct fill){.kind = FILL_UNIFORM, .a = 1, .b = 2, .domain = domain};
    struct bound b = {.n_tensors = 1, .tensor = &x};
    struct error err = ERROR_INIT;
    int rc = data_recipe_make(&b, 0, d, r, &err);
    if (rc != 0) assert_int_equal(err.code, ERR_UNSUPPORTED);
    return rc;
}

static void domains_refuse_what_they_cannot_hold(void **state) {
    (void)state;
    struct data_recipe r;
    for (int d = 0; d < DIST_COUNT; d++) {
        bool integral = d == DIST_DECLARED || d == DIST_SMALL_INTEGERS;
        bool sign = d == DIST_SIGNED_UNIFORM || d == DIST_WIDE_NORMAL;
        assert_int_equal(recipe(DTYPE_I32, DOMAIN_INDEX, (enum distribution)d, &r), d == DIST_DECLARED ? 0 : -1);
        assert_int_equal(recipe(DTYPE_F32, DOMAIN_MASK, (enum distribution)d, &r), integral ? 0 : -1);
        assert_int_equal(recipe(DTYPE_F32, DOMAIN_POSITIVE, (enum distribution)d, &r), sign ? -1 : 0);
        assert_int_equal(recipe(DTYPE_F32, DOMAIN_UNIT, (enum distribution)d, &r),
                         sign || d == DIST_HEAVY_TAIL ? -1 : 0);
    }
    assert_int_equal(recipe(DTYPE_F32, DOMAIN_MASK, DIST_SMALL_INTEGERS, &r), 0);
    assert_int_equal(r.p[0], 2);
}

/* What `structure` promises of an 11 x `columns` matrix of `width` bytes an element. */
static void assert_structure(enum structure_kind kind, const uint8_t *m, int64_t columns, size_t width) {
    static const uint8_t zero[4];
    for (int64_t r = 0; r < 11; r++)
        for (int64_t c = 0; c < columns; c++) {
            const uint8_t *at = m + (size_t)(r * columns + c) * width;
            bool empty = kind == STRUCTURE_LOWER ? c > r : kind == STRUCTURE_UPPER ? c < r : c != r;
            if (kind == STRUCTURE_SYMMETRIC)
                assert_memory_equal(at, m + (size_t)(c * columns + r) * width, width);
            else if (empty)
                assert_memory_equal(at, zero, width);
        }
}

static void structured_tensors_have_their_structure_on_all_data(void **state) {
    (void)state;
    static const char *const NAMES[] = {"", "lower", "upper", "symmetric", "diagonal"}, *const DTYPES[] = {"f32", "f16",
                                                                                                           "i32"};
    for (int kind = 1; kind < STRUCTURE_COUNT; kind++)
        for (int t = 0; t < DTYPE_COUNT; t++) {
            int64_t columns = kind == STRUCTURE_SYMMETRIC ? 11 : 13;
            size_t width = dtype_bytes((enum dtype)t);
            struct case_ c;
            char *body = xasprintf(
                "inputs:\n  x: {dtype: %s, shape: [3, 11, %d], fill: %s, structure: %s}\ngraph:\n  - y = relu(x)\n"
                "outputs: [y]\n",
                DTYPES[t], (int)columns, t == DTYPE_I32 ? "integers(5, 900)" : "uniform(1, 2)", NAMES[kind]);
            case_open(&c, body);
            for (int d = 0; d < DIST_COUNT; d++) {
                case_fill(&c, (enum distribution)d, 3);
                for (int m = 0; m < 3; m++)
                    assert_structure((enum structure_kind)kind,
                                     (const uint8_t *)c.data[0] + (size_t)(m * 11 * columns) * width, columns, width);
                uint32_t first = 0;
                memcpy(&first, c.data[0], width);
                if (d == DIST_DECLARED) assert_true(first != 0);
            }
            free(body);
            case_close(&c);
        }
}

static void structure_does_not_depend_on_the_pieces(void **state) {
    (void)state;
    enum { N = 4 * 19 * 19 };
    static uint32_t whole[N], part[N], moved[N];
    struct data_key key = {{7, 8}, {9, 10}};
    for (int kind = 1; kind < STRUCTURE_COUNT; kind++) {
        struct data_recipe r = {.rule = RULE_UNIFORM,
                                .a = 987654321,
                                .b = -12345678912345,
                                .k = 50,
                                .structure = (enum structure_kind)kind,
                                .rows = 19,
                                .columns = 19};
        struct data_recipe plain = r;
        plain.structure = STRUCTURE_NONE;
        data_fill(&r, &key, DTYPE_F32, 0, N, whole);
        for (int begin = 0; begin < N; begin += 23)
            data_fill(&r, &key, DTYPE_F32, begin, begin + 23 < N ? begin + 23 : N, part + begin);
        assert_memory_equal(whole, part, sizeof whole);
        data_fill(&plain, &key, DTYPE_F32, 0, N, moved);
        assert_memory_not_equal(whole, moved, sizeof whole);
        data_restructure(&r, DTYPE_F32, N, moved);
        assert_memory_equal(whole, moved, sizeof whole);
    }
}

static void no_recipe_overflows(void **state) {
    (void)state;
    static const char *const FILLS[] = {"uniform(-1e30, 1e30)", "normal(1e-20, 1e-25)", "normal(100, 0.001)",
                                        "constant(-7e-30)", "uniform(-1e-38, 1e-38)"};
    for (size_t f = 0; f < sizeof FILLS / sizeof *FILLS; f++)
        for (int d = 0; d < DIST_COUNT; d++) {
            struct summary s = fill_summary(FILLS[f], (enum distribution)d); /* under UBSan: A z + B stays in range */
            assert_true(isfinite(s.mean));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(keys_and_data_keep_their_bits),
        cmocka_unit_test(one_rounding_agrees_with_the_processor),
        cmocka_unit_test(halves_round_to_nearest_even_with_subnormals_and_infinity),
        cmocka_unit_test(blocks_equal_single_elements),
        cmocka_unit_test(fills_have_the_moments_they_say),
        cmocka_unit_test(the_probe_has_sixteen_full_mantissas_along_each_reduction),
        cmocka_unit_test(the_needle_is_one_per_row),
        cmocka_unit_test(domains_refuse_what_they_cannot_hold),
        cmocka_unit_test(structured_tensors_have_their_structure_on_all_data),
        cmocka_unit_test(structure_does_not_depend_on_the_pieces),
        cmocka_unit_test(no_recipe_overflows),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
