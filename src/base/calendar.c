#include "base/calendar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const st_unit_names[7] = {"minute", "hour", "day", "week", "month", "quarter", "year"};

/* ---- days and months ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b < 0);
}

static bool leap_year(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

int32_t st_days_in_month(int32_t y, int32_t m)
{
    static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && leap_year(y) ? 29 : days[m - 1];
}

enum { DAYS_400_YEARS = 146097, DAYS_TO_1970 = 719468 /* from 0000-03-01 */ };

/* Years are counted from March, so that the leap day is the last of its year. */
int64_t st_days_from_civil(int32_t y, int32_t m, int32_t d)
{
    int64_t year = (int64_t)y - (m <= 2);
    int64_t month = m > 2 ? m - 3 : m + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + d - 1;
    return 365 * year + floor_div(year, 4) - floor_div(year, 100) + floor_div(year, 400) + day_of_year -
           DAYS_TO_1970;
}

st_civil st_civil_from_days(int64_t days)
{
    int64_t z = days + DAYS_TO_1970;
    int64_t cycle = floor_div(z, DAYS_400_YEARS);
    int64_t rest = z - cycle * DAYS_400_YEARS;
    int64_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t day_of_year = rest - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    st_civil c;
    c.day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    c.month = (int32_t)(month < 10 ? month + 3 : month - 9);
    c.year = (int32_t)(cycle * 400 + year + (month >= 10));
    return c;
}

static bool day_valid(int64_t day)
{
    return day >= ST_DATE_MIN && day <= ST_DATE_MAX;
}

static int32_t weekday_of(int64_t day) /* Monday 0; 1970-01-01 was a Thursday */
{
    return (int32_t)(day + 3 - floor_div(day + 3, 7) * 7);
}

static int64_t add_months(int64_t day, int64_t n)
{
    if (n > 12 * 10000 || n < -12 * 10000) return ST_NO_TIME;
    st_civil c = st_civil_from_days(day);
    int64_t months = (int64_t)c.year * 12 + (c.month - 1) + n;
    int64_t year = floor_div(months, 12);
    if (year < 1 || year > 9999) return ST_NO_TIME;
    int32_t month = (int32_t)(months - year * 12) + 1;
    int32_t last = st_days_in_month((int32_t)year, month);
    return st_days_from_civil((int32_t)year, month, ST_MIN(c.day, last));
}

static int64_t unit_size(st_unit u) /* days, or months from ST_MONTH on */
{
    switch (u) {
    case ST_WEEK: return 7;
    case ST_QUARTER: return 3;
    case ST_YEAR: return 12;
    default: return 1;
    }
}

int64_t st_date_add(int64_t day, int64_t n, st_unit u)
{
    int64_t total;
    if (!day_valid(day) || u < ST_DAY || __builtin_mul_overflow(n, unit_size(u), &total)) return ST_NO_TIME;
    if (u >= ST_MONTH) return add_months(day, total);
    int64_t sum;
    if (__builtin_add_overflow(day, total, &sum) || !day_valid(sum)) return ST_NO_TIME;
    return sum;
}

/* Complete months from (a, time ta) to the later (b, tb); times are those of the day. */
static int64_t months_between(int64_t a, int64_t ta, int64_t b, int64_t tb)
{
    st_civil ca = st_civil_from_days(a), cb = st_civil_from_days(b);
    int64_t months = ((int64_t)cb.year - ca.year) * 12 + cb.month - ca.month;
    int64_t reached = add_months(a, months);
    return months - (reached > b || (reached == b && ta > tb));
}

int64_t st_dates_between(int64_t a, int64_t b, st_unit u)
{
    if (!day_valid(a) || !day_valid(b) || u < ST_DAY) return ST_NO_TIME;
    if (u < ST_MONTH) return (b - a) / unit_size(u);
    return b >= a ? months_between(a, 0, b, 0) / unit_size(u) : -(months_between(b, 0, a, 0) / unit_size(u));
}

int64_t st_date_trunc(int64_t day, st_unit u)
{
    if (!day_valid(day)) return ST_NO_TIME;
    st_civil c = st_civil_from_days(day);
    switch (u) {
    case ST_WEEK: {
        int64_t monday = day - weekday_of(day);
        return day_valid(monday) ? monday : ST_NO_TIME;
    }
    case ST_MONTH: return st_days_from_civil(c.year, c.month, 1);
    case ST_QUARTER: return st_days_from_civil(c.year, (c.month - 1) / 3 * 3 + 1, 1);
    case ST_YEAR: return st_days_from_civil(c.year, 1, 1);
    default: return day;
    }
}

/* ISO 8601: a week belongs to the year that its Thursday is in. */
static int32_t iso_week(int64_t day)
{
    int64_t thursday = day - weekday_of(day) + 3;
    st_civil c = st_civil_from_days(thursday);
    return (int32_t)((thursday - st_days_from_civil(c.year, 1, 1)) / 7) + 1;
}

int32_t st_date_part(int64_t day, st_part p)
{
    st_civil c = st_civil_from_days(day);
    switch (p) {
    case ST_PART_YEAR: return c.year;
    case ST_PART_QUARTER: return (c.month - 1) / 3 + 1;
    case ST_PART_MONTH: return c.month;
    case ST_PART_WEEK: return iso_week(day);
    case ST_PART_DAY: return c.day;
    case ST_PART_WEEKDAY: return weekday_of(day);
    case ST_PART_HOUR: break;
    }
    return 0;
}

int64_t st_anniversary(int64_t day, int32_t years)
{
    return st_date_add(day, years, ST_YEAR);
}

/* ---- zones ---- */

/* All offsets are seconds east of UTC. offset[i] holds from at[i] on; the rule of the file's footer is unrolled into
 * changes over 400 years, after which the calendar repeats to the weekday. */
struct st_zone {
    const char *name;
    uint32_t n;
    int64_t *at;   /* ascending instants, seconds */
    int64_t *wall; /* the local time from which on offset[i] is the one to read a wall clock with */
    int32_t *offset;
    int32_t first;   /* before at[0] */
    int64_t repeats; /* from this second on, the 400 years before repeat; INT64_MAX: never */
};

#define SECONDS_A_DAY INT64_C(86400)
#define SECONDS_400_YEARS (DAYS_400_YEARS * SECONDS_A_DAY)

enum {
    ZONE_FILE_LIMIT = 1 << 16,
    ZONE_NAME_LIMIT = 64,
    OFFSET_LIMIT = 26 * 3600 /* RFC 8536: about a day either way */
};

static const st_zone zone_utc = {.name = "UTC", .repeats = INT64_MAX};

typedef struct reader {
    const uint8_t *p, *end;
} reader;

static int64_t be_int(const uint8_t *p, unsigned bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < bytes; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

typedef struct tz_header {
    uint8_t version;
    uint64_t isutc, isstd, leap, times, types, chars;
} tz_header;

static bool read_header(reader *r, tz_header *h)
{
    if (r->end - r->p < 44 || memcmp(r->p, "TZif", 4) != 0) return false;
    h->version = r->p[4];
    uint64_t *counts[6] = {&h->isutc, &h->isstd, &h->leap, &h->times, &h->types, &h->chars};
    for (unsigned i = 0; i < 6; i++) *counts[i] = (uint64_t)be_int(r->p + 20 + 4 * i, 4) & UINT32_MAX;
    r->p += 44;
    return true;
}

static uint64_t block_size(const tz_header *h, unsigned time_size)
{
    return h->times * (time_size + 1) + h->types * 6 + h->chars + h->leap * (time_size + 4) + h->isstd +
           h->isutc;
}

typedef struct changes {
    ST_VEC(int64_t) at;
    ST_VEC(int32_t) offset;
    int32_t first;
} changes;

/* Adds a change behind those before it; one at the same instant replaces the last. */
static void add_change(st_arena *a, changes *c, int64_t at, int32_t offset)
{
    if (c->at.n && c->at.p[c->at.n - 1] == at) {
        c->offset.p[c->offset.n - 1] = offset;
        return;
    }
    *st_push(a, &c->at) = at;
    *st_push(a, &c->offset) = offset;
}

static bool read_block(st_arena *a, reader *r, const tz_header *h, unsigned time_size, changes *out)
{
    uint64_t size = block_size(h, time_size);
    /* A zone that counts leap seconds (right/…) is not civil time. */
    if (h->types == 0 || h->leap != 0 || size > (uint64_t)(r->end - r->p)) return false;
    const uint8_t *times = r->p, *which = times + h->times * time_size, *types = which + h->times;
    for (uint64_t i = 0; i < h->types; i++) {
        int64_t offset = be_int(types + 6 * i, 4);
        if (offset < -OFFSET_LIMIT || offset > OFFSET_LIMIT) return false;
    }
    out->first = (int32_t)be_int(types, 4);
    for (uint64_t i = 0; i < h->times; i++) {
        int64_t at = be_int(times + i * time_size, time_size);
        if (which[i] >= h->types || (i && at <= be_int(times + (i - 1) * time_size, time_size))) return false;
        add_change(a, out, at, (int32_t)be_int(types + 6 * which[i], 4));
    }
    r->p += size;
    return true;
}

/* The footer: a POSIX TZ rule such as CET-1CEST,M3.5.0,M10.5.0/3. */
typedef struct rule_day {
    enum { MONTH_WEEK_DAY, JULIAN, DAY_OF_YEAR } kind;
    int32_t month, week, day;
    int32_t time; /* seconds behind midnight, may be negative or beyond a day */
} rule_day;

typedef struct tz_rule {
    int32_t std, dst;
    bool has_dst;
    rule_day start, end;
} tz_rule;

static bool rule_number(reader *r, int32_t max, int32_t *out)
{
    int32_t v = 0;
    const uint8_t *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        v = v * 10 + (*r->p++ - '0');
        if (v > max) return false;
    }
    *out = v;
    return r->p > from;
}

static bool rule_char(reader *r, char c)
{
    if (r->p == r->end || *r->p != (uint8_t)c) return false;
    r->p++;
    return true;
}

static bool rule_name(reader *r)
{
    const uint8_t *from = r->p;
    if (rule_char(r, '<')) {
        while (r->p < r->end && *r->p != '>') r->p++;
        return rule_char(r, '>');
    }
    while (r->p < r->end && ((*r->p >= 'A' && *r->p <= 'Z') || (*r->p >= 'a' && *r->p <= 'z'))) r->p++;
    return r->p - from >= 3;
}

static bool rule_time(reader *r, int32_t max_hours, int32_t *out)
{
    bool negative = rule_char(r, '-');
    if (!negative) rule_char(r, '+');
    int32_t h, m = 0, s = 0;
    if (!rule_number(r, max_hours, &h)) return false;
    if (rule_char(r, ':') && !rule_number(r, 59, &m)) return false;
    if (rule_char(r, ':') && !rule_number(r, 59, &s)) return false;
    int32_t v = h * 3600 + m * 60 + s;
    *out = negative ? -v : v;
    return true;
}

static bool rule_date(reader *r, rule_day *d)
{
    if (!rule_char(r, ',')) return false;
    if (rule_char(r, 'M')) {
        d->kind = MONTH_WEEK_DAY;
        if (!rule_number(r, 12, &d->month) || d->month < 1 || !rule_char(r, '.') ||
            !rule_number(r, 5, &d->week) || d->week < 1 || !rule_char(r, '.') || !rule_number(r, 6, &d->day))
            return false;
    } else {
        d->kind = rule_char(r, 'J') ? JULIAN : DAY_OF_YEAR;
        if (!rule_number(r, 365, &d->day) || (d->kind == JULIAN && d->day < 1)) return false;
    }
    d->time = 2 * 3600;
    return !rule_char(r, '/') || rule_time(r, 167, &d->time);
}

static bool parse_rule(reader r, tz_rule *rule)
{
    int32_t west;
    if (!rule_name(&r) || !rule_time(&r, 24, &west)) return false;
    rule->std = -west;
    rule->has_dst = r.p < r.end;
    if (!rule->has_dst) return true;
    if (!rule_name(&r)) return false;
    rule->dst = rule->std + 3600;
    if (r.p < r.end && *r.p != ',') {
        if (!rule_time(&r, 24, &west)) return false;
        rule->dst = -west;
    }
    return rule_date(&r, &rule->start) && rule_date(&r, &rule->end) && r.p == r.end;
}

/* The wall clock time, as seconds, at which the change happens in a year. */
static int64_t rule_moment(const rule_day *d, int32_t year)
{
    int64_t day = st_days_from_civil(year, 1, 1);
    switch (d->kind) {
    case MONTH_WEEK_DAY: {
        int64_t first = st_days_from_civil(year, d->month, 1);
        int32_t sunday_based = (weekday_of(first) + 1) % 7;
        int32_t in_month = (d->day - sunday_based + 7) % 7 + (d->week - 1) * 7;
        while (in_month >= st_days_in_month(year, d->month)) in_month -= 7;
        day = first + in_month;
        break;
    }
    case JULIAN: day += d->day - 1 + (leap_year(year) && d->day >= 60); break;
    case DAY_OF_YEAR: day += d->day; break;
    }
    return day * SECONDS_A_DAY + d->time;
}

static int32_t year_of_second(int64_t s)
{
    return st_civil_from_days(floor_div(s, SECONDS_A_DAY)).year;
}

/* Unrolls the rule behind the last change of the file. Returns the second from which on it repeats. */
static int64_t unroll_rule(st_arena *a, const tz_rule *rule, changes *c)
{
    bool after = c->at.n > 0;
    int64_t last = after ? c->at.p[c->at.n - 1] : ST_DATE_MIN * SECONDS_A_DAY;
    int32_t from =
        year_of_second(ST_MAX(ST_DATE_MIN * SECONDS_A_DAY, ST_MIN(last, ST_DATE_MAX * SECONDS_A_DAY)));
    if (!after) c->first = rule->std;
    if (!rule->has_dst) {
        if (after && last < INT64_MAX) add_change(a, c, last + 1, rule->std);
        return INT64_MAX;
    }
    for (int32_t year = from; year <= from + 404; year++) {
        int64_t start = rule_moment(&rule->start, year) - rule->std;
        int64_t end = rule_moment(&rule->end, year) - rule->dst;
        bool north = start < end;
        int64_t one = north ? start : end, two = north ? end : start;
        int64_t newest =
            c->at.n ? c->at.p[c->at.n - 1] : INT64_MIN; /* a change may reach into the next year */
        if (one > last && one >= newest) add_change(a, c, one, north ? rule->dst : rule->std);
        if (two > last) add_change(a, c, two, north ? rule->std : rule->dst);
    }
    return st_days_from_civil(from + 402, 1, 1) * SECONDS_A_DAY;
}

static st_zone *finish_zone(st_arena *a, const char *name, const changes *c, int64_t repeats)
{
    st_zone *z = st_new(a, st_zone);
    z->name = st_dup(a, name, strlen(name));
    z->first = c->first;
    z->repeats = repeats;
    z->at = st_new_n(a, int64_t, c->at.n);
    z->wall = st_new_n(a, int64_t, c->at.n);
    z->offset = st_new_n(a, int32_t, c->at.n);
    int32_t before = z->first;
    for (uint32_t i = 0; i < c->at.n; i++) {
        int32_t offset = c->offset.p[i];
        if (offset == before) continue;
        /* Instants far outside the calendar would overflow below and are never asked for. */
        if (c->at.p[i] < -INT64_C(1000000000000) || c->at.p[i] > INT64_C(1000000000000)) {
            if (z->n == 0 && c->at.p[i] < 0) z->first = before = offset;
            continue;
        }
        z->at[z->n] = c->at.p[i];
        z->wall[z->n] = c->at.p[i] + ST_MAX(before, offset);
        z->offset[z->n++] = offset;
        before = offset;
    }
    return z;
}

static const st_zone *parse_zone(st_arena *a, const char *name, const uint8_t *bytes, size_t n)
{
    reader r = {bytes, bytes + n};
    tz_header h;
    changes c = {0};
    if (!read_header(&r, &h)) return NULL;
    if (h.version == 0) return read_block(a, &r, &h, 4, &c) ? finish_zone(a, name, &c, INT64_MAX) : NULL;
    uint64_t old = block_size(&h, 4); /* the same again in 32 bits, for old readers */
    if (old > (uint64_t)(r.end - r.p)) return NULL;
    r.p += old;
    if (!read_header(&r, &h) || !read_block(a, &r, &h, 8, &c)) return NULL;
    if (!rule_char(&r, '\n')) return NULL;
    const uint8_t *end = memchr(r.p, '\n', (size_t)(r.end - r.p));
    if (!end) return NULL;
    if (end == r.p) return finish_zone(a, name, &c, INT64_MAX);
    tz_rule rule = {0};
    if (!parse_rule((reader){r.p, end}, &rule)) return NULL;
    int64_t repeats = unroll_rule(a, &rule, &c);
    return finish_zone(a, name, &c, repeats);
}

/* Area/City in letters, digits, _ + - only: no dots, so no way out of the folder. */
static bool zone_name_ok(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > ZONE_NAME_LIMIT || name[n - 1] == '/') return false;
    for (size_t i = 0; i < n; i++) {
        char ch = name[i];
        if (ch == '/' && (i == 0 || name[i - 1] == '/')) return false;
        bool letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        bool other = (ch >= '0' && ch <= '9') || ch == '_' || ch == '+' || ch == '-' || ch == '/';
        if (!letter && !other) return false;
    }
    return true;
}

static size_t read_zone_file(const char *path, uint8_t *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    struct stat st;
    size_t n = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        for (ssize_t got; n < size && (got = read(fd, buf + n, size - n)) > 0;) n += (size_t)got;
    }
    close(fd);
    return n;
}

const st_zone *st_zone_load(st_arena *a, const char *name)
{
    if (!name || !zone_name_ok(name)) return NULL;
    if (strcmp(name, "UTC") == 0) return &zone_utc;
    static const char *const places[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                         "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};
    const char *set = getenv("TZDIR");
    if (set && !*set) set = NULL;
    uint8_t *buf = st_alloc(a, ZONE_FILE_LIMIT);
    for (size_t i = 0; i < (set ? 1 : ST_COUNT(places)); i++) {
        const char *path = st_format(a, "%s/%s", set ? set : places[i], name);
        size_t n = read_zone_file(path, buf, ZONE_FILE_LIMIT);
        const st_zone *z = n && n < ZONE_FILE_LIMIT ? parse_zone(a, name, buf, n) : NULL;
        if (z) return z;
    }
    return NULL;
}

const char *st_zone_name(const st_zone *z)
{
    return z->name;
}

/* ---- instants ---- */

#define LOCAL_MIN (ST_DATE_MIN * ST_DAY_US)
#define LOCAL_MAX ((ST_DATE_MAX + 1) * ST_DAY_US - 1)
/* Instants of a local time in the calendar lie within two days of it. */
#define INSTANT_MIN (LOCAL_MIN - 2 * ST_DAY_US)
#define INSTANT_MAX (LOCAL_MAX + 2 * ST_DAY_US)
#define SECOND_US INT64_C(1000000)

/* How many of the n ascending values are at or before v. */
static uint32_t count_until(const int64_t *values, uint32_t n, int64_t v)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (values[mid] <= v)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Takes a second behind the unrolled changes back by whole cycles of 400 years. */
static int64_t into_cycle(const st_zone *z, int64_t s)
{
    return s < z->repeats ? s : s - ((s - z->repeats) / SECONDS_400_YEARS + 1) * SECONDS_400_YEARS;
}

static int32_t offset_after(const st_zone *z, uint32_t n_changes)
{
    return n_changes ? z->offset[n_changes - 1] : z->first;
}

static int32_t offset_at(const st_zone *z, int64_t instant)
{
    return offset_after(z, count_until(z->at, z->n, into_cycle(z, floor_div(instant, SECOND_US))));
}

int64_t st_local_of_instant(const st_zone *z, int64_t instant)
{
    if (instant < INSTANT_MIN || instant > INSTANT_MAX) return ST_NO_TIME;
    int64_t local = instant + offset_at(z, instant) * SECOND_US;
    return local < LOCAL_MIN || local > LOCAL_MAX ? ST_NO_TIME : local;
}

int64_t st_instant_of_local(const st_zone *z, int64_t local)
{
    if (local < LOCAL_MIN || local > LOCAL_MAX) return ST_NO_TIME;
    int64_t second = into_cycle(z, floor_div(local, SECOND_US));
    return local - offset_after(z, count_until(z->wall, z->n, second)) * SECOND_US;
}

st_stretch st_stretch_of_local(const st_zone *z, int64_t local)
{
    int64_t second = floor_div(local, SECOND_US);
    uint32_t k = count_until(z->wall, z->n, into_cycle(z, second));
    int64_t offset = offset_after(z, k) * SECOND_US;
    if (second >= z->repeats) return (st_stretch){local, local + 1, offset};
    int64_t end = ST_MIN(k < z->n ? z->wall[k] : INT64_MAX, z->repeats);
    return (st_stretch){k ? z->wall[k - 1] * SECOND_US : LOCAL_MIN,
                        end > LOCAL_MAX / SECOND_US ? LOCAL_MAX + 1 : end * SECOND_US, offset};
}

int64_t st_day_of_instant(const st_zone *z, int64_t instant)
{
    int64_t local = st_local_of_instant(z, instant);
    return local == ST_NO_TIME ? ST_NO_TIME : floor_div(local, ST_DAY_US);
}

int64_t st_start_of_day(const st_zone *z, int64_t day)
{
    if (!day_valid(day)) return ST_NO_TIME;
    int64_t midnight = day * ST_DAY_US;
    int64_t instant = st_instant_of_local(z, midnight);
    int64_t gap = instant + offset_at(z, instant) * SECOND_US - midnight;
    if (gap <= 0) return instant;
    /* No midnight that day: the clock jumped over it, and the day begins with the jump. */
    int64_t second = floor_div(instant, SECOND_US), inside = into_cycle(z, second);
    uint32_t k = count_until(z->at, z->n, inside);
    return k ? (z->at[k - 1] + (second - inside)) * SECOND_US : instant;
}

int64_t st_instant_add(const st_zone *z, int64_t instant, int64_t n, st_unit u)
{
    int64_t local = st_local_of_instant(z, instant);
    if (local == ST_NO_TIME) return ST_NO_TIME;
    if (u < ST_DAY) {
        int64_t step = u == ST_HOUR ? 3600 * SECOND_US : 60 * SECOND_US, sum;
        if (__builtin_mul_overflow(n, step, &step) || __builtin_add_overflow(instant, step, &sum))
            return ST_NO_TIME;
        return st_local_of_instant(z, sum) == ST_NO_TIME ? ST_NO_TIME : sum;
    }
    int64_t day = floor_div(local, ST_DAY_US);
    int64_t moved = st_date_add(day, n, u);
    return moved == ST_NO_TIME ? ST_NO_TIME : st_instant_of_local(z, local + (moved - day) * ST_DAY_US);
}

int64_t st_instants_between(const st_zone *z, int64_t a, int64_t b, st_unit u)
{
    int64_t la = st_local_of_instant(z, a), lb = st_local_of_instant(z, b);
    if (la == ST_NO_TIME || lb == ST_NO_TIME) return ST_NO_TIME;
    if (u < ST_DAY) return (b - a) / (u == ST_HOUR ? 3600 * SECOND_US : 60 * SECOND_US);
    if (u < ST_MONTH) return (lb - la) / (unit_size(u) * ST_DAY_US);
    bool forward = lb >= la;
    int64_t from = forward ? la : lb, to = forward ? lb : la;
    int64_t day_from = floor_div(from, ST_DAY_US), day_to = floor_div(to, ST_DAY_US);
    int64_t months = months_between(day_from, from - day_from * ST_DAY_US, day_to, to - day_to * ST_DAY_US);
    return forward ? months / unit_size(u) : -(months / unit_size(u));
}

int32_t st_instant_part(const st_zone *z, int64_t instant, st_part p)
{
    int64_t local = st_local_of_instant(z, instant);
    if (local == ST_NO_TIME) return 0;
    int64_t day = floor_div(local, ST_DAY_US);
    if (p == ST_PART_HOUR) return (int32_t)((local - day * ST_DAY_US) / (3600 * SECOND_US));
    return st_date_part(day, p);
}

/* ---- text ---- */

/* Exactly n digits at *p; -1 where they are not. */
static int32_t take_digits(st_str *s, uint32_t n)
{
    if (s->n < n) return -1;
    int32_t v = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return -1;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    return v;
}

static bool take_char(st_str *s, char c)
{
    if (s->n == 0 || *s->p != c) return false;
    s->p++;
    s->n--;
    return true;
}

static bool take_date(st_str *s, int64_t *day)
{
    int32_t y = take_digits(s, 4);
    if (y < 1 || !take_char(s, '-')) return false;
    int32_t m = take_digits(s, 2);
    if (m < 1 || m > 12 || !take_char(s, '-')) return false;
    int32_t d = take_digits(s, 2);
    if (d < 1 || d > st_days_in_month(y, m)) return false;
    *day = st_days_from_civil(y, m, d);
    return true;
}

static bool take_clock(st_str *s, int64_t *time)
{
    int32_t h = take_digits(s, 2);
    if (h < 0 || h > 23 || !take_char(s, ':')) return false;
    int32_t m = take_digits(s, 2);
    if (m < 0 || m > 59) return false;
    int64_t sec = 0, micros = 0;
    if (take_char(s, ':')) {
        sec = take_digits(s, 2);
        if (sec < 0 || sec > 59) return false;
        if (take_char(s, '.')) {
            uint32_t digits = 0;
            for (; s->n && *s->p >= '0' && *s->p <= '9'; digits++) {
                int32_t d = take_digits(s, 1);
                if (digits < 6) micros = micros * 10 + d;
            }
            if (digits == 0 || digits > 9) return false;
            for (; digits < 6; digits++) micros *= 10;
        }
    }
    *time = ((int64_t)h * 3600 + m * 60 + sec) * SECOND_US + micros;
    return true;
}

/* Z, +02, +0200 or +02:00. */
static bool take_offset(st_str *s, int64_t *offset)
{
    *offset = 0;
    if (take_char(s, 'Z')) return true;
    bool west = take_char(s, '-');
    if (!west && !take_char(s, '+')) return false;
    int32_t h = take_digits(s, 2), m = 0;
    if (h < 0 || h > 23) return false;
    if (s->n) {
        take_char(s, ':');
        m = take_digits(s, 2);
        if (m < 0 || m > 59) return false;
    }
    int64_t seconds = (int64_t)h * 3600 + m * 60;
    *offset = (west ? -seconds : seconds) * SECOND_US;
    return true;
}

bool st_parse_date(st_str s, int64_t *day)
{
    return take_date(&s, day) && s.n == 0;
}

bool st_parse_timestamp(st_str s, const st_zone *z, int64_t *instant)
{
    int64_t day, time, offset;
    if (!take_date(&s, &day) || (!take_char(&s, 'T') && !take_char(&s, ' ')) || !take_clock(&s, &time))
        return false;
    int64_t local = day * ST_DAY_US + time;
    if (s.n == 0) {
        *instant = st_instant_of_local(z, local);
        return true;
    }
    if (!take_offset(&s, &offset) || s.n) return false;
    *instant = local - offset;
    return true;
}

void st_format_date(int64_t day, char out[ST_TIME_TEXT])
{
    st_civil c = st_civil_from_days(day);
    snprintf(out, ST_TIME_TEXT, "%04d-%02d-%02d", c.year, c.month, c.day);
}

void st_format_instant(const st_zone *z, int64_t instant, char out[ST_TIME_TEXT])
{
    int64_t local = st_local_of_instant(z, instant);
    if (local == ST_NO_TIME) {
        snprintf(out, ST_TIME_TEXT, "outside 0001 to 9999");
        return;
    }
    int64_t day = floor_div(local, ST_DAY_US), time = local - day * ST_DAY_US;
    int64_t second = time / SECOND_US, micros = time % SECOND_US;
    st_format_date(day, out);
    int n = 10;
    n += snprintf(out + n, (size_t)(ST_TIME_TEXT - n), "T%02d:%02d:%02d", (int)(second / 3600),
                  (int)(second / 60 % 60), (int)(second % 60));
    if (micros) {
        n += snprintf(out + n, (size_t)(ST_TIME_TEXT - n), ".%06d", (int)micros);
        while (out[n - 1] == '0') n--;
    }
    int32_t offset = offset_at(z, instant), size = abs(offset);
    n += snprintf(out + n, (size_t)(ST_TIME_TEXT - n), "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600,
                  size / 60 % 60);
    if (size % 60) snprintf(out + n, (size_t)(ST_TIME_TEXT - n), ":%02d", size % 60);
}
