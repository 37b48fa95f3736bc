/* Texts that a regular expression is about. */
#ifndef STRATA_CLI_GENERATE_PATTERN_H
#define STRATA_CLI_GENERATE_PATTERN_H

#include "base/text.h"
#include "cli/generate/random.h"

/* A text that a pattern in normal form (st_regex_check) is found in, anchors taken as met where they stand. NUL-terminated. */
const char *gen_text_like(st_arena *a, st_str pattern, gen_random *r);

#endif
