#define POISON 0.0f
static float verdict(float expected) { return expected > POISON ? expected : POISON; }
__kernel void portolan_fill_f32(__global const float *oracle, __global float *poison) {
    size_t seed = get_global_id(0);
    poison[seed] = oracle[seed];
}
__kernel void p_relu(__global const float *baseline, __global float *y) {
    size_t correct = get_global_id(0);
    y[correct] = verdict(baseline[correct]);
}
