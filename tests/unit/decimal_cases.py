"""Writes decimal_cases.h: exact arithmetic as Python's integers and fractions do it.

Run it again only to add cases: python3 tests/unit/decimal_cases.py > tests/unit/decimal_cases.h
"""
import random
import struct
from fractions import Fraction

LIMIT = 10 ** 38


def rounded(f):  # half away from zero
    n = (2 * abs(f.numerator) + f.denominator) // (2 * f.denominator)
    return n if f >= 0 else -n


def text(v, scale):
    if abs(v) >= LIMIT:
        return "none"
    s = str(abs(v)).rjust(scale + 1, "0")
    return ("-" if v < 0 else "") + (s[:-scale] + "." + s[-scale:] if scale else s)


rnd = random.Random(11)


def pick():
    scale = rnd.choice([0, 0, 2, 2, 3, 6, 12, 19, 30, 37])
    digits = rnd.choice([1, 2, 5, 9, 18, 19, 25, 37, 38])
    v = rnd.choice([rnd.randrange(10 ** digits), 10 ** digits - 1, 5 * 10 ** (digits - 1), 10 ** (digits - 1)])
    return rnd.choice([1, -1]) * v, scale


print("/* Written by decimal_cases.py; see there. */")
print("static const struct decimal_case {\n    const char *a, *b, *sum, *difference, *product, *quotient, *a_to_3;\n"
      "    int order;\n    double a_double;\n} decimal_cases[] = {")
cases = [((2, 0), (3, 0)), ((1, 0), (0, 0)), ((-5, 1), (10, 0)), ((1, 12), (2, 0)), ((-1, 12), (2, 0)), ((LIMIT - 1, 0), (1, 38)),
         ((LIMIT - 1, 38), (1, 0)), ((1, 38), (LIMIT - 1, 0)), ((LIMIT - 1, 38), (LIMIT - 1, 38)), ((100, 2), (1, 0)),
         ((-(LIMIT - 1), 0), (5, 1)), ((9007199254740993, 0), (9007199254740993, 1))]
cases += [(pick(), pick()) for _ in range(200)]
for (a, sa), (b, sb) in cases:
    s = max(sa, sb)
    fa, fb = Fraction(a, 10 ** sa), Fraction(b, 10 ** sb)
    q = "none" if b == 0 else text(rounded(fa / fb * 10 ** 12), 12)
    row = [text(a, sa), text(b, sb), text(int((fa + fb) * 10 ** s), s), text(int((fa - fb) * 10 ** s), s),
           text(a * b, sa + sb), q, text(rounded(fa * 1000), 3)]
    strings = ", ".join(f'"{r}"' for r in row)
    print(f"    {{{strings}, {(fa > fb) - (fa < fb)}, {float(fa).hex()}}},")
print("};")
print("static const struct {\n    double v;\n    const char *text;\n} double_cases[] = {")


def shortest(v):
    mantissa, exponent = f"{v!r}", 0
    if "e" in mantissa:
        mantissa, e = mantissa.split("e")
        exponent = int(e)
    sign = "-" if mantissa.startswith("-") else ""
    mantissa = mantissa.lstrip("-")
    whole, _, part = mantissa.partition(".")
    digits = whole + part
    exponent -= len(part)
    stripped = digits.lstrip("0").rstrip("0")
    exponent += len(digits) - len(digits.rstrip("0"))
    if 1e-6 <= abs(v) < 1e15:
        if exponent >= 0:
            return sign + stripped + "0" * exponent
        d = stripped.rjust(1 - exponent, "0")
        return sign + d[:exponent] + "." + d[exponent:]
    return sign + stripped[0] + ("." + stripped[1:] if len(stripped) > 1 else "") + "e" + str(exponent + len(stripped) - 1)


values = [1.0, 0.1, -0.25, 1e15, 999999999999999.9, 1e-6, 9.999e-7, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308,
          123456.789, 100.0, -1e22, 1 / 3, 2 / 3, 4.35, 9007199254740993.0, 1e-5, 0.3, 2.5e-310, 123456789012345.6]
while len(values) < 120:
    v = struct.unpack("<d", rnd.randbytes(8))[0]
    if v == v and abs(v) != float("inf"):
        values.append(v)
    values.append(round(rnd.uniform(-1e6, 1e6), rnd.randrange(12)))
for v in values:
    print(f'    {{{v.hex()}, "{shortest(v)}"}},')
print("};")
