#include "base/geo.h"

#include <math.h>

static double radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180);
}

bool st_is_place(double lat, double lon)
{
    return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180;
}

int64_t st_metres_between(double lat1, double lon1, double lat2, double lon2)
{
    double up = sin(radians(lat2 - lat1) / 2), across = sin(radians(lon2 - lon1) / 2);
    double h = up * up + cos(radians(lat1)) * cos(radians(lat2)) * across * across;
    return (int64_t)llround(2 * ST_EARTH_RADIUS * asin(sqrt(h < 1 ? h : 1)));
}
