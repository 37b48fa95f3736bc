#!/usr/bin/env python3
"""Cases that are too many to work out by hand: formulas over every combination of truth and missing, exact arithmetic,
rows of a few customers. The meaning is written here a second time, from docs/language.md, in plain Python.

    python3 tests/conformance/make_cases.py              writes cases/made_*.case anew
    python3 tests/conformance/make_cases.py SEED DIR     other ones, elsewhere
"""
import calendar
import datetime
import hashlib
import itertools
import os
import random
import re
import sys
from collections import Counter
from fractions import Fraction
from zoneinfo import ZoneInfo

SEED = 10 * int(sys.argv[1]) if len(sys.argv) > 1 else 0
WHERE = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


# ---- logic ----

def k_not(a):
    return None if a is None else not a


def k_at_least(k, values):
    true = sum(v is True for v in values)
    possible = sum(v is not False for v in values)
    return True if true >= k else False if possible < k else None


def formula(rng, depth):
    """A formula as (text, function of p, q, r)."""
    if depth == 0 or rng.random() < 0.15:
        name = rng.choice("pqr")
        return name, (lambda env, n=name: env[n])
    kind = rng.choice(["and", "or", "not", "not", "least", "missing", "known", "if", "equal", "unequal"])
    a, fa = formula(rng, depth - 1)
    if kind == "not":
        return f"not ({a})", lambda env: k_not(fa(env))
    if kind == "missing":
        return f"({a}) is missing", lambda env: fa(env) is None
    if kind == "known":
        return f"({a}) is known", lambda env: fa(env) is not None
    b, fb = formula(rng, depth - 1)
    if kind == "and":
        return f"({a}) and ({b})", lambda env: k_at_least(2, [fa(env), fb(env)])
    if kind == "or":
        return f"({a}) or ({b})", lambda env: k_at_least(1, [fa(env), fb(env)])
    if kind == "if":
        return f"(({a}) if missing ({b}))", lambda env: fb(env) if fa(env) is None else fa(env)
    if kind in ("equal", "unequal"):
        def same(env):
            x, y = fa(env), fb(env)
            return None if x is None or y is None else (x == y) == (kind == "equal")
        return f"(({a}) {'=' if kind == 'equal' else '!='} ({b}))", same
    c, fc = formula(rng, depth - 1)
    k = rng.randint(1, 3)
    return f"at least {k} of ({a}, {b}, {c})", lambda env: k_at_least(k, [fa(env), fb(env), fc(env)])


def word(v):
    return "missing" if v is None else "true" if v is True else "false" if v is False else str(v)


def logic(out):
    rng = random.Random(SEED + 1)
    rows = list(itertools.product([True, False, None], repeat=3))
    cell = {True: "true", False: "false", None: ""}
    print("# Made by make_cases.py: formulas over every combination of true, false and missing.", file=out)
    print("=== preamble\ntable people { id int key  p bool?  q bool?  r bool? }\n--- table people\nid,p,q,r", file=out)
    for i, row in enumerate(rows):
        print(f"{i}," + ",".join(cell[v] for v in row), file=out)
    print("--- as of 2026-11-01", file=out)
    for n in range(40):
        text, f = formula(rng, 2 + n % 3)
        values = [f(dict(zip("pqr", row))) for row in rows]
        print(f"\n=== formula {n + 1}\ntrait t = {text}\nsegment s where {text}\nsegment u where not ({text})", file=out)
        print("--- expect", file=out)
        print("t: " + " ".join(f"{i}={word(v)}" for i, v in enumerate(values)), file=out)
        print("s: " + " ".join(str(i) for i, v in enumerate(values) if v is True), file=out)
        print("u: " + " ".join(str(i) for i, v in enumerate(values) if v is False), file=out)


# ---- numbers ----

def half_away(x, digits):
    """The fraction rounded to that many digits behind the point."""
    scaled = abs(x) * 10 ** digits
    n = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(n if x >= 0 else -n, 10 ** digits)


def decimal_text(x):
    sign, x = ("-" if x < 0 else ""), abs(x)
    digits = 0
    while (x * 10 ** digits).denominator != 1:
        digits += 1
    n = str(int(x * 10 ** digits)).rjust(digits + 1, "0")
    return sign + (n[:-digits] + "." + n[-digits:] if digits else n)


class Overflow(Exception):
    pass


INT = 2 ** 63


def expression(rng, depth):
    """(text, function of a row giving (value, is_int) or None)."""
    if depth == 0 or rng.random() < 0.1:
        kind = rng.choice(["n", "m", "d", "e", "literal", "literal"])
        if kind == "literal":
            text = rng.choice(["0", "1", "2", "3", "10", "0.5", "0.25", "1.75", "100", "7"])
            return text, lambda env, v=Fraction(text), i="." not in text: (v, i)
        return kind, lambda env: None if env[kind] is None else (env[kind], kind in "nm")
    op = rng.choice(["+", "-", "*", "/", "neg", "abs", "round", "round1", "floor", "ceil", "min", "max", "if"])
    a, fa = expression(rng, depth - 1)

    def one(f):
        def run(env):
            v = fa(env)
            return None if v is None else f(v)
        return run

    def fit(v, is_int):
        return None if is_int and not -INT <= v < INT else (v, is_int)

    def floor(v):
        return v.numerator // v.denominator

    if op == "neg":
        return f"-({a})", one(lambda v: fit(-v[0], v[1]))
    if op == "abs":
        return f"abs({a})", one(lambda v: fit(abs(v[0]), v[1]))
    if op == "round":
        return f"round({a})", one(lambda v: (half_away(v[0], 0), v[1]))
    if op == "round1":
        return f"round({a}, 1)", one(lambda v: (half_away(v[0], 1), v[1]))
    if op == "floor":
        return f"floor({a})", one(lambda v: (Fraction(floor(v[0])), v[1]))
    if op == "ceil":
        return f"ceil({a})", one(lambda v: (Fraction(-floor(-v[0])), v[1]))
    b, fb = expression(rng, depth - 1)
    if op == "if":
        return f"(({a}) if missing ({b}))", lambda env: fb(env) if fa(env) is None else fa(env)

    def two(env):
        x, y = fa(env), fb(env)
        if x is None or y is None:
            return None
        ints = x[1] and y[1]
        if op == "+":
            return fit(x[0] + y[0], ints)
        if op == "-":
            return fit(x[0] - y[0], ints)
        if op == "*":
            return fit(x[0] * y[0], ints)
        if op == "/":
            return None if y[0] == 0 else (half_away(x[0] / y[0], 12), False)
        return ((min if op == "min" else max)(x[0], y[0]), ints)
    return (f"{op}({a}, {b})" if op in ("min", "max") else f"({a}) {op} ({b})"), two


def numbers(out):
    rng = random.Random(SEED + 2)
    rows = []
    for i in range(16):
        n, m = rng.randint(-20, 20), rng.choice([0, 1, -3, 7, 1000])
        d, e = Fraction(rng.randint(-5000, 5000), 100), Fraction(rng.randint(-9, 9), 10000)
        rows.append({k: None if rng.random() < 0.12 else v for k, v in
                     (("n", Fraction(n)), ("m", Fraction(m)), ("d", d), ("e", e))})
    print("# Made by make_cases.py: exact arithmetic with fractions.", file=out)
    print("=== preamble\ntable people { id int key  n int? between -20 and 20  m int? between -3 and 1000  "
          "d decimal(4,2)?  e decimal(5,4)? }", file=out)
    print("--- table people\nid,n,m,d,e", file=out)
    for i, row in enumerate(rows):
        print(f"{i}," + ",".join("" if row[k] is None else decimal_text(row[k]) for k in "nmde"), file=out)
    print("--- as of 2026-11-01", file=out)
    made = 0
    while made < 40:
        text, f = expression(rng, 2)
        # what could need more than 38 digits is refused: an int has 19
        wide = len(re.findall(r"\b[nm]\b|/", text))
        too_wide = text.count("/") > 1 or ("*" in text and wide > 1)
        if too_wide or not any(c in text for c in "nmde"):
            continue
        made += 1
        values = [f(row) for row in rows]
        print(f"\n=== arithmetic {made}\ntrait t = {text}\nsegment s where ({text}) > 1\n--- expect", file=out)
        print("t: " + " ".join(f"{i}={'missing' if v is None else decimal_text(v[0])}" for i, v in enumerate(values)),
              file=out)
        print("s: " + " ".join(str(i) for i, v in enumerate(values) if v is not None and v[0] > 1), file=out)


# ---- rows of customers ----

DAY = datetime.date(2026, 11, 1)


def windows(rng):
    """(text, function of a day)."""
    k = rng.choice([1, 5, 30, 90])
    a = DAY - datetime.timedelta(days=rng.randint(1, 120))
    b = a + datetime.timedelta(days=rng.randint(0, 60))
    return rng.choice([
        ("", lambda d: True),
        (f" in last {k} days", lambda d: DAY - datetime.timedelta(days=k) <= d < DAY),
        (f" before {a}", lambda d: d < a),
        (f" after {a}", lambda d: d > a),
        (f" since {a}", lambda d: d >= a),
        (f" between {a} and {b}", lambda d: a <= d <= b),
        (f" before {k} days ago", lambda d: d < DAY - datetime.timedelta(days=k)),
        (" in previous month", lambda d: (d.year, d.month) == (2026, 10)),
        (" in last 2 calendar months", lambda d: (d.year, d.month) in ((2026, 9), (2026, 10))),
        (" in this year", lambda d: d.year == 2026),
    ])


def conditions(rng):
    """(text, function of a row): True, False or None."""
    k = rng.randint(0, 6)
    return rng.choice([
        ("", lambda r: True),
        (f" where n > {k}", lambda r: None if r["n"] is None else r["n"] > k),
        (f" where n != {k}", lambda r: None if r["n"] is None else r["n"] != k),
        (f' where kind = "a"', lambda r: None if r["kind"] is None else r["kind"] == "a"),
        (f" where kind is missing", lambda r: r["kind"] is None),
        (f" where x <= {k}.5", lambda r: None if r["x"] is None else r["x"] <= k + Fraction(1, 2)),
        (f" where not (n in ({k}, 3))", lambda r: None if r["n"] is None else r["n"] not in (k, 3)),
    ])


def aggregate(rng):
    """(text of a question, function of rows)."""
    col = rng.choice(["n", "x"])

    def known(rows):
        return [r[col] for r in rows if r[col] is not None]

    def exact(v):
        return None if v is None else decimal_text(half_away(Fraction(v), 12))

    def median(v):
        v = sorted(v)
        return None if not v else Fraction(v[(len(v) - 1) // 2] + v[len(v) // 2], 2)

    def common(rows):
        c = Counter(known(rows))
        return min((v for v in c if c[v] == max(c.values())), default=None)

    def edge(rows, last):
        rows = [r for r in rows if r[col] is not None]
        if not rows:
            return None
        day = (max if last else min)(r["d"] for r in rows)
        return (max if last else min)(r[col] for r in rows if r["d"] == day)

    return rng.choice([
        ("count({s})", lambda rows: str(len(rows))),
        ("any({s})", lambda rows: word(bool(rows))),
        ("no({s})", lambda rows: word(not rows)),
        (f"sum({col} of {{s}})", lambda rows: exact(sum(known(rows)))),
        (f"avg({col} of {{s}})", lambda rows: exact(Fraction(sum(known(rows))) / len(known(rows)) if known(rows) else None)),
        (f"min({col} of {{s}})", lambda rows: exact(min(known(rows), default=None))),
        (f"max({col} of {{s}})", lambda rows: exact(max(known(rows), default=None))),
        (f"median({col} of {{s}})", lambda rows: exact(median(known(rows)))),
        (f"distinct({col} of {{s}})", lambda rows: str(len(set(known(rows))))),
        (f"first({col} of {{s}})", lambda rows: exact(edge(rows, False))),
        (f"last({col} of {{s}})", lambda rows: exact(edge(rows, True))),
        (f"most_common({col} of {{s}})", lambda rows: exact(common(rows))),
        (f"repeats({col} of {{s}})", lambda rows: str(max(Counter(known(rows)).values(), default=0))),
        ("count({s} in any 20 days)", None),
    ])


def fullest(rows, days):
    return str(max((sum(r["d"] <= o["d"] < r["d"] + datetime.timedelta(days=days) for o in rows) for r in rows),
                   default=0))


def rows_of(out):
    rng = random.Random(SEED + 3)
    rows = []
    for i in range(60):
        rows.append({"who": rng.choice([1, 1, 1, 2, 2, 3, 5]), "d": DAY - datetime.timedelta(days=rng.randint(-3, 130)),
                     "n": None if rng.random() < 0.15 else rng.randint(0, 6),
                     "x": None if rng.random() < 0.15 else Fraction(rng.randint(-300, 900), 100),
                     "kind": rng.choice(["a", "b", "c", None])})
    print("# Made by make_cases.py: every aggregate over windows and conditions.", file=out)
    print("=== preamble\nsegments of people\ntable people { id int key }", file=out)
    print("table rows_of { who int links to people  d date time  n int?  x decimal(5,2)?  kind string? }", file=out)
    print("--- table people\nid\n1\n2\n3\n4\n5\n--- table rows_of\nwho,d,n,x,kind", file=out)
    for r in rows:
        print(",".join("" if v is None else decimal_text(v) if isinstance(v, Fraction) else str(v) for v in r.values()),
              file=out)
    print("--- as of 2026-11-01", file=out)
    for n in range(60):
        question, answer = aggregate(rng)
        (window, in_window), (condition, is_true) = windows(rng), conditions(rng)
        if answer is None:
            window, in_window = " in any 20 days", lambda d: True
            question = "count({s})"
            answer = lambda chosen: fullest(chosen, 20)
        text = question.format(s="rows_of" + window + condition)
        values = [answer([r for r in rows if r["who"] == who and r["d"] < DAY and in_window(r["d"]) and
                          is_true(r) is True]) for who in range(1, 6)]
        print(f"\n=== rows {n + 1}\ntrait t = {text}\n--- expect", file=out)
        print("t: " + " ".join(f"{who}={word(v)}" for who, v in zip(range(1, 6), values)), file=out)


# ---- times ----

BERLIN = ZoneInfo("Europe/Berlin")
UNITS = ["day", "week", "month", "quarter", "year"]


def add_day(d, n, unit):
    if unit in ("day", "week"):
        return d + datetime.timedelta(days=n * (7 if unit == "week" else 1))
    months = n * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(d.year * 12 + d.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(d.day, calendar.monthrange(year, month + 1)[1]))


def instant(local):
    """Clock time in Berlin to an instant: what does not exist moves forward, what exists twice is the earlier."""
    return local.replace(tzinfo=BERLIN, fold=0).astimezone(datetime.timezone.utc)


def clock(t):
    return t.astimezone(BERLIN).replace(tzinfo=None, fold=0)


def start(d):
    return instant(datetime.datetime.combine(d, datetime.time()))


def add(t, n, unit):
    if unit in ("minute", "hour"):
        return t + datetime.timedelta(minutes=n * (60 if unit == "hour" else 1))
    local = clock(t)
    return instant(datetime.datetime.combine(add_day(local.date(), n, unit), local.time()))


def first_day(d, unit):
    if unit == "week":
        return d - datetime.timedelta(days=d.weekday())
    month = {"month": d.month, "quarter": (d.month - 1) // 3 * 3 + 1, "year": 1}.get(unit)
    return d if unit == "day" else datetime.date(d.year, month, 1)


def many(n, unit):
    return f"{n} {unit}" + ("s" if n != 1 else "")


def span(a, b):
    """A stretch of instants [a, b), for a timestamp and, by the days of its ends, for a date."""
    return (lambda t: a <= t < b), (lambda d: clock(a).date() <= d < clock(b).date())


def days(a, b):
    """Whole days, the last excluded."""
    return (lambda t: start(a) <= t < start(b)), (lambda d: a <= d < b)


def time_window(rng, now):
    """(text, test of a timestamp, test of a date)."""
    today = clock(now).date()
    one = datetime.timedelta(days=1)
    unit, n = rng.choice(UNITS), rng.randint(1, 4)
    day = today + datetime.timedelta(days=rng.randint(-200, 60))
    then = instant(datetime.datetime.combine(day, datetime.time(rng.randint(0, 23), 30)))
    text = clock(then).strftime("%Y-%m-%dT%H:%M")
    later = day + datetime.timedelta(days=rng.randint(0, 90))
    kind = rng.randrange(14)
    if kind == 0:
        return (f"in last {many(n, unit)}", *span(add(now, -n, unit), now))
    if kind == 1:
        return (f"in next {many(n, unit)}", *span(now, add(now, n, unit)))
    if kind == 2:
        f = first_day(today, unit)
        return (f"in this {unit}", *days(f, add_day(f, 1, unit)))
    if kind == 3:
        f = first_day(today, unit)
        return (f"in previous {unit}", *days(add_day(f, -1, unit), f))
    if kind == 4:
        f = first_day(today, unit)
        return (f"in last {n} calendar {unit}{'s' if n != 1 else ''}", *days(add_day(f, -n, unit), f))
    if kind == 5:
        return f"before {day}", lambda t: t < start(day), lambda d: d < day
    if kind == 6:
        return f"after {day}", lambda t: t >= start(day + one), lambda d: d > day
    if kind == 7:
        return f"since {day}", lambda t: t >= start(day), lambda d: d >= day
    if kind == 8:
        return (f"on {day}", *days(day, day + one))
    if kind == 9:
        return f"after {text}", lambda t: t > then, lambda d: d > clock(then).date()
    if kind == 10:
        return f"since {text}", lambda t: t >= then, lambda d: d >= clock(then).date()
    if kind == 11:
        return (f"between {day} and {later}", *days(day, later + one))
    if kind == 12:
        a, b = add(now, -n - 3, unit), add(now, -n, unit)
        return (f"between {many(n + 3, unit)} ago and {many(n, unit)} ago", *span(a, b))
    ago = add(now, -n, unit)
    return f"before {many(n, unit)} ago", lambda t: t < ago, lambda d: d < clock(ago).date()


def between_days(a, b, unit):
    if a > b:
        return -between_days(b, a, unit)
    if unit in ("day", "week"):
        return (b - a).days // (7 if unit == "week" else 1)
    n = 0
    while add_day(a, n + 1, unit) <= b:
        n += 1
    return n


def between_clocks(a, b, unit):
    """Of instants, on the clock; hours and minutes elapsed."""
    if a > b:
        return -between_clocks(b, a, unit)
    if unit in ("hour", "minute"):
        return (b - a) // datetime.timedelta(minutes=60 if unit == "hour" else 1)
    x, y = clock(a), clock(b)
    last = y.date() if y.time() >= x.time() else y.date() - datetime.timedelta(days=1)
    return max(0, between_days(x.date(), last, unit)) if last >= x.date() else 0


def times(out):
    rng = random.Random(SEED + 4)
    rows = []
    edges = [datetime.datetime(2026, 3, 29, 1, 30), datetime.datetime(2026, 10, 25, 2, 30), datetime.datetime(2026, 11, 1),
             datetime.datetime(2026, 1, 1), datetime.datetime(2026, 10, 31, 23, 59), datetime.datetime(2026, 2, 28, 12)]
    for edge in edges:
        rows += [instant(edge), instant(edge + datetime.timedelta(minutes=1)), instant(edge - datetime.timedelta(days=1))]
    for _ in range(40):
        rows.append(instant(datetime.datetime(2026, 11, 1) + datetime.timedelta(minutes=rng.randint(-600000, 90000))))
    print("# Made by make_cases.py: windows and counts of time in a zone whose clocks change.", file=out)
    print('=== preamble\ntimezone "Europe/Berlin"\ntable people { id int key  t timestamp  d date }', file=out)
    print("--- table people\nid,t,d", file=out)
    dates = [clock(t).date() for t in rows]
    for i, t in enumerate(rows):
        print(f"{i},{t:%Y-%m-%dT%H:%M:%SZ},{dates[i]}", file=out)
    for n in range(80):
        now = start(rng.choice([DAY, datetime.date(2026, 3, 30), datetime.date(2026, 10, 26), datetime.date(2026, 3, 31)]))
        as_of = f"{clock(now).date()}"
        if rng.random() < 0.4:
            now += datetime.timedelta(minutes=rng.randint(1, 1300))
            as_of = clock(now).strftime("%Y-%m-%dT%H:%M")
            now = instant(datetime.datetime.fromisoformat(as_of))
        text, of_t, of_d = time_window(rng, now)
        print(f"\n=== window {n + 1}\nsegment s where t {text}\nsegment u where d {text}\n--- as of {as_of}\n--- expect",
              file=out)
        print("s: " + " ".join(str(i) for i, t in enumerate(rows) if of_t(t)), file=out)
        print("u: " + " ".join(str(i) for i, d in enumerate(dates) if of_d(d)), file=out)
    for n in range(30):
        unit = rng.choice(UNITS + ["hour", "minute"])
        whole = unit if unit in UNITS else "day"
        k = rng.randint(-3, 14)
        other = rng.choice(rows)
        text = clock(other).strftime("%Y-%m-%dT%H:%M:%S")
        other = instant(datetime.datetime.fromisoformat(text))
        sign = "-" if k < 0 else "+"
        print(f"\n=== counts and shifts {n + 1}\ntrait a = {unit}s from t to {text}\ntrait b = {whole}s from d to "
              f"{clock(other).date()}\ntrait c = t {sign} {abs(k)} {unit}s\ntrait e = d {sign} {abs(k)} {whole}s", file=out)
        print("--- as of 2026-11-01\n--- expect", file=out)
        print("a: " + " ".join(f"{i}={between_clocks(t, other, unit)}" for i, t in enumerate(rows)), file=out)
        print("b: " + " ".join(f"{i}={between_days(d, clock(other).date(), whole)}" for i, d in enumerate(dates)), file=out)
        print("c: " + " ".join(f"{i}={add(t, k, unit):%Y-%m-%dT%H:%M:%SZ}" for i, t in enumerate(rows)), file=out)
        print("e: " + " ".join(f"{i}={add_day(d, k, whole)}" for i, d in enumerate(dates)), file=out)


# ---- sequences ----

MINUTE = datetime.timedelta(minutes=1)
NOW = datetime.datetime(2026, 11, 1)


def step_condition(rng, names):
    """(text, function of a row and the chosen rows by name)."""
    k, letter = rng.randint(0, 3), rng.choice("abc")
    if names and rng.random() < 0.4:
        a = rng.choice(names)
        return rng.choice([
            (f"item = {a}.item", lambda r, c: r["item"] is not None and c[a]["item"] is not None and r["item"] == c[a]["item"]),
            (f"name != {a}.name", lambda r, c: r["name"] != c[a]["name"]),
        ])
    return rng.choice([
        (f'name = "{letter}"', lambda r, c: r["name"] == letter),
        (f'name != "{letter}"', lambda r, c: r["name"] != letter),
        (f"item > {k}", lambda r, c: r["item"] is not None and r["item"] > k),
        (f'name = "{letter}" and item <= {k}', lambda r, c: r["name"] == letter and r["item"] is not None and r["item"] <= k),
    ])


def make_steps(rng):
    n = rng.randint(2, 4)
    kinds = [rng.choice(["row", "row", "any", "no"]) for _ in range(n)]
    if not any(k == "row" or k == "any" for k in kinds):
        kinds[rng.randrange(n)] = "row"
    steps, names, chosen = [], [], False
    for i, kind in enumerate(kinds):
        text, test = step_condition(rng, names)
        if kind != "row":
            text = f"{kind}(others where {text})" if rng.random() < 0.85 else f"{kind}(others)"
            test = test if "where" in text else lambda r, c: True
        within = rng.choice([None, None, 30, 60, 120]) if chosen else None
        name = None
        if kind != "no":
            chosen = True
            if rng.random() < 0.5:
                name = f"x{i}"
                names.append(name)
        text = (f"within {within} minutes " if within else "") + text + (f" as {name}" if name else "")
        steps.append((kind, text, test, within and within * MINUTE, name))
    return steps


def sequence_fits(steps, rows, others, i=0, at=None, chosen=None, pending=()):
    """Steps from i on; `at`: the time of the row before; pending: the `no` steps since then."""
    chosen = chosen or {}

    def clear(end):
        for test, within in pending:
            for r in others:
                if (at is None or r["at"] > at) and (end is None or r["at"] < end) and test(r, chosen):
                    if within is None or r["at"] <= at + within:
                        return False
            if end is None and within is not None and not at + within < NOW:
                return False
        return True

    if i == len(steps):
        return clear(None)
    kind, _, test, within, name = steps[i]
    if kind == "no":
        return sequence_fits(steps, rows, others, i + 1, at, chosen, (*pending, (test, within)))
    for r in rows if kind == "row" else others:
        if at is not None and (r["at"] <= at or (within is not None and r["at"] > at + within)):
            continue
        if test(r, chosen) and clear(r["at"]):
            if sequence_fits(steps, rows, others, i + 1, r["at"], {**chosen, name: r} if name else chosen):
                return True
    return False


def sequences(out):
    rng = random.Random(SEED + 5)
    print("# Made by make_cases.py: sequences against a search over every choice of rows.", file=out)
    print("=== preamble\nsegments of people\ntable people { id int key }", file=out)
    for t in ("events", "others"):
        print(f"table {t} {{ who int links to people  at timestamp time  name string  item int? }}", file=out)
    print("--- table people\nid", file=out)
    people = range(1, 41)
    data = {"events": [], "others": []}
    for who in people:
        print(who, file=out)
        for t in data:
            for _ in range(rng.randint(0, 6)):
                minutes = 30 * rng.randint(1, 9)
                data[t].append({"who": who, "at": NOW - minutes * MINUTE, "name": rng.choice("abc"),
                                "item": rng.choice([None, 0, 1, 2, 3])})
    for t, rows in data.items():
        print(f"--- table {t}\nwho,at,name,item", file=out)
        for r in rows:
            print(f"{r['who']},{r['at']:%Y-%m-%dT%H:%M},{r['name']},{'' if r['item'] is None else r['item']}", file=out)
    print("--- as of 2026-11-01", file=out)
    made = 0
    while made < 80:
        steps = make_steps(rng)
        hours = rng.choice([None, None, 2, 3])
        text = f"sequence(events{f' in last {hours} hours' if hours else ''}: " + " then ".join(s[1] for s in steps) + ")"
        members = []
        for who in people:
            rows = [r for r in data["events"] if r["who"] == who and
                    (hours is None or r["at"] >= NOW - hours * 60 * MINUTE)]
            if sequence_fits(steps, rows, [r for r in data["others"] if r["who"] == who]):
                members.append(str(who))
        if not members and rng.random() < 0.8:
            continue
        made += 1
        print(f"\n=== sequence {made}\nsegment s where {text}\n--- expect\ns: " + " ".join(members), file=out)


# ---- populations ----

def ranks(out):
    rng = random.Random(SEED + 6)
    print("# Made by make_cases.py: tops, bottoms and scores with ties, missing values and part populations.", file=out)
    print("=== preamble\nsegments of people\ntable people { id int key  v int?  x decimal(4,1)?  ok bool? }", file=out)
    print("table rows_of { who int links to people  d date time  n int? }\nsegment base where ok", file=out)
    print("--- as of 2026-11-01", file=out)
    for n in range(60):
        count = rng.choice([1, 2, 3, 5, 8, 13, 30])
        people = [{"id": i + 1, "v": rng.choice([None, *range(rng.choice([2, 5, 40]))]),
                   "x": rng.choice([None, Fraction(rng.randint(-30, 30), 2)]), "ok": rng.choice([True, True, False, None])}
                  for i in range(count)]
        rows = [{"who": rng.randint(1, count), "d": DAY - datetime.timedelta(days=rng.randint(1, 50)),
                 "n": rng.choice([None, 1, 2, 3, 50])} for _ in range(count * 2)]
        col, among = rng.choice(["v", "x"]), rng.random() < 0.4
        side = rng.choice(["top", "bottom"])
        share = rng.choice([None, Fraction(1, 10), Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1)])
        amount = rng.randint(1, 6)
        if share is not None:
            share = half_away(share, 4)
            asked = decimal_text(share * 100) + "%"
        else:
            asked = str(amount)
        population = [p for p in people if not among or p["ok"] is True]
        values = [p[col] for p in population if p[col] is not None]
        k = amount if share is None else -((-share.numerator * len(values)) // share.denominator)

        def is_in(p):
            if p not in population:
                return False
            if p[col] is None:
                return None
            return sum((v > p[col]) if side == "top" else (v < p[col]) for v in values) < k

        print(f"\n=== ranks {n + 1}\ntrait t = {col} in {side} {asked}{' among base' if among else ''}", file=out)
        q, method = rng.randint(2, 9), rng.choice(["", " method ranked", " method cume_dist", " method ntile", " method rfm_r"])
        print(f"rfm l from rows_of {{ recency {q} quantiles{method}  monetary {q} quantiles{method} of sum(n) }}", file=out)
        print("--- table people\nid,v,x,ok", file=out)
        for p in people:
            print(",".join("" if v is None else decimal_text(v) if isinstance(v, Fraction) else word(v) for v in p.values()),
                  file=out)
        print("--- table rows_of\nwho,d,n", file=out)
        for r in rows:
            print(f"{r['who']},{r['d']},{'' if r['n'] is None else r['n']}", file=out)
        print("--- expect\nt: " + " ".join(f"{p['id']}={word(is_in(p))}" for p in people), file=out)
        keys = sorted({r["who"] for r in rows})
        recency = {w: min((DAY - r["d"]).days for r in rows if r["who"] == w) for w in keys}
        money = {w: sum(r["n"] or 0 for r in rows if r["who"] == w) for w in keys}
        r_scores = scores({w: -recency[w] for w in keys}, recency, q, method.split()[-1] if method else "ranked", True)
        m_scores = scores(money, money, q, method.split()[-1] if method else "ranked", False)
        for name, of in (("r", r_scores), ("m", m_scores), ("recency", recency), ("monetary", money)):
            print(f"l.{name}: " + " ".join(f"{p['id']}={word(of.get(p['id']))}" for p in people), file=out)


def scores(goodness, raw, n, method, recency):
    """By key: the score of each; goodness: more is better."""
    values, size = list(goodness.values()), len(goodness)
    if method == "ranked":
        return {w: n if size == 1 else max(1, -(-sum(u < v for u in values) * n // (size - 1)))
                for w, v in goodness.items()}
    if method == "cume_dist":
        return {w: -(-n * sum(u <= v for u in values) // size) for w, v in goodness.items()}
    if method == "ntile":
        order = sorted(goodness, key=lambda w: (goodness[w], w))
        base, extra = divmod(size, n)
        groups = [g + 1 for g in range(n) for _ in range(base + (g < extra))]
        return dict(zip(order, groups))
    ordered = sorted(raw.values())
    cuts = []
    for j in range(1, n):
        place = Fraction((size - 1) * j, n)
        low = place.numerator // place.denominator
        high = min(low + 1, size - 1)
        cuts.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]) + 1)
    reached = {w: sum(c <= v for c in cuts) for w, v in raw.items()}
    return {w: n - c if recency else 1 + c for w, c in reached.items()}


# ---- a shop: links over several steps, rows that do not exist, definitions made of definitions, earlier instants ----

SHOP = """=== preamble
segments of customers
table customers { id int key  country string? fixed  since_day date time  quota int? fixed }
table products { sku int key  price decimal(5,2)?  cat string? }
table orders {
  nr int key  who int? links to customers  d date? time  amount decimal(6,2)?  status string?
  keep where status != "test"
}
table items { nr int? links to orders  sku int? links to products  qty int? }"""


class Shop:
    def __init__(self, rng):
        maybe = lambda p, v: None if rng.random() < p else v
        day = lambda: DAY + datetime.timedelta(days=rng.randint(-150, 5))
        self.customers = [{"id": i, "country": maybe(0.2, rng.choice(["DE", "AT", "FR"])),
                           "since_day": DAY + datetime.timedelta(days=rng.randint(-200, 3)),
                           "quota": maybe(0.2, rng.randint(0, 4))} for i in range(1, 13)]
        self.products = [{"sku": i, "price": maybe(0.2, Fraction(rng.randint(1, 9999), 100)),
                          "cat": maybe(0.2, rng.choice(["x", "y"]))} for i in range(1, 7)]
        self.orders = [{"nr": i, "who": maybe(0.05, rng.randint(1, 14)), "d": maybe(0.05, day()),
                        "amount": maybe(0.1, Fraction(rng.randint(0, 9999), 100)),
                        "status": maybe(0.1, rng.choice(["paid", "paid", "open", "test"]))} for i in range(1, 61)]
        self.items = [{"nr": maybe(0.03, rng.randint(1, 63)), "sku": maybe(0.1, rng.randint(1, 8)),
                       "qty": maybe(0.1, rng.randint(0, 6))} for _ in range(110)]
        customer = {c["id"]: c for c in self.customers}
        product = {p["sku"]: p for p in self.products}
        self.orders_there = [o for o in self.orders if o["status"] not in (None, "test")]
        order = {o["nr"]: o for o in self.orders_there}
        for o in self.orders:
            o["customers"] = customer.get(o["who"])
        for i in self.items:
            i["orders"] = order.get(i["nr"])
            i["products"] = product.get(i["sku"])
            i["customers"] = i["orders"] and i["orders"]["customers"]

    def rows(self, table, row, now):
        """The rows of an entity: a customer's orders or items, an order's items."""
        if table == "orders":
            return [o for o in self.orders_there if o["customers"] is row and o["d"] is not None and o["d"] < now]
        key = "orders" if "nr" in row else "customers"
        return [i for i in self.items if i["orders"] and i[key] is row and i["orders"]["d"] is not None and
                i["orders"]["d"] < now]

    def text(self):
        out = []
        for name, rows, cols in (("customers", self.customers, ("id", "country", "since_day", "quota")),
                                 ("products", self.products, ("sku", "price", "cat")),
                                 ("orders", self.orders, ("nr", "who", "d", "amount", "status")),
                                 ("items", self.items, ("nr", "sku", "qty"))):
            out.append(f"--- table {name}\n" + ",".join(cols))
            for r in rows:
                out.append(",".join("" if r[c] is None else decimal_text(r[c]) if isinstance(r[c], Fraction) else str(r[c])
                                    for c in cols))
        return "\n".join(out)


def compare(op, a, b):
    if a is None or b is None:
        return None
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


def read(*path):
    def run(row, now):
        for step in path:
            row = row and row[step] if isinstance(row, dict) or row is None else None
        return row
    return run


class Maker:
    """Definitions as (text, function of a row and the day in force)."""

    def __init__(self, rng, shop):
        self.rng, self.shop, self.defs = rng, shop, []

    def pick(self, *choices):
        return self.rng.choice(choices)()

    def number_test(self, text, f, values):
        op, k = self.rng.choice(["!=", "<", "<=", ">", ">="]), self.rng.choice(values)
        return f"{text} {op} {k}", lambda r, t: compare(op, f(r, t), Fraction(k))

    def text_test(self, text, f, values):
        k = self.rng.choice(values)
        if self.rng.random() < 0.3:
            return f"{text} is missing", lambda r, t: f(r, t) is None
        op, word_op = self.rng.choice([("=", "starts with"), ("!=", "!=")])  # two `=` that exclude each other are refused
        return f'{text} {word_op} "{k}"', lambda r, t: compare(op, f(r, t), k)

    def order_test(self, nested=True):
        tests = [lambda: self.text_test("status", read("status"), ["paid", "open"]),
                 lambda: self.number_test("amount", read("amount"), [5, 20, 50, 80]),
                 lambda: self.text_test("customers.country", read("customers", "country"), ["DE", "AT"]),
                 lambda: self.number_test("amount", read("amount"), [10, 90])]
        if nested:
            tests.append(lambda: self.number_test(*self.number("items", "an order"), [0, 1, 3, 8]))
        return self.logic(lambda: self.pick(*tests), 1)

    def item_test(self, inside_order=False):
        return self.logic(lambda: self.pick(
            lambda: self.number_test("qty", read("qty"), [0, 2, 4]),
            lambda: self.number_test("products.price", read("products", "price"), [10, 50, 90]),
            lambda: self.text_test("products.cat", read("products", "cat"), ["x", "y"]),
            lambda: self.number_test("orders.amount", read("orders", "amount"), [20, 60]),
            lambda: self.text_test("orders.status", read("orders", "status"), ["paid", "open"]),
            lambda: self.number_test("qty * products.price",
                                     lambda r, t: (lambda q, p: None if q is None or p is None else q * p)(
                                         r["qty"], read("products", "price")(r, t)), [30, 100])), 1)

    def logic(self, leaf, depth):
        if depth == 0 or self.rng.random() < 0.4:
            return leaf()
        a, fa = self.logic(leaf, depth - 1)
        kind = self.rng.choice(["and", "or", "not"])
        if kind == "not":
            return f"not ({a})", lambda r, t: k_not(fa(r, t))
        b, fb = self.logic(leaf, depth - 1)
        k = 2 if kind == "and" else 1
        return f"(({a}) {kind} ({b}))", lambda r, t: k_at_least(k, [fa(r, t), fb(r, t)])

    def window(self):
        n = self.rng.choice([10, 30, 60, 90])
        shift = lambda t, k: t - datetime.timedelta(days=k)
        return self.rng.choice([
            ("", lambda d, t: True), ("", lambda d, t: True),
            (f" in last {n} days", lambda d, t: shift(t, n) <= d < t),
            (f" before {n} days ago", lambda d, t: d < shift(t, n)),
            (" in previous month", lambda d, t: add_day(first_day(t, "month"), -1, "month") <= d < first_day(t, "month")),
        ])

    def number(self, table, at="a customer"):
        """An aggregate that is a number."""
        window, in_window = self.window()
        where, test = ("", None)
        if self.rng.random() < 0.6:
            c, test = self.order_test() if table == "orders" else self.item_test()
            where = f" where {c}"
        date = (lambda r: r["d"]) if table == "orders" else (lambda r: r["orders"]["d"])

        def chosen(row, t):
            return [r for r in self.shop.rows(table, row, t) if in_window(date(r), t) and
                    (test is None or test(r, t) is True)]
        value = "amount" if table == "orders" else "qty"

        def known(row, t):
            return [r[value] for r in chosen(row, t) if r[value] is not None]
        source = table + window + where
        kind = self.rng.choice(["count", "sum", "max", "distinct", "last"])
        if kind == "count":
            return f"count({source})", lambda r, t: len(chosen(r, t))
        if kind == "sum":
            return f"sum({value} of {source})", lambda r, t: sum(known(r, t), Fraction(0))
        if kind == "max":
            return f"max({value} of {source})", lambda r, t: max(known(r, t), default=None)
        if kind == "distinct":
            return f"distinct({value} of {source})", lambda r, t: len(set(known(r, t)))

        def last(row, t):
            rows = [(date(r), r[value]) for r in chosen(row, t) if r[value] is not None]
            return max(rows)[1] if rows else None
        return f"last({value} of {source})", last

    def customer_test(self):
        leaves = [lambda: self.number_test(*self.number("orders"), [0, 1, 2, 30, 100]),
                  lambda: self.number_test(*self.number("items"), [0, 1, 2, 5, 10]),
                  lambda: self.text_test("country", read("country"), ["DE", "AT"]),
                  lambda: self.number_test("quota", read("quota"), [1, 3])]
        segments = [d for d in self.defs if d[0] == "segment"]
        if segments:
            leaves += [lambda: (lambda d: (d[1], d[3]))(self.rng.choice(segments))] * 2
        text, f = self.logic(lambda: self.pick(*leaves), 2)
        if self.rng.random() < 0.25:
            n = self.rng.choice([20, 45, 100])
            return f"({text} as of {n} days ago)", lambda r, t: f(r, t - datetime.timedelta(days=n))
        return text, f

    def begun(self, f, otherwise):
        return lambda r, t: f(r, t) if r["since_day"] < t else otherwise

    def segment(self, name):
        text, f = self.customer_test()
        self.defs.append(("segment", name, f"segment {name} where {text}", self.begun(lambda r, t: f(r, t) is True, False)))

    def trait(self, name):
        text, f = self.number(self.rng.choice(["orders", "items"]))
        if self.rng.random() < 0.3:
            n = self.rng.choice([20, 45, 100])
            text, f = f"({text} as of {n} days ago)", (lambda g: lambda r, t: g(r, t - datetime.timedelta(days=n)))(f)
        self.defs.append(("trait", name, f"trait {name} = {text}", f))

    def rank(self, name):
        trait = self.rng.choice([d for d in self.defs if d[0] == "trait"])
        segments = [d for d in self.defs if d[0] == "segment"]
        among = self.rng.choice([None, *segments])
        k, side = self.rng.randint(1, 5), self.rng.choice(["top", "bottom"])
        value = trait[3]

        def f(row, t):
            population = [c for c in self.shop.customers if c["since_day"] < t and (among is None or among[3](c, t))]
            if not any(c is row for c in population):
                return False
            mine, others = value(row, t), [v for v in (value(c, t) for c in population) if v is not None]
            return None if mine is None else sum(v > mine if side == "top" else v < mine for v in others) < k
        behind = f" among {among[1]}" if among else ""
        self.defs.append(("trait_bool", name, f"trait {name} = {trait[1]} in {side} {k}{behind}", f))

    def tiers(self, name):
        rows = [(label, *self.customer_test()) for label in ("aa", "bb", "cc")]
        rest = self.rng.random() < 0.5
        text = "  ".join(f"{label} when {c}" for label, c, _ in rows) + ("  dd otherwise" if rest else "")

        def f(row, t):
            return next((label for label, _, test in rows if test(row, t) is True), "dd" if rest else None)
        self.defs.append(("tiers", name, f"tiers {name} {{ {text} }}", self.begun(f, None)))


def shop(out):
    rng = random.Random(SEED + 7)
    world = Shop(rng)
    print("# Made by make_cases.py: rule sets over a shop with orphans, rows that are not kept, and rows of the future.", file=out)
    print(SHOP + "\n" + world.text() + "\n--- as of 2026-11-01", file=out)
    people = [c for c in world.customers if c["since_day"] < DAY]
    for n in range(60):
        m = Maker(rng, world)
        m.trait("t1")
        m.segment("s1")
        m.segment("s2")
        m.tiers("w1")
        m.rank("k1")
        print(f"\n=== shop {n + 1}\n" + "\n".join(d[2] for d in m.defs) + "\n--- expect", file=out)
        for kind, name, _, f in m.defs:
            values = [(c["id"], f(c, DAY)) for c in people]
            if kind == "segment":
                print(f"{name}: " + " ".join(str(i) for i, v in values if v is True), file=out)
            else:
                print(f"{name}: " + " ".join(
                    f"{i}={decimal_text(Fraction(v)) if isinstance(v, (Fraction, int)) and not isinstance(v, bool) else word(v)}"
                    for i, v in values), file=out)


# ---- treatments: every step, one customer or one group of them after the other ----

TREAT_NOW = datetime.datetime(2026, 11, 1)
TREAT_TESTS = (("email_ok", lambda r: r["email_ok"]), ("sms_ok", lambda r: r["sms_ok"]),
               ("age >= 40", lambda r: compare(">=", r["age"], 40)), ("not complaint", lambda r: not r["complaint"]),
               ("spend < 200", lambda r: compare("<", r["spend"], 200)), ("house is missing", lambda r: r["house"] is None),
               ("id != \"\"", lambda r: True), ("not email_ok", lambda r: k_not(r["email_ok"])))
TREAT_RANKS = (("spend", lambda r: r["spend"]), ("age", lambda r: r["age"]), ("-age", lambda r: r["age"] and -r["age"]),
               ("count(sends)", lambda r: len(r["log"])), ("1", lambda r: 1), ("born", lambda r: r["born"]))


def treat_people(rng):
    maybe = lambda p, v: None if rng.random() < p else v
    people = [{"id": f"p{i}", "house": maybe(0.3, rng.choice(["h1", "h2", "h3"])), "email_ok": maybe(0.2, rng.random() < 0.7),
               "sms_ok": maybe(0.2, rng.random() < 0.5), "complaint": rng.random() < 0.2,
               "spend": maybe(0.2, Fraction(rng.randint(1, 8) * 5000, 100)), "age": maybe(0.2, rng.randint(3, 7) * 10),
               "born": maybe(0.2, datetime.date(rng.randint(1960, 1965), 1, 1)), "log": []} for i in range(1, 15)]
    log = []
    for _ in range(60):
        who, minutes = rng.choice(people), rng.randint(-1440, 30 * 1440)
        if rng.random() < 0.3:
            minutes = rng.choice([0, 1440, 3 * 1440, 7 * 1440, 10 * 1440])  # the instants at which windows begin and end
        row = {"who": who["id"], "at": TREAT_NOW - datetime.timedelta(minutes=minutes),
               "channel": maybe(0.1, rng.choice(["email", "sms", "post"])), "name": maybe(0.1, rng.choice(["t1", "t2", "t3", "was_t3"]))}
        log.append(row)
        if row["at"] < TREAT_NOW:
            who["log"].append(row)
    return people, log


def draw_number(salt, key):
    return int(hashlib.md5(f"{salt}:{key}".encode()).hexdigest()[:13], 16)


def drawn(salt, key, percent):
    return draw_number(salt, key) < -(-percent * 2**52 // 100)


def in_order(rows, rank, salt):
    """The value descending, who has none last, then h and key."""
    value = lambda r: (0, -(rank(r).toordinal() if isinstance(rank(r), datetime.date) else rank(r))) if rank(r) is not None else (1, 0)
    return sorted(rows, key=lambda r: (value(r), draw_number(salt, r["id"]), r["id"]))


def recent(row, days):
    return [x for x in row["log"] if x["at"] >= TREAT_NOW - datetime.timedelta(days=days)]


class Treatment:
    def __init__(self, rng, name, holdouts):
        one = lambda p: rng.random() < p
        self.name, self.lines = name, []
        self.target, self.member = rng.choice([("everybody", lambda r: True), ("large", lambda r: compare(">=", r["spend"], 200) is True),
                                               ("age_band = old", lambda r: compare(">=", r["age"], 50) is True),
                                               ("age_band = none", lambda r: r["age"] is None)])
        self.transactional = one(0.25)
        self.channels = [(c, rng.choice(TREAT_TESTS) if one(0.4) else None) for c in rng.sample(["email", "sms", "post"], rng.randint(1, 3))]
        self.exempt = [h for h in holdouts if one(0.3)]
        self.control = (rng.choice([10, 30, 60]), f"c-{name}") if one(0.4) else None
        self.again = rng.choice([1, 3, 7, 30]) if one(0.4) else None
        self.formerly = "was_t3" if name == "t3" and one(0.5) else None
        self.one_per = (rng.choice(["house", "complaint", "age"]), rng.choice(TREAT_RANKS)) if one(0.4) else None
        self.at_most = (rng.randint(1, 6), rng.choice(TREAT_RANKS)) if one(0.4) else None
        self.order_by = rng.choice(TREAT_RANKS) if one(0.3) else None
        self.active = not one(0.1)

    def text(self):
        lines = ["transactional"] if self.transactional else []
        lines += [f"channel {c}" + (f" when {w[0]}" if w else "") for c, w in self.channels]
        lines += [f"exempt from {h[0]}" for h in self.exempt]
        lines += [f"control {self.control[0]}% salt \"{self.control[1]}\""] if self.control else []
        lines += [f"again after {self.again} days"] if self.again else []
        lines += [f"formerly \"{self.formerly}\""] if self.formerly else []
        lines += [f"one per {self.one_per[0]}, highest {self.one_per[1][0]} first"] if self.one_per else []
        lines += [f"at most {self.at_most[0]}, highest {self.at_most[1][0]} first"] if self.at_most else []
        lines += [f"order by highest {self.order_by[0]} first"] if self.order_by else []
        during = "" if self.active else " during 2026-09-01 to 2026-10-31"
        return f"treatment {self.name} for {self.target}{during} {{\n  " + "\n  ".join(lines) + "\n}"

    def stops(self, world, r):
        """Why she is stopped before customers are weighed against each other, and her channel."""
        for name, test, because in world["exclusions"]:
            if test(r) is True:
                return f"{because or 'excluded'} by {name}", None
        for name, salt, percent, active in world["holdouts"]:
            mine = [h[0] for h in self.exempt]
            if active and not self.transactional and name not in mine and drawn(salt, r["id"], percent):
                return f"held out by {name}", None
        if self.control and drawn(self.control[1], r["id"], self.control[0]):
            return "control", None
        open_to_her = [c for c, when in self.channels if (when is None or when[1](r) is True) and
                       (self.transactional or world["consents"][c][1](r) is True)]
        if not open_to_her:
            agreed = [c for c, _ in self.channels if self.transactional or world["consents"][c][1](r) is True]
            return "no channel" if agreed else "no consent", None
        channel = open_to_her[0]
        for c, most, days in () if self.transactional else world["limits"]:
            if c == channel and sum(x["channel"] == c for x in recent(r, days)) >= most:
                return f"over the contact limit by {c}", None
        names = (self.name, self.formerly) if self.formerly else (self.name,)
        if self.again and any(x["name"] in names for x in recent(r, self.again)):
            return "again too soon", None
        return None, channel

    def run(self, world, active, used):
        salt = self.control[1] if self.control else ""
        answers, left, channels = {}, [], {}
        for r in filter(self.member, world["people"]):
            why, channel = ("not active", None) if not (active and self.active) else \
                (f"an earlier treatment by {used[r['id']]}", None) if r["id"] in used else self.stops(world, r)
            if why:
                answers[r["id"]] = why
            else:
                left.append(r)
                channels[r["id"]] = channel
        if self.one_per:
            best = {}
            for r in in_order(left, self.one_per[1][1], salt):
                best.setdefault(r[self.one_per[0]], r)
            for r in left:
                if r[self.one_per[0]] is not None and best[r[self.one_per[0]]] is not r:
                    answers[r["id"]] = f"another one per {self.one_per[0]}"
            left = [r for r in left if r["id"] not in answers]
        rank = self.order_by or (self.at_most and self.at_most[1]) or TREAT_RANKS[4]
        if self.at_most:
            most = in_order(left, self.at_most[1][1], salt)
            for r in most[self.at_most[0]:]:
                answers[r["id"]] = "over the number"
            left = most[:self.at_most[0]]
        for i, r in enumerate(in_order(left, rank[1], salt)):
            answers[r["id"]] = f"{channels[r['id']]}#{i + 1}"
        return answers


def treatments(out):
    rng = random.Random(SEED + 8)
    people, log = treat_people(rng)
    columns = ("id", "house", "email_ok", "sms_ok", "complaint", "spend", "age", "born")
    cell = lambda v: "" if v is None else decimal_text(v) if isinstance(v, Fraction) else word(v)
    print("# Made by make_cases.py: treatments with every kind of line, alone and in campaigns.", file=out)
    print("""=== preamble
segments of people
table people { id string key  house string?  email_ok bool?  sms_ok bool?  complaint bool  spend decimal(8,2)?  age int?  born date? }
table sends { who string links to people  at timestamp time  channel string?  name string? }
contact log sends by at, channel, name
segment everybody where id != ""
segment large where spend >= 200
tiers age_band by age { none when missing  old at least 50  young otherwise }""", file=out)
    print("--- table people\n" + ",".join(columns), file=out)
    for r in people:
        print(",".join(cell(r[c]) for c in columns), file=out)
    print("--- table sends\nwho,at,channel,name", file=out)
    for x in log:
        print(",".join([x["who"], x["at"].isoformat(), x["channel"] or "", x["name"] or ""]), file=out)
    print("--- as of 2026-11-01", file=out)
    for n in range(80):
        world = {"people": people, "consents": {c: rng.choice(TREAT_TESTS) for c in ("email", "sms", "post")},
                 "limits": [(rng.choice(["email", "sms", "post"]), rng.randint(1, 3), rng.choice([1, 3, 7, 10, 30]))
                            for _ in range(rng.randint(0, 3))],
                 "exclusions": [(f"x{i}", rng.choice(TREAT_TESTS[:5])[1], rng.choice([None, "because of this"]))
                                for i in range(rng.choice([0, 0, 1, 2]))],
                 "holdouts": [(f"h{i}", f"h-{n}-{i}", rng.choice([10, 25]), rng.random() < 0.8) for i in range(rng.choice([0, 1, 2]))]}
        text = [f"consent {c} when {t[0]}" for c, t in world["consents"].items()]
        text += [f"limit {c} at most {most} in {days} days" for c, most, days in world["limits"]]
        for name, test, because in world["exclusions"]:
            text.append(f"segment {name} where " + next(t for t, f in TREAT_TESTS if f is test))
            text.append(f"exclude {name} from all treatments" + (f" because \"{because}\"" if because else ""))
        text += [f"holdout {name} {percent}% of people salt \"{salt}\"" + ("" if active else " during 2026-09-01 to 2026-10-31")
                 for name, salt, percent, active in world["holdouts"]]
        all_of_them = [Treatment(rng, f"t{i + 1}", world["holdouts"]) for i in range(rng.randint(1, 4))]
        text += [t.text() for t in all_of_them]
        campaign = rng.sample(all_of_them, rng.randint(1, len(all_of_them))) if rng.random() < 0.6 else []
        active = rng.random() < 0.9
        if campaign:
            during = "" if active else " during 2026-11-02 to 2026-11-30"
            text.append(f"campaign k{during} {{ first of (" + ", ".join(t.name for t in campaign) + ") }")
        used, got = {}, {}
        for t in campaign:
            got[t.name] = t.run(world, active, used)
            for key, answer in got[t.name].items():
                if answer == "control" or "#" in answer:
                    used[key] = t.name
        print(f"\n=== treatments {n + 1}\n" + "\n".join(text) + "\n--- expect", file=out)
        for t in all_of_them:
            answers = got.get(t.name) or t.run(world, True, {})
            print(f"{t.name}:" + "".join(f" {r['id']}=\"{answers[r['id']]}\"" for r in people if r["id"] in answers), file=out)


for name, write in (("made_logic", logic), ("made_numbers", numbers), ("made_rows", rows_of), ("made_times", times),
                    ("made_sequences", sequences), ("made_ranks", ranks), ("made_shop", shop),
                    ("made_treatments", treatments)):
    with open(os.path.join(WHERE, name + ".case"), "w", encoding="utf-8") as f:
        write(f)
