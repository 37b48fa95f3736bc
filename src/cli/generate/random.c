#include "cli/generate/random.h"

#include <math.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

gen_random gen_random_at(uint64_t seed, uint64_t customer, uint32_t purpose, uint32_t number)
{
    uint64_t state = mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    state = mix(state ^ customer);
    return (gen_random){mix(state ^ ((uint64_t)purpose << 32 | number))};
}

uint64_t gen_bits(gen_random *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(r->state);
}

double gen_uniform(gen_random *r)
{
    return ((double)(gen_bits(r) >> 11) + 0.5) * 0x1p-53;
}

uint32_t gen_below(gen_random *r, uint32_t n)
{
    return (uint32_t)((gen_bits(r) >> 32) * n >> 32);
}

bool gen_chance(gen_random *r, double p)
{
    return gen_uniform(r) < p;
}

double gen_normal(gen_random *r)
{
    double u = gen_uniform(r), v = gen_uniform(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v); /* Box and Muller's */
}

double gen_exponential(gen_random *r, double rate)
{
    return -log(gen_uniform(r)) / rate;
}

/* Marsaglia and Tsang's method; below shape 1 a draw of shape + 1 is scaled down. */
double gen_gamma(gen_random *r, double shape)
{
    if (shape < 1) {
        double u = gen_uniform(r);
        return gen_gamma(r, shape + 1) * pow(u, 1 / shape);
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = gen_normal(r), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(gen_uniform(r)) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

uint32_t gen_choice(gen_random *r, const uint32_t *weights, uint32_t n)
{
    uint32_t sum = 0, i = 0;
    for (uint32_t k = 0; k < n; k++) sum += weights[k];
    uint32_t at = gen_below(r, sum);
    while (at >= weights[i]) at -= weights[i++];
    return i;
}
