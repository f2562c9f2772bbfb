/* data_device_check: the device's data against the host's, bit for bit: every rule and element type, several ranges of
 * numbers, keys and lengths. Prints one line per mismatch and a last line; exit status 1 if there was one. */
#include "problems/data/data.h"
#include "problems/data/rules.h"
#include "tests/tools/cl_device.h"

#include <inttypes.h>
#include <string.h>

#define ELEMENTS 20011 /* odd, and more than a few blocks */

static const struct {
    int64_t a, b;
    int k;
} LINES[] = {
    {1, 0, 0},                                       /* integers as they are */
    {(int64_t)1 << 34, -((int64_t)1 << 57), 57},     /* -1 to 1 */
    {(int64_t)0x5A5A5A5A, 12345678901234567, 58},    /* any mantissa */
    {(int64_t)0x2BADF00D, -((int64_t)1 << 55), 100}, /* small */
    {(int64_t)0x12345678, 1, 195},                   /* f32's subnormals, f16's zeros */
    {(int64_t)0x12345, -99999999, 62},               /* f16's subnormals */
    {3, 1, 10},                                      /* around f16's largest, and infinity */
};
static const int64_t PARAMETERS[RULE_COUNT][4] = {
    [RULE_INTEGERS] = {7, 0, 0, 0},
    [RULE_HEAVY] = {61, 8, 0, 0},
    [RULE_NEEDLE] = {117, 3, 0, 3},
    [RULE_PROBE] = {171, 13, 11, 0},
};

static int mismatches;

static void compare(const char *what, int rule, size_t line, const void *host, const void *device, size_t size) {
    if (memcmp(host, device, size * ELEMENTS) == 0) return;
    const unsigned char *h = host, *d = device;
    for (size_t i = 0; i < ELEMENTS; i++) {
        if (memcmp(h + i * size, d + i * size, size) == 0) continue;
        uint32_t x = 0, y = 0;
        memcpy(&x, h + i * size, size);
        memcpy(&y, d + i * size, size);
        printf("%s rule %d line %zu: first mismatch at %zu: host %08" PRIx32 ", device %08" PRIx32 "\n", what, rule,
               line, i, x, y);
        break;
    }
    mismatches++;
}

struct fill_kernel {
    struct cl_device *device;
    cl_kernel kernel;
    cl_mem buffer;
    enum dtype dtype;
};

static void run(const struct fill_kernel *f, const struct data_recipe *r, const struct data_key *key, void *out) {
    cl_long n = ELEMENTS, a = r->a, b = r->b, p[4] = {r->p[0], r->p[1], r->p[2], r->p[3]};
    cl_long shape[2] = {r->rows, r->columns};
    cl_int k = r->k, rule = r->rule, structure = (cl_int)r->structure;
    cl_uint4 words = {{key->key[0], key->key[1], key->salt[0], key->salt[1]}};
    size_t global = (ELEMENTS + 63) / 64 * 64, bytes = ELEMENTS * dtype_bytes(f->dtype);
    const struct {
        const void *value;
        size_t size;
    } args[] = {{&f->buffer, sizeof f->buffer},
                {&n, sizeof n},
                {&words, sizeof words},
                {&a, sizeof a},
                {&b, sizeof b},
                {&k, sizeof k},
                {&rule, sizeof rule},
                {&p[0], 8},
                {&p[1], 8},
                {&p[2], 8},
                {&p[3], 8},
                {&structure, sizeof structure},
                {&shape[0], 8},
                {&shape[1], 8}};
    for (cl_uint i = 0; i < sizeof args / sizeof *args; i++)
        cl_must(clSetKernelArg(f->kernel, i, args[i].size, args[i].value), "clSetKernelArg");
    cl_must(clEnqueueNDRangeKernel(f->device->queue, f->kernel, 1, NULL, &global, NULL, 0, NULL, NULL), "launch");
    cl_must(clEnqueueReadBuffer(f->device->queue, f->buffer, CL_TRUE, 0, bytes, out, 0, NULL, NULL), "read");
}

static int check_type(struct cl_device *d, cl_program program, enum dtype dtype) {
    static uint32_t host[ELEMENTS], device[ELEMENTS];
    char name[64];
    cl_int rc = CL_SUCCESS;
    int cases = 0;
    snprintf(name, sizeof name, "portolan_fill_%s", dtype_name(dtype));
    struct fill_kernel f = {.device = d, .dtype = dtype, .kernel = clCreateKernel(program, name, &rc)};
    cl_must(rc, name);
    f.buffer = clCreateBuffer(d->context, CL_MEM_READ_WRITE, sizeof host, NULL, &rc);
    cl_must(rc, "clCreateBuffer");
    for (int rule = 0; rule < RULE_COUNT; rule++)
        for (size_t line = 0; line < sizeof LINES / sizeof *LINES; line++, cases++) {
            int64_t a =
                rule == RULE_HEAVY || rule == RULE_NEEDLE ? LINES[line].a >> 10 : LINES[line].a; /* z is longer */
            struct data_recipe r = {.rule = rule, .a = a ? a : 1, .b = LINES[line].b, .k = LINES[line].k};
            struct data_key key = {{(uint32_t)line * 2654435761u + 1, 0x80000001u}, {0xDEADBEEFu, (uint32_t)rule}};
            memcpy(r.p, PARAMETERS[rule], sizeof r.p);
            r.structure = (enum structure_kind)(cases % STRUCTURE_COUNT);
            r.rows = r.structure == STRUCTURE_SYMMETRIC ? 23 : 17;
            r.columns = 23;
            data_fill(&r, &key, dtype, 0, ELEMENTS, host);
            run(&f, &r, &key, device);
            compare(dtype_name(dtype), rule, line, host, device, dtype_bytes(dtype));
        }
    clReleaseMemObject(f.buffer);
    clReleaseKernel(f.kernel);
    return cases;
}

int main(void) {
    struct cl_device d;
    int cases = 0;
    cl_device_open(&d);
    cl_program program = cl_device_build(&d, data_device_source(), "");
    for (int t = 0; t < DTYPE_COUNT; t++) cases += check_type(&d, program, (enum dtype)t);
    printf("%s: %d fills of %d elements, %d differ from the host's\n", d.name, cases, ELEMENTS, mismatches);
    clReleaseProgram(program);
    cl_device_close(&d);
    return mismatches ? 1 : 0;
}
