#!/usr/bin/env python3
"""Writes case_table.inc: the case mappings of Unicode that take one character to one character, as runs of code points. A
character whose other case is written with several (the capital I with a dot, the sharp s) stays as it is.

Run it only to move to another Unicode version, on purpose: lower(), upper() and `ignoring case` follow the table,
so a change of the table is a change of the language.
"""
import sys
import unicodedata


def mapping(fold):
    out = {}
    for cp in range(0x110000):
        if 0xD800 <= cp < 0xE000:
            continue
        other = fold(chr(cp))
        if len(other) == 1 and ord(other) != cp:
            out[cp] = ord(other)
    return out


def runs(table):
    """(first, last, step, delta): the code points first, first + step … last map to themselves + delta."""
    out = []
    for cp in sorted(table):
        delta = table[cp] - cp
        if out:
            first, last, step, d = out[-1]
            gap = cp - last
            if d == delta and gap <= 2 and (step == 0 or step == gap):
                out[-1] = (first, cp, gap, d)
                continue
        out.append((cp, cp, 0, delta))
    return [(f, l, s or 1, d) for f, l, s, d in out]


def write(name, table):
    print(f"static const struct case_run {name}[] = {{")
    for f, l, s, d in runs(table):
        print(f"    {{0x{f:04X}, 0x{l:04X}, {s}, {d}}},")
    print("};")


print(f"/* Written by make_case_table.py from Unicode {unicodedata.unidata_version}; do not edit. */")
write("lower_runs", mapping(str.lower))
write("upper_runs", mapping(str.upper))
sys.exit(0)
