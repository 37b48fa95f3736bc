/* The examples that are described rather than programmed: one file each in profiles/, one line each in profiles.def. */
#ifndef STRATA_CLI_GENERATE_PROFILES_H
#define STRATA_CLI_GENERATE_PROFILES_H

#include "cli/generate/model.h"

typedef struct gen_profile {
    const char *name;
    const char *zone; /* on whose clock its people live */
    const gen_table *tables;
    uint32_t ntables;
} gen_profile;

#define PROFILE(name, summary) extern const gen_profile gen_profile_##name;
#include "cli/generate/profiles.def"
#undef PROFILE

extern const gen_profile *const gen_profiles[];
extern const uint32_t gen_nprofiles;

/* How the files of profiles/ are written. */
#define GEN_WORDS(w) .words = (w), .nwords = ST_COUNT(w)
#define GEN_COLUMNS(c) .columns = (c), .ncolumns = ST_COUNT(c)
#define GEN_HAPPENINGS(h) .happenings = (h), .nhappenings = ST_COUNT(h)

#endif
