/* Random numbers that depend on their address alone: a draw is named by the seed, a customer, a purpose and a number, so that
 * any part of an example can be made again without the rest. splitmix64, whose output is its whole state mixed. Logarithm,
 * exponential and cosine are computed here, from operations that IEEE 754 rounds the one way, so that the numbers are the same
 * with every C library. */
#ifndef STRATA_CLI_GENERATE_RANDOM_H
#define STRATA_CLI_GENERATE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gen_random {
    uint64_t state;
} gen_random;

gen_random gen_random_at(uint64_t seed, uint64_t customer, uint32_t purpose, uint32_t number);
uint64_t gen_bits(gen_random *r);
double gen_uniform(gen_random *r);             /* above 0, below 1 */
uint32_t gen_below(gen_random *r, uint32_t n); /* 0 to n - 1 */
bool gen_chance(gen_random *r, double p);
double gen_normal(gen_random *r);
double gen_exponential(gen_random *r, double rate);
double gen_gamma(gen_random *r, double shape); /* of scale 1 */
uint32_t gen_poisson(gen_random *r, double mean);
uint32_t gen_choice(gen_random *r, const uint32_t *weights, uint32_t n); /* an index, by weight */

double gen_log(double x);           /* x above 0 */
double gen_exp(double x);           /* 0 and infinity beyond the range of a double */
double gen_pow(double x, double y); /* x above 0 */
double gen_cos_turns(double turns); /* of an angle in turns, 0 to 1 */

#endif
