/* Average pooling, window 8, stride 1, padding 4: y[o] is the mean of x[o - 4] .. x[o + 3], zeros outside.
 *
 * Rows of y are one element longer than those of x, so they start anywhere in a cache line. A work-item first makes the
 * outputs up to a whole line one by one (with those that hang over the edge), then line by line. */
#define SHIFT1(a, b) ((float16)((a).s1234, (a).s5678, (a).s9abc, (a).sdef, (b).s0))
#define SHIFT2(a, b) ((float16)((a).s2345, (a).s6789, (a).sabcd, (a).sef, (b).s01))
#define SHIFT4(a, b) ((float16)((a).s4567, (a).s89ab, (a).scdef, (b).s0123))

static float one(__global const float *x, int o, int L)
{
    float s = 0.0f;
    for (int j = max(o - 4, 0); j < min(o + 4, L); j++) s += x[j];
    return s * 0.125f;
}

static void put(float16 v, __global float *y)
{
#if STREAM
    if (((size_t)y & 63) == 0) {
        __builtin_nontemporal_store(v, (__global float16 *)y);
        return;
    }
#endif
    vstore16(v, 0, y);
}

__kernel void avg_pool(__global const float *restrict x, __global float *restrict y, int L)
{
    const int row = get_global_id(1), OL = L + 1;
    int o = get_global_id(0) * CHUNK;
    const int end = min(o + CHUNK, OL);
    if (o >= OL) return;
    x += (long)row * L;
    y += (long)row * OL;
    /* The first output of this chunk that starts a line and whose window does not hang over. */
    const int aligned = o + (16 - (int)(((long)row * OL + o) & 15)) % 16;
    const int from = min(aligned < 4 ? aligned + 16 : aligned, end);
    for (; o < from; o++) y[o] = one(x, o, L);
    if (o + 28 <= L && o + 16 <= end) {
        float16 a = vload16(0, x + o - 4);
        for (; o + 28 <= L && o + 16 <= end; o += 16) {
            const float16 b = vload16(0, x + o + 12);
            const float16 a2 = a + SHIFT1(a, b), b2 = b + SHIFT1(b, b);
            const float16 a4 = a2 + SHIFT2(a2, b2), b4 = b2 + SHIFT2(b2, b2);
            put((a4 + SHIFT4(a4, b4)) * 0.125f, y + o);
            a = b;
        }
    }
    for (; o < end; o++) y[o] = one(x, o, L);
}
