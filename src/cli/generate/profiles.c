#include "cli/generate/profiles.h"

const gen_profile *const gen_profiles[] = {
#define PROFILE(name, summary) &gen_profile_##name,
#include "cli/generate/profiles.def"
#undef PROFILE
};
const uint32_t gen_nprofiles = ST_COUNT(gen_profiles);
