#!/usr/bin/env python3
"""What an experiment promises: exact shares in every stratum of a million customers, and the same arm for everybody however the
rules around it are written.

run.py STRATA. Prints one line a promise.
"""
import csv
import hashlib
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from fractions import Fraction

STRATA = os.path.abspath(sys.argv[1])


def strata(*args):
    done = subprocess.run([STRATA, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{args}: exit status {done.returncode}\n{done.stderr}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ---- a million ----

MILLION = 1_000_000
STRATIFIED = """timezone "UTC"
table customers { customer_id int key  tier string?  region int  buyer bool }
segment buyers where buyer
trait tier_of = tier
trait region_of = region
holdout held 3% of customers salt "held"
experiment trial on buyers salt "wb-7" {
  arms { control 10%  ten_off 33.3%  twenty_off 50% }
  stratify by tier, region
}
"""
ARMS = [("control", Fraction(10, 100)), ("ten_off", Fraction(333, 1000)), ("twenty_off", Fraction(50, 100))]
TIERS = ["gold", "silver", "", "bronze", "silver"]


def shares_are_exact(folder):
    rows = "".join(f"{i},{TIERS[i * 7 % 13 % 5]},{i * i % 3},{'true' if i % 11 else 'false'}\n" for i in range(MILLION))
    data = os.path.dirname(write(f"{folder}/data/customers.csv", "customer_id,tier,region,buyer\n" + rows))
    rules = write(f"{folder}/rules.seg", STRATIFIED)
    for threads in "1", "2":
        strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--traits", "--threads", threads, "-o",
               f"{folder}/{threads}.csv")
    with open(f"{folder}/1.csv", "rb") as one, open(f"{folder}/2.csv", "rb") as two:
        assert one.read() == two.read(), "one thread deals otherwise than two"
    members, dealt, smallest = Counter(), Counter(), defaultdict(list)
    for row in read(f"{folder}/1.csv"):
        takes_part = row["buyers"] == "true" and row["held"] == "false"
        assert takes_part or not row["trial"], f"{row['customer_id']} has an arm and takes no part"
        stratum = row["tier_of"], row["region_of"]
        if takes_part:
            members[stratum] += 1
            dealt[stratum, row["trial"]] += 1
            smallest[stratum].append((int(row["customer_id"]), row["trial"]))
    assert len(members) == 8, members
    for stratum, n in members.items():
        share, before = Fraction(0), 0
        for arm, p in ARMS:
            share += p
            end = (share * n + Fraction(1, 2)).__floor__()
            assert dealt[stratum, arm] == end - before, f"{stratum} {arm}: {dealt[stratum, arm]} of {n}"
            before = end
        assert dealt[stratum, ""] == n - before
    stratum = min(members, key=members.get)
    in_order = sorted(smallest[stratum], key=lambda c: hashlib.md5(b"wb-7:%d" % c[0]).hexdigest()[:13])
    places = {"control": 0, "ten_off": 1, "twenty_off": 2, "": 3}
    order = [places[arm] for _, arm in in_order]
    assert order == sorted(order), f"{stratum} is not dealt in the order of what was drawn"
    print(f"exact shares in {len(members)} strata of {sum(members.values())} members, at one thread and at two")


# ---- the same arms however the rules are written ----

HEAD = """timezone "UTC"
segments of customers
table customers { customer_id string key  country string?  spend decimal(8,2)?  buyer bool }
table orders { customer_id string links to customers  amount decimal(8,2) }
"""
DEFINITIONS = [
    "segment {buyers} where buyer",
    "segment {spenders} where sum(amount of orders) >= 20",
    "tiers {worth} by spend { high top 20%  none when missing  low otherwise }",
    'holdout {held} 10% of customers salt "h-1"',
    'holdout {old} 7.5% of customers salt "h-2" hash launchdarkly',
    'experiment {plain} on {buyers} salt "e-1" { arms { control 10%  one 45%  two 40% } }',
    'experiment {foreign} on {buyers} salt "e-2" hash growthbook { arms { control 50%  one 50% }  exempt from {old} }',
    'experiment {even} on {buyers} salt "e-3" { arms { control 20%  one 30%  two 50% }  stratify by {worth}, country }',
    'experiment {inner} on {spenders} salt "e-4" { arms { control 50%  one 50% } }',
    'experiment {other} on {buyers} salt "e-5" { arms { control 33.3%  one 66.7% }  stratify by country }',
    'layer {spring} salt "l-1" { {inner} 50%  {other} 40% }',
    'segment {sampled} where sample 5% salt "s-1"',
]
NAMES = ["buyers", "spenders", "worth", "held", "old", "plain", "foreign", "even", "inner", "other", "spring", "sampled"]
DRAWN = ["held", "old", "plain", "foreign", "even", "inner", "other", "sampled"]
MORE = [
    "segment a_first where country = \"DE\"",
    'experiment a_trial on a_first salt "x-1" { arms { control 50%  z_arm 50% }  stratify by country }',
    'segment z_last where sample 50% salt "x-2"',
    "trait a_trait = count(orders)",
    "tiers m_tiers { many when a_trait > 2  few otherwise }",
    "overlay z_plan on a_first by m_tiers { call otherwise }",
]


def named(definitions, name):
    out = []
    for text in definitions:
        for n in NAMES:
            text = text.replace("{" + n + "}", name(n))
        out.append(text)
    return out


def plain(n):
    return n


def variants():
    """(what was done, files, names of the definitions)."""
    yield "as written", {"rules.seg": [HEAD, *named(DEFINITIONS, plain)]}, plain
    yield "renamed", {"rules.seg": [HEAD, *named(DEFINITIONS, lambda n: f"z{len(n)}_{n[::-1]}")]}, lambda n: f"z{len(n)}_{n[::-1]}"
    yield "renamed, in the order of other names", {"rules.seg": [HEAD, *named(DEFINITIONS, lambda n: "a" + n)]}, lambda n: "a" + n
    yield "reversed", {"rules.seg": [*named(DEFINITIONS, plain)[::-1], HEAD]}, plain
    for by in 3, 5, 7:
        order = named(DEFINITIONS, plain)[by:] + named(DEFINITIONS, plain)[:by]
        yield f"turned by {by}", {"rules.seg": [HEAD, *order]}, plain
    yield "more in front", {"rules.seg": [HEAD, *MORE, *named(DEFINITIONS, plain)]}, plain
    yield "more behind", {"rules.seg": [HEAD, *named(DEFINITIONS, plain), *MORE]}, plain
    mixed = [text for pair in zip(named(DEFINITIONS, plain), MORE * 2) for text in pair]
    yield "more between", {"rules.seg": [HEAD, *dict.fromkeys(mixed)]}, plain
    yield "in many files", {f"{99 - i}/part{i}.seg": [text] for i, text in enumerate([HEAD, *named(DEFINITIONS, plain)])}, plain
    yield "renamed, reversed, with more, in files", {
        f"f{i}.seg": [text] for i, text in enumerate([*named(DEFINITIONS, lambda n: "q_" + n)[::-1], *MORE, HEAD])
    }, lambda n: "q_" + n


def assignments(folder, files, name, data, compiled):
    for path, texts in files.items():
        write(f"{folder}/rules/{path}", "\n".join(texts) + "\n")
    rules = f"{folder}/rules"
    if compiled:
        strata("compile", rules, "-o", f"{folder}/rules.segb")
        rules = f"{folder}/rules.segb"
    strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", f"{folder}/out.csv")
    return {row["customer_id"]: tuple(row[name(n)] for n in DRAWN) for row in read(f"{folder}/out.csv")}


def nobody_moves(folder):
    n = 3000
    customers = "".join(f"c{i},{['DE', 'AT', '', 'FR'][i * i % 7 % 4]},{i * 37 % 1000 if i % 9 else ''},"
                        f"{'true' if i % 4 else 'false'}\n" for i in range(n))
    orders = "".join(f"c{i * 31 % n},{i % 23}.50\n" for i in range(2 * n))
    write(f"{folder}/data/customers.csv", "customer_id,country,spend,buyer\n" + customers)
    write(f"{folder}/data/orders.csv", "customer_id,amount\n" + orders)
    first, count = None, 0
    for i, (what, files, name) in enumerate(variants()):
        for compiled in (False, True) if i % 4 == 0 else (False,):
            found = assignments(f"{folder}/{i}{compiled}", files, name, f"{folder}/data", compiled)
            first, count = first or found, count + 1
            moved = [key for key in first if found[key] != first[key]]
            assert not moved, f"{what}: {len(moved)} of {n} moved, such as {moved[0]}: {first[moved[0]]}, {found[moved[0]]}"
    for i, draw in enumerate(DRAWN):
        values = Counter(row[i] for row in first.values())
        assert len(values) > 1 and min(values.values()) > 30, f"{draw} shows nothing: {values}"
    print(f"the same arms for {n} customers in {count} ways to write the rules")


def main():
    for check in shares_are_exact, nobody_moves:
        with tempfile.TemporaryDirectory() as folder:
            check(folder)


main()
