/* Text functions with one meaning everywhere: UTF-8, a fixed one-to-one case table, the portable subset of
 * regular expressions. Nothing here depends on a locale. */
#ifndef STRATA_BASE_TEXT_H
#define STRATA_BASE_TEXT_H

#include "base/mem.h"

bool st_utf8_valid(const char *p, size_t n);
uint32_t st_utf8_next(const char **p,
                      const char *end);         /* decodes one code point of valid UTF-8 and steps over it */
uint32_t st_utf8_put(uint32_t cp, char out[4]); /* number of bytes written */
uint64_t st_utf8_length(st_str s);              /* code points */

/* One-to-one case mappings of a fixed Unicode version, kept in a generated table; a character whose other case is several
 * characters stays as it is. */
uint32_t st_lower_cp(uint32_t cp);
uint32_t st_upper_cp(uint32_t cp);
st_str st_text_lower(st_arena *a, st_str s); /* also the fold of `ignoring case` */
st_str st_text_upper(st_arena *a, st_str s);
st_str st_text_trim(st_str s); /* ASCII space, tab, CR, LF, VT, FF at both ends */
/* The part behind the last '@' of an e-mail address, lower-cased; n == 0 with p == NULL: there is none
 * (missing). */
st_str st_text_domain(st_arena *a, st_str s);

bool st_text_starts(st_str s, st_str part);
bool st_text_ends(st_str s, st_str part);
bool st_text_contains(st_str s, st_str part);

/* Regular expressions: literals, . [] () | * + ? {m,n} ^ $ \d \w \s and escaped punctuation; classes are
 * ASCII ranges and literals, also negated; unanchored. No look-around, back references, lazy quantifiers or
 * flags. `.` is any character but a line feed. ^ and $ are the ends of the text. Repeat counts are at most
 * 1000. */
typedef struct st_regex_error {
    uint32_t offset, length; /* bytes of the pattern */
    const char *what;        /* a plain sentence part, e.g. "* has nothing to repeat" */
} st_regex_error;
/* Checks the pattern. With `fold`, *normal is the pattern whose literals and classes are folded, to be
 * matched against folded text; otherwise a copy. The normal form uses only the subset, so any engine reads it
 * the same way. */
bool st_regex_check(st_arena *a, st_str pattern, bool fold, st_str *normal, st_regex_error *err);

/* MD5 and SHA-256 (RFC 1321, FIPS 180-4). */
void st_md5(const void *p, size_t n, uint8_t out[16]);
void st_sha256(const void *p, size_t n, uint8_t out[32]);
/* CRC-32C (Castagnoli), bits from the least: the checksum of files. */
uint32_t st_crc32c(const void *p, size_t n);
/* How a draw turns salt and key into a place between 0 and 1: h / parts, with h a whole number. MD5 is Strata's own; the
 * others are those of products that customers come from. docs/language.md has each formula. */
typedef enum st_hash {
    ST_HASH_MD5,
    ST_HASH_SHA256,
    ST_HASH_GROWTHBOOK,
    ST_HASH_OPTIMIZELY,
    ST_HASH_PLANOUT,
    ST_HASH_LAUNCHDARKLY,
    ST_HASH_EPPO,
    ST_HASH_UNLEASH,
    ST_HASHES
} st_hash;
const char *st_hash_name(st_hash hash); /* as rules write it */
/* h of a customer, below 2^60 or (planout, launchdarkly) at most 2^60 - 1. st_draw_text: of salt and key joined already. */
uint64_t st_draw(st_hash hash, st_str salt, st_str key);
uint64_t st_draw_text(st_hash hash, st_str text);
/* The h from which on a customer is not in the share num / 10^scale (between 0 and 1, scale <= ST_DRAW_SCALE): ceil(share *
 * parts), and above every h for a share of 1. */
#define ST_DRAW_SCALE 22
uint64_t st_draw_threshold(st_hash hash, st_i128 num, unsigned scale);

/* At most four candidates near `word` (edit distance with transpositions, prefixes first), best first. */
typedef struct st_near {
    const char *names[4];
    uint32_t n;
} st_near;
void st_near_add(st_near *near, const char *word, const char *candidate);

#endif
