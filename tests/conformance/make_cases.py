#!/usr/bin/env python3
"""Cases that are too many to work out by hand: formulas over every combination of truth and missing, exact arithmetic,
rows of a few customers. The meaning is written here a second time, from docs/language.md, in plain Python.

    python3 tests/conformance/make_cases.py      writes cases/made_*.case anew
"""
import datetime
import itertools
import os
import random
from collections import Counter
from fractions import Fraction

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


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
    rng = random.Random(1)
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
    rng = random.Random(2)
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
        if text.count("/") > 1 or not any(c in text for c in "nmde"):
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
    rng = random.Random(3)
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


for name, write in (("made_logic", logic), ("made_numbers", numbers), ("made_rows", rows_of)):
    with open(os.path.join(HERE, name + ".case"), "w", encoding="utf-8") as f:
        write(f)
