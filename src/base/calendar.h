/* Calendar arithmetic in the proleptic Gregorian calendar and in one IANA time zone.
 *
 * date:    days since 1970-01-01 (int32 range; the years 0001 to 9999 are valid).
 * instant: microseconds since 1970-01-01T00:00:00 UTC (int64).
 * local:   microseconds since 1970-01-01T00:00:00 as a wall clock in the zone shows them.
 * Rules (docs/language.md, "Time"): days, weeks, months, quarters and years are calendar arithmetic on the
 * wall clock, months clamped to their last day; hours and minutes are exact. A local time that does not exist
 * (spring) moves forward by the gap, one that happens twice (autumn) is the earlier. Weeks begin on Monday.
 * All functions are pure and thread-safe. Out-of-range results report false or ST_NO_TIME and never wrap.
 */
#ifndef STRATA_BASE_CALENDAR_H
#define STRATA_BASE_CALENDAR_H

#include "base/mem.h"

#define ST_NO_TIME INT64_MIN           /* "outside the years 0001 to 9999" */
#define ST_DAY_US INT64_C(86400000000) /* microseconds a day */
#define ST_DATE_MIN (-719162)          /* 0001-01-01 */
#define ST_DATE_MAX 2932896            /* 9999-12-31 */

typedef enum st_unit { ST_MINUTE, ST_HOUR, ST_DAY, ST_WEEK, ST_MONTH, ST_QUARTER, ST_YEAR } st_unit;
extern const char *const st_unit_names[7]; /* "minute" … "year" */

typedef enum st_part {
    ST_PART_YEAR,
    ST_PART_QUARTER,
    ST_PART_MONTH,
    ST_PART_WEEK /* ISO 8601 week number */,
    ST_PART_DAY /* of the month */,
    ST_PART_WEEKDAY /* Monday 0 … Sunday 6 */,
    ST_PART_HOUR
} st_part;

typedef struct st_civil {
    int32_t year, month, day; /* month 1 to 12, day 1 to 31 */
} st_civil;

int64_t st_days_from_civil(int32_t y, int32_t m, int32_t d);
st_civil st_civil_from_days(int64_t days);
int32_t st_days_in_month(int32_t y, int32_t m);

/* A zone read from the system's zoneinfo (TZif, RFC 8536, with its footer rule for later years). "UTC" always
 * works without files. TZDIR is honoured. NULL when there is no such zone. */
typedef struct st_zone st_zone;
const st_zone *st_zone_load(st_arena *a, const char *name);
const char *st_zone_name(const st_zone *z);

int64_t st_local_of_instant(const st_zone *z, int64_t instant);
int64_t st_instant_of_local(const st_zone *z, int64_t local);
/* Local times [from, until) that are read with one offset: their instants are local - offset. */
typedef struct st_stretch {
    int64_t from, until, offset;
} st_stretch;
st_stretch st_stretch_of_local(const st_zone *z, int64_t local); /* around a local time of the calendar */
int64_t st_day_of_instant(const st_zone *z, int64_t instant);    /* the date in the zone */
int64_t st_start_of_day(const st_zone *z, int64_t day);          /* its first instant */

/* x + n units. For a date, hours and minutes are not allowed (the caller checks). ST_NO_TIME when out of
 * range. */
int64_t st_date_add(int64_t day, int64_t n, st_unit u);
int64_t st_instant_add(const st_zone *z, int64_t instant, int64_t n, st_unit u);

/* Complete units from a to b; negative when b is before a (the complete units from b to a, negated). For
 * instants days and longer are counted on the wall clock of the zone: whole days between the two local times,
 * months complete when adding them to `a` (clamped) does not pass `b`. */
int64_t st_dates_between(int64_t a, int64_t b, st_unit u);
int64_t st_instants_between(const st_zone *z, int64_t a, int64_t b, st_unit u);

int64_t st_date_trunc(int64_t day, st_unit u); /* first day of its week, month, quarter, year */
int32_t st_date_part(int64_t day, st_part p);  /* hour: 0 */
int32_t st_instant_part(const st_zone *z, int64_t instant, st_part p);

/* The k-th anniversary of `day` falls on the same month and day; 29 February on 28 February where there is
 * none. */
int64_t st_anniversary(int64_t day, int32_t years);

/* Text. Dates "2026-11-01"; timestamps "2026-11-01T09:30[:00[.ffffff]]" with 'T' or a blank, and optionally
 * "Z" or
 * "+02:00" (then zone is not used). Returns false where the text is not of that form or names no real day. */
bool st_parse_date(st_str s, int64_t *day);
bool st_parse_timestamp(st_str s, const st_zone *z, int64_t *instant);
#define ST_TIME_TEXT 40
void st_format_date(int64_t day, char out[ST_TIME_TEXT]);
/* Wall clock of the zone with offset: "2026-11-01T09:30:00+01:00" (a fraction only where there is one). */
void st_format_instant(const st_zone *z, int64_t instant, char out[ST_TIME_TEXT]);

#endif
