#include "cli/generate/random.h"

#include <math.h>

/* log x = e log 2 + log m with m near 1; log m by the series of the inverse hyperbolic tangent. */
double gen_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
    return e * 0.69314718055994531 + 2 * s * sum;
}

/* exp x = 2^n exp r with |r| <= log 2 / 2. */
double gen_exp(double x)
{
    if (x > 700) return HUGE_VAL;
    if (x < -700) return 0;
    double n = floor(x / 0.69314718055994531 + 0.5), r = x - n * 0.69314718055994531, sum = 1;
    for (int k = 16; k >= 1; k--) sum = 1 + sum * r / k;
    return ldexp(sum, (int)n);
}

double gen_pow(double x, double y)
{
    return gen_exp(y * gen_log(x));
}

double gen_cos_turns(double turns)
{
    double t = turns - floor(turns);
    if (t > 0.5) t = 1 - t;
    bool behind = t > 0.25; /* the cosine of the mirrored angle, negative */
    double x = 6.2831853071795865 * (behind ? 0.5 - t : t), sum = 1;
    for (int k = 24; k >= 2; k -= 2) sum = 1 - sum * x * x / (k * (k - 1));
    return behind ? -sum : sum;
}

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
    return sqrt(-2 * gen_log(u)) * gen_cos_turns(v); /* Box and Muller's */
}

double gen_exponential(gen_random *r, double rate)
{
    return -gen_log(gen_uniform(r)) / rate;
}

/* Marsaglia and Tsang's method; below shape 1 a draw of shape + 1 is scaled down. */
double gen_gamma(gen_random *r, double shape)
{
    if (shape < 1) {
        double u = gen_uniform(r);
        return gen_gamma(r, shape + 1) * gen_pow(u, 1 / shape);
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = gen_normal(r), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (gen_log(gen_uniform(r)) < 0.5 * x * x + d - d * v + d * gen_log(v)) return d * v;
    }
}

/* Knuth's method in pieces of mean 500: the product of uniform numbers stays above the smallest double. */
uint32_t gen_poisson(gen_random *r, double mean)
{
    uint32_t n = 0;
    for (; mean > 0; mean -= 500) {
        double limit = gen_exp(-(mean < 500 ? mean : 500)), product = gen_uniform(r);
        for (; product > limit; product *= gen_uniform(r)) n++;
    }
    return n;
}

uint32_t gen_choice(gen_random *r, const uint32_t *weights, uint32_t n)
{
    uint32_t sum = 0, i = 0;
    for (uint32_t k = 0; k < n; k++) sum += weights[k];
    uint32_t at = gen_below(r, sum);
    while (at >= weights[i]) at -= weights[i++];
    return i;
}
