"""Writes calendar_cases.h: what Python's zoneinfo and datetime say about the hard moments of some zones.

Run it again only to add cases: python3 tests/unit/calendar_cases.py > tests/unit/calendar_cases.h
"""
import random
from calendar import monthrange
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
         "Pacific/Apia", "America/Sao_Paulo", "UTC"]
MOMENTS = [(2026, 3, 29, 2, 30), (2026, 3, 29, 1, 59), (2026, 3, 29, 3, 0), (2026, 10, 25, 2, 30), (2026, 10, 25, 3, 0),
           (2026, 3, 29, 1, 0), (2026, 3, 29, 1, 30), (2026, 10, 25, 1, 30), (2026, 3, 8, 2, 15), (2026, 11, 1, 1, 30),
           (2026, 10, 4, 2, 10), (2026, 4, 5, 1, 45), (2038, 1, 19, 3, 14), (2077, 3, 28, 2, 30), (2077, 10, 31, 2, 30),
           (2400, 7, 1, 12, 0), (2437, 10, 25, 2, 30), (9999, 6, 30, 0, 0), (9999, 12, 30, 23, 59), (1900, 1, 1, 0, 0),
           (1970, 1, 1, 0, 0), (1969, 12, 31, 23, 59), (1945, 5, 24, 2, 0), (1942, 8, 31, 23, 59), (1880, 1, 1, 0, 0),
           (2011, 12, 30, 10, 0), (2018, 11, 4, 0, 30), (2024, 2, 29, 12, 0), (3, 3, 3, 3, 3)]
EPOCH = datetime(1970, 1, 1)


def micros(naive):
    return (naive - EPOCH) // timedelta(microseconds=1)


def instant(zone, naive):
    aware = naive.replace(tzinfo=ZoneInfo(zone), fold=0)
    return micros(naive) - aware.utcoffset() // timedelta(microseconds=1)


def local(zone, when):
    utc = (EPOCH + timedelta(microseconds=when)).replace(tzinfo=timezone.utc)
    return utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def add(naive, n, unit):
    if unit in ("ST_DAY", "ST_WEEK"):
        return naive + timedelta(days=n * (7 if unit == "ST_WEEK" else 1))
    months = naive.year * 12 + naive.month - 1 + n * {"ST_MONTH": 1, "ST_QUARTER": 3, "ST_YEAR": 12}[unit]
    year, month = months // 12, months % 12 + 1
    return naive.replace(year=year, month=month, day=min(naive.day, monthrange(year, month)[1]))


def between(a, b, unit):
    if b < a:
        return -between(b, a, unit)
    n = 0
    step = 1
    while True:  # gallop, then walk
        try:
            fits = add(a, n + step, unit) <= b
        except (ValueError, OverflowError):
            fits = False
        if fits:
            n += step
            step *= 2
        elif step == 1:
            return n
        else:
            step = 1


rnd = random.Random(7)
print("/* Written by calendar_cases.py from Python's zoneinfo; see there. */")
print("static const struct local_case { const char *zone; int64_t local, instant, back; } local_cases[] = {")
instants = {}
for zone in ZONES:
    instants[zone] = []
    for moment in MOMENTS:
        naive = datetime(*moment)
        when = instant(zone, naive)
        instants[zone].append(when)
        print(f'    {{"{zone}", INT64_C({micros(naive)}), INT64_C({when}), INT64_C({micros(local(zone, when))})}},')
print("};")
print("static const struct add_case { const char *zone; int64_t instant, n; st_unit unit; int64_t sum; } add_cases[] = {")
UNITS = ["ST_DAY", "ST_WEEK", "ST_MONTH", "ST_QUARTER", "ST_YEAR"]
pairs = []
for zone in ZONES:
    for _ in range(24):
        naive = datetime(2026, *rnd.choice([(3, 29), (10, 25), (3, 8), (11, 1), (1, 31), (2, 28), (10, 4), (4, 5)]),
                         rnd.randrange(24), rnd.choice([0, 15, 30, 45]), 0, rnd.choice([0, 0, 1]))
        start = instant(zone, naive)
        unit = rnd.choice(UNITS)
        n = rnd.choice([-1, 1, 2, -13, 30, -365, 7])
        end = instant(zone, add(local(zone, start), n, unit))
        pairs.append((zone, start, end + rnd.choice([0, 0, -1, 1, 3600000000]), unit))
        print(f'    {{"{zone}", INT64_C({start}), {n}, {unit}, INT64_C({end})}},')
print("};")
print("static const struct between_case { const char *zone; int64_t a, b; st_unit unit; int64_t n; } between_cases[] = {")
for zone, a, b, unit in pairs:
    n = between(local(zone, a), local(zone, b), unit)
    print(f'    {{"{zone}", INT64_C({a}), INT64_C({b}), {unit}, {n}}},')
print("};")
print("static const struct day_case { int64_t day; int year, month, mday, week, weekday; } day_cases[] = {")
for _ in range(60):
    day = rnd.choice([rnd.randrange(-719162, 2932897), rnd.randrange(0, 30000)])
    date = (EPOCH + timedelta(days=day)).date()
    print(f"    {{{day}, {date.year}, {date.month}, {date.day}, {date.isocalendar()[1]}, {date.weekday()}}},")
print("};")
