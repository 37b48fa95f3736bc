/* Places on the Earth, by latitude and longitude in degrees. */
#ifndef STRATA_BASE_GEO_H
#define STRATA_BASE_GEO_H

#include "base/base.h"

#define ST_EARTH_RADIUS 6371008.8 /* metres */

/* Latitude from -90 to 90, longitude from -180 to 180; NaN is neither. */
bool st_is_place(double lat, double lon);
/* The way from one place to another along the surface, by the haversine formula, rounded to metres, half away from zero. The same
 * doubles give the same metres in every build: nothing is fused, and every evaluator asks here. */
int64_t st_metres_between(double lat1, double lon1, double lat2, double lon2);

#endif
