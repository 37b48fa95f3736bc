#!/usr/bin/env python3
"""The command from outside: exit statuses, messages, files that are written whole or not at all.

run.py STRATA. Prints `N passed, N failed, N skipped`; cases that read or write Parquet are skipped where the command was built
without Arrow.
"""
import collections
import csv
import datetime
import hashlib
import json
import os
import random
import re
import stat
import subprocess
import sys
import tempfile

STRATA = os.path.abspath(sys.argv[1])
CASES = []
RULES = """timezone "UTC"
table customers { customer_id int key  name string?  joined date time }
table orders { customer_id int links to customers  on_day date time  amount decimal(8,2) }
param big = 50
segment spenders where sum(amount of orders) >= big
trait spend = sum(amount of orders)
tiers stage { buyer when any(orders)  visitor otherwise }
"""
CUSTOMERS = "customer_id,name,joined\n1,Ann,2026-01-05\n2,,2026-02-05\n3,\"\",2026-03-05\n"
ORDERS = "customer_id,on_day,amount\n1,2026-05-01,30.00\n1,2026-06-01,20.00\n2,2026-06-02,5.00\n9,2026-06-03,1.00\n"


def case(function):
    CASES.append(function)
    return function


class Skip(Exception):
    pass


def strata(*args, status=0, env=None, cwd=None):
    done = subprocess.run([STRATA, *args], capture_output=True, text=True, check=False, env={**os.environ, **(env or {})},
                          cwd=cwd)
    if "built without Apache Arrow" in done.stderr:
        raise Skip(done.stderr.strip())
    assert status is None or done.returncode == status, f"{args}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def has(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in:\n{text}"


def lay(folder, rules=RULES, customers=CUSTOMERS, orders=ORDERS):
    """A rule file and a folder of data; their paths."""
    data = os.path.join(folder, "data")
    os.makedirs(data, exist_ok=True)
    for path, text in [("rules.seg", rules), ("data/customers.csv", customers), ("data/orders.csv", orders)]:
        with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
            file.write(text)
    return os.path.join(folder, "rules.seg"), data


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


# ---- the frame ----

@case
def version_and_help(_):
    assert re.fullmatch(r"strata \d+\.\d+\.\d+\n", strata("--version").stdout)
    has(strata("--help").stdout, "run", "check", "compile", "snapshot", "generate")
    for verb in ("run", "check", "compile", "snapshot", "generate"):
        assert strata("help", verb).stdout == strata(verb, "--help").stdout
        has(strata("help", verb).stdout, "Usage: strata " + verb, "Examples:")
    has(strata(status=1).stderr, "Usage")


@case
def near_names(_):
    has(strata("rnu", status=1).stderr, "Did you mean run?")
    has(strata("frobnicate", status=1).stderr, "strata help")
    has(strata("run", "x", "--dta", "y", status=1).stderr, "Did you mean --data?")
    has(strata("run", "x", "--as_of=y", status=1).stderr, "Did you mean --as-of?")
    has(strata("check", "x", "--frob", status=1).stderr, "no option --frob")


@case
def wrong_usage(folder):
    rules, data = lay(folder)
    has(strata("run", status=1).stderr, "Usage: strata run")
    has(strata("check", rules, rules, status=1).stderr, "no further word")
    has(strata("run", rules, "--data", status=1).stderr, "needs a value")
    has(strata("run", rules, "--data", data, "--as-of", "2026-07-01", "--as-of", "x", status=1).stderr, "twice")
    has(strata("run", rules, "--data", data, "--as-of", "yesterday", status=1).stderr, "not a day or an instant")
    has(strata("run", rules, "--data", data, "--threads", "0", status=1).stderr, "from 1 to")
    has(strata("run", rules, "--data", data, "--long=yes", status=1).stderr, "takes no value")
    has(strata("compile", rules, status=1).stderr, "--emit")
    has(strata("check", os.path.join(folder, "none.seg"), status=1).stderr, "none.seg cannot be read")
    has(strata("check", data, status=1).stderr, "no .seg file")


# ---- check and compile ----

@case
def check_says_what_is_wrong(folder):
    rules, _ = lay(folder)
    has(strata("check", rules).stdout, "0 errors")
    rules, _ = lay(folder, RULES.replace(">= big", ">= bigg"))
    out = strata("check", rules, status=2).stdout
    has(out, "rules.seg:5:", "bigg", "Did you mean big?", "1 error")
    assert "\033" not in out
    found = __import__("json").loads(strata("check", rules, "--format", "json", status=2).stdout)
    assert "bigg" in str(found), found
    has(strata("check", rules, "--format", "xml", status=1).stderr, "text or json")


@case
def a_folder_is_one_rule_set(folder):
    text = RULES.splitlines(True)
    os.makedirs(os.path.join(folder, "rules", "deeper"))
    for name, part in [("b.seg", text[4:]), ("deeper/a.seg", text[:4]), ("notes.txt", ["not a rule"]), (".hidden.seg", ["?"])]:
        with open(os.path.join(folder, "rules", name), "w", encoding="utf-8") as file:
            file.writelines(part)
    has(strata("check", os.path.join(folder, "rules")).stdout, "0 errors")


@case
def compile_shows_every_floor(folder):
    rules, _ = lay(folder)
    for what in ("tokens", "ast", "program", "ir", "plan", "bytecode"):
        assert len(strata("compile", rules, "--emit", what).stdout) > 100, what
    has(strata("compile", rules, "--emit", "poem", status=1).stderr, "tokens, ast, program")


@case
def compiled_rules_run_alike(folder):
    rules, data = lay(folder)
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "-o", compiled)
    args = ("--data", data, "--as-of", "2026-07-01")
    assert strata("run", rules, *args).stdout == strata("run", compiled, *args).stdout
    has(strata("run", compiled, *args, "--set", "big=1", status=1).stderr, "compiled")
    has(strata("run", compiled, *args, "--traits", status=1).stderr, "--traits")
    strata("compile", rules, "--traits", "-o", compiled)
    strata("run", compiled, *args, "--traits")
    with open(compiled, "r+b") as file:
        file.seek(40)
        file.write(b"\xff\xff\xff\xff")
    has(strata("run", compiled, *args, status=1).stderr, "rules.segb")


@case
def errors_stop_a_compilation(folder):
    rules, _ = lay(folder, RULES + "segment spenders where true\n")
    target = os.path.join(folder, "x.segb")
    strata("compile", rules, "-o", target, status=1)
    assert not os.path.exists(target)


# ---- run ----

@case
def run_prints_counts(folder):
    rules, data = lay(folder)
    done = strata("run", rules, "--data", data, "--as-of", "2026-07-01")
    has(done.stdout, "As of 2026-07-01", "customers", "spenders", "33.3%", "\n  buyer", "66.7%")
    has(done.stderr, "1 row of orders has a customer_id that no row of customers has")
    assert "\033" not in done.stdout + done.stderr and "█" not in done.stdout
    early = strata("run", rules, "--data", data, "--as-of", "2026-05-15").stdout
    assert re.search(r"^spenders +0 ", early, re.M), early


@case
def run_writes_files(folder):
    rules, data = lay(folder)
    args = ("run", rules, "--data", data, "--as-of", "2026-07-01")
    out, counts = os.path.join(folder, "out.csv"), os.path.join(folder, "counts.csv")
    strata(*args, "-o", out, "--counts", counts)
    assert read(counts) == "definition,label,customers\nspenders,in,1\nstage,buyer,2\nstage,visitor,1\n", read(counts)
    assert read(out) == "customer_id,spenders,stage\n1,true,buyer\n2,false,buyer\n3,false,visitor\n", read(out)
    strata(*args, "-o", out, "--long")
    assert read(out).splitlines() == ["entity,definition,label", "1,spenders,in", "1,stage,buyer", "2,stage,buyer",
                                      "3,stage,visitor"], read(out)
    strata(*args, "-o", out, "--traits")
    has(read(out), "spend", "1,true,50.00,buyer")
    lines = os.path.join(folder, "out.jsonl")
    strata(*args, "-o", lines)
    has(read(lines).splitlines()[0], '"customer_id":1', '"stage":"buyer"')
    strata(*args, "-o", os.path.join(folder, "out.parquet"))
    strata(*args, "-o", os.path.join(folder, "out"), "--format", "csv")
    has(strata(*args, "-o", os.path.join(folder, "out.doc"), status=1).stderr, "out.doc")


@case
def outputs_that_cannot_be_are_refused_before_the_work(folder):
    rules, data = lay(folder, orders=ORDERS.replace("20.00", "twenty"))  # the work would fail, and say so
    args = ("run", rules, "--data", data)
    has(strata(*args, "-o", os.path.join(folder, "out.doc"), status=1).stderr, "format is not clear")
    has(strata(*args, "-o", os.path.join(folder, "no", "out.csv"), status=1).stderr, "cannot be written")
    has(strata(*args, "--counts", os.path.join(folder, "no", "out.csv"), status=1).stderr, "cannot be written")
    has(strata(*args, "-o", "-", "--format", "parquet", status=1).stderr, "Name a file")
    has(strata(*args, "-o", "-", "--format", "csv", "--counts", "-", status=1).stderr, "Name a file")


@case
def standard_output_is_for_programs_where_they_ask(folder):
    rules, data = lay(folder)
    args = ("run", rules, "--data", data, "--as-of", "2026-07-01")
    done = strata(*args, "-o", "-", "--format", "csv")
    assert done.stdout == "customer_id,spenders,stage\n1,true,buyer\n2,false,buyer\n3,false,visitor\n", done.stdout
    has(done.stderr, "As of 2026-07-01", "spenders")
    assert strata(*args, "--counts", "-").stdout.startswith("definition,label,customers\n")


@case
def threads_never_show(folder):
    rules, data = lay(folder)
    outs = []
    for n in ("1", "2", "7"):
        out = os.path.join(folder, n + ".csv")
        strata("run", rules, "--data", data, "--as-of", "2026-07-01", "--threads", n, "-o", out)
        outs.append(read(out))
    assert outs[0] == outs[1] == outs[2]


@case
def parameters_and_single_tables(folder):
    rules, data = lay(folder)
    other = os.path.join(folder, "more.csv")
    with open(other, "w", encoding="utf-8") as file:
        file.write(ORDERS + "3,2026-06-05,500.00\n")
    args = ("run", rules, "--data", data, "--as-of", "2026-07-01")
    assert re.search(r"^spenders +2 ", strata(*args, "--set", "big=5").stdout, re.M)
    assert re.search(r"^spenders +2 ", strata(*args, "--data", "orders=" + other).stdout, re.M)
    has(strata(*args, "--set", "bigg=5", status=1).stderr, "bigg")
    has(strata(*args, "--set", "big", status=1).stderr, "name=value")
    has(strata(*args, "--data", "order=" + other, status=1).stderr, "no table order")
    has(strata("run", rules, status=1).stderr, "--data")


@case
def data_that_contradict_the_rules(folder):
    rules, data = lay(folder, orders=ORDERS.replace("20.00", "twenty"))
    has(strata("run", rules, "--data", data, status=1).stderr, "orders.csv", "row 2", "amount", "twenty")
    lay(folder, customers=CUSTOMERS + "1,Eve,2026-01-01\n")
    has(strata("run", rules, "--data", data, status=1).stderr, "customers.csv", "customer_id")
    lay(folder, orders=ORDERS.replace("amount", "amuont"))
    has(strata("run", rules, "--data", data, status=1).stderr, "amount")
    os.remove(os.path.join(data, "customers.csv"))
    has(strata("run", rules, "--data", data, status=1).stderr, "customers")


@case
def overlays_name_small_cells_and_idle_actions(folder):
    with open(os.path.join(folder, "plan.seg"), "w", encoding="utf-8") as file:
        file.write("table people { id int key  city string  v int }\nsegment core where v > 0\n"
                   "overlay plan on core by city { min size 2  call when v > 100  never when v > 1000  wait otherwise }\n")
    with open(os.path.join(folder, "people.csv"), "w", encoding="utf-8") as file:
        file.write("id,city,v\n1,A,5\n2,A,500\n3,B,5\n4,B,0\n")
    for rules in ("plan.seg", "plan.segb"):
        path, counts = os.path.join(folder, rules), os.path.join(folder, "counts.csv")
        if rules.endswith(".segb"):
            strata("compile", os.path.join(folder, "plan.seg"), "-o", path)
        done = strata("run", path, "--data", folder, "--as-of", "2026-11-01", "--counts", counts)
        has(done.stderr, "1 cell of plan has fewer than 2 members: core.B (1).", "Nobody has the action never of plan.")
        assert read(counts).splitlines() == ["definition,label,customers", "core,in,3", "plan,call,1", "plan,wait,2",
                                             "plan.cell,core.A,2", "plan.cell,core.B,1"], read(counts)


@case
def hours_at_the_start_of_a_day_are_noted(folder):
    rules, data = lay(folder, RULES.replace("joined date time", "joined timestamp time") +
                      "segment fresh where joined in last 3 hours\n")
    args = ("run", rules, "--data", data, "--as-of")
    has(strata(*args, "2026-07-01").stderr, "hours")
    assert "hours" not in strata(*args, "2026-07-01T10:00").stderr


@case
def what_fails_leaves_files_alone(folder):
    rules, data = lay(folder)
    out = os.path.join(folder, "out.csv")
    with open(out, "w", encoding="utf-8") as file:
        file.write("as it was")
    lay(folder, orders=ORDERS.replace("20.00", "twenty"))
    strata("run", rules, "--data", data, "-o", out, "--counts", out, status=1)
    assert read(out) == "as it was"
    if os.geteuid() != 0:
        lay(folder)
        os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        strata("run", rules, "--data", data, "-o", os.path.join(folder, "new.csv"), status=1)
        os.chmod(folder, stat.S_IRWXU)
    strata("run", rules, "--data", data, "-o", os.path.join(folder, "no", "such", "out.csv"), status=1)
    assert not [name for name in os.listdir(folder) if "part" in name]


# ---- generate ----

@case
def the_same_numbers_make_the_same_shop(folder):
    a, b, c = (os.path.join(folder, name) for name in "abc")
    for target, seed in ((a, "1"), (b, "1"), (c, "2")):
        strata("generate", "retail", "--customers", "300", "--seed", seed, "--format", "csv", "-o", target)
    for table in ("customers", "orders", "events"):
        one, two, three = (read(os.path.join(d, table + ".csv")) for d in (a, b, c))
        assert one == two and one != three, table
    days = [line.split(",")[2] for line in read(os.path.join(a, "orders.csv")).splitlines()[1:]]
    assert days == sorted(days) and len(days) > 1500
    has(strata("generate", "retail", status=1).stderr, "-o DIR")
    has(strata("generate", "wholesale", "-o", a, status=1).stderr, "retail")
    has(strata("generate", "retail", "-o", a, "--customers", "10_000_000", "--orders-per-customer", "100", status=1).stderr,
        "most there can be")


DECLARED = """timezone "America/New_York"
segments of people
table people {
  person_id  int        key
  email      string?    pii
  phone      string     pii
  country    string?    one of ("DE", "AT", "CH")
  plan       string
  score      float?     between 0 and 1
  level      int        between 3 and 7
  rebate     decimal(5,2)  between 0.05 and 0.95
  born_on    date?      fixed
  joined_at  timestamp  time
  lat        decimal(9,6)?
  lon        decimal(9,6)?
  interests  list of string
  marks      list of int
  sponsor_id int?       links to people
}
table products { sku string key  price decimal(10,2)  in_stock bool }
table orders {
  order_id   string     key
  person_id  int        links to people
  ordered_at timestamp  time
  booked_at  timestamp  recorded
  due_on     date       planned
  paid_on    date?      changes
  status     string
  amount     decimal(12,2)
}
table items { order_id string links to orders  sku string? links to products  quantity int }
trait spent = sum(amount of orders where status = "paid")
segment big where spent >= 3000 or plan = "gold" or interests contains "chess"
segment many where count(items where quantity >= 6 and products.price < 9) >= 2
"""


@case
def data_for_a_rule_set_keep_its_declarations(folder):
    rules, data, other = (os.path.join(folder, name) for name in ("rules.seg", "data", "other"))
    with open(rules, "w", encoding="utf-8") as file:
        file.write(DECLARED)
    args = ("generate", "--from", rules, "--customers", "800", "--as-of", "2026-11-01", "--format", "csv", "-o")
    strata(*args, data)
    strata(*args, other)
    rows = {}
    for table in ("people", "products", "orders", "items"):
        text = read(os.path.join(data, table + ".csv"))
        assert text == read(os.path.join(other, table + ".csv")), table
        rows[table] = list(csv.DictReader(text.splitlines()))
    strata(*args, other, "--seed", "2")
    assert read(os.path.join(data, "orders.csv")) != read(os.path.join(other, "orders.csv"))
    people, orders, items = rows["people"], rows["orders"], rows["items"]
    assert len(people) == 800 and len(rows["products"]) > 10
    by_id = {p["person_id"]: p for p in people}
    order_of = {o["order_id"]: o for o in orders}
    assert len(by_id) == 800 and len(order_of) == len(orders)
    for p in people:
        assert p["country"] in ("", "DE", "AT", "CH") and p["plan"] and 3 <= int(p["level"]) <= 7
        assert p["score"] == "" or 0 <= float(p["score"]) <= 1
        assert 0.05 <= float(p["rebate"]) <= 0.95 and p["joined_at"] < "2026-11-01T04"
        assert p["email"] == "" or re.fullmatch(r"[a-z0-9.]+@[a-z.]+", p["email"]) and p["phone"].startswith("+49 ")
        assert p["born_on"] == "" or "1930" < p["born_on"] < "2009"
        assert p["sponsor_id"] == "" or p["sponsor_id"] in by_id
        assert (p["lat"] == "" or 45 < float(p["lat"]) < 56) and (p["lon"] == "" or 0 < float(p["lon"]) < 19)
    for column in ("email", "country", "score", "born_on", "sponsor_id"):
        assert 30 < sum(p[column] == "" for p in people) < 300, column
    for o in orders:
        assert by_id[o["person_id"]]["joined_at"] <= o["ordered_at"] < "2026-11-01T04"
        assert o["booked_at"] > o["ordered_at"] and o["due_on"] >= o["ordered_at"][:10]
        assert o["paid_on"] == "" or o["paid_on"] <= "2026-11-01"
    assert any(o["due_on"] > "2026-11-02" for o in orders) and any(o["paid_on"] == "" for o in orders)
    skus = {p["sku"] for p in rows["products"]}
    assert all(i["order_id"] in order_of and (i["sku"] in skus or i["sku"] == "") for i in items)
    assert any(i["sku"] == "" for i in items)
    each = collections.Counter(o["person_id"] for o in orders)
    assert len(each) < 780 and max(each.values()) > 4 * len(orders) / 800, "all alike"
    printed = []
    for form in ("csv", "jsonl", "parquet"):
        strata("generate", "--from", rules, "--rows", "800", "--as-of", "2026-11-01", "--format", form, "-o",
               os.path.join(folder, form))
        printed.append(strata("run", rules, "--data", os.path.join(folder, form), "--as-of", "2026-11-01").stdout)
    assert printed[0] == printed[1] == printed[2]
    for segment in ("big", "many"):
        n = int(re.search(rf"^{segment} +([\d,]+)", printed[0], re.M).group(1))
        assert 0 < n < 800, printed[0]


@case
def few_customers_make_data_that_fit_each_other(folder):
    for customers in ("1", "2", "5"):
        for name in ("marketplace", "b2b", "saas"):
            data = os.path.join(folder, name + customers)
            strata("generate", name, "--customers", customers, "-o", data)
            rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", name)
            has(strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--allow-failed-checks", status=None).stdout, "As of")


@case
def places_that_rules_speak_of_are_lived_at(folder):
    rules, data = os.path.join(folder, "rules.seg"), os.path.join(folder, "data")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("""place sydney = (-33.87, 151.21)
        segments of people
        table people { person_id int key  north float?  east float? }
        table shops { shop_id int key  lat decimal(7,4)  lon decimal(7,4) }
        segment near where north is known and east is known and distance(north, east, sydney) <= 50 km
        segment shoppers where north is known and east is known and distance(north, east, nearest shops) <= 10 km
        """)
    strata("generate", "--from", rules, "--rows", "500", "-o", data)
    said = strata("run", rules, "--data", data).stdout
    for segment in ("near", "shoppers"):
        n = int(re.search(rf"^{segment} +(\d+)", said, re.M).group(1))
        assert 50 < n < 450, said


@case
def data_end_at_the_instant(folder):
    rules, _ = lay(folder)
    data = os.path.join(folder, "made")
    strata("generate", "--from", rules, "--as-of", "1999-03-01T12:00", "--rows", "300", "--format", "csv", "-o", data)
    days = [line.split(",")[1] for line in read(os.path.join(data, "orders.csv")).splitlines()[1:]]
    assert days and max(days) < "1999-03-01T12" and "1995" < min(days)


@case
def generate_says_what_it_cannot_do(folder):
    rules, _ = lay(folder)
    out = os.path.join(folder, "out")
    has(strata("generate", "-o", out, status=1).stderr, "--from")
    has(strata("generate", "retail", "--from", rules, "-o", out, status=1).stderr, "not both")
    has(strata("generate", "reatil", "-o", out, status=1).stderr, "Did you mean retail?")
    has(strata("generate", "--from", rules, status=1).stderr, "-o DIR")
    has(strata("generate", "--from", rules, "-o", out, "--as-of", "soon", status=1).stderr, "neither a day nor an instant")
    has(strata("generate", "--from", rules, "-o", out, "--as-of", "0001-05-05", status=1).stderr, "1900")
    has(strata("generate", "--from", rules, "-o", out, "--rows", "5", "--customers", "5", status=1).stderr, "mean the same")
    has(strata("generate", "--from", rules, "-o", out, "--orders-per-customer", "5", status=1).stderr, "retail only")
    has(strata("generate", "retail", "-o", out, "--as-of", "2026-01-01", status=1).stderr, "2026-10-31")
    has(strata("generate", "retail", "-o", out, "--format", "xlsx", status=1).stderr, "parquet, csv or jsonl")
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "-o", compiled)
    has(strata("generate", "--from", compiled, "-o", out, status=1).stderr, ".seg files")
    has(strata("generate", "--from", os.path.join(folder, "nothing"), "-o", out, status=1).stderr, "nothing")
    broken = os.path.join(folder, "broken.seg")
    with open(broken, "w", encoding="utf-8") as file:
        file.write("segment a where b\n")
    has(strata("generate", "--from", broken, "-o", out, status=2).stderr, "error")
    with open(broken, "w", encoding="utf-8") as file:
        file.write("param a = 3\n")
    has(strata("generate", "--from", broken, "-o", out, status=1).stderr, "no table")
    assert not os.path.exists(out)
    has(strata("help", "generate").stdout, "retail", "saas", "--from")


@case
def the_example_runs_from_csv_and_parquet(folder):
    rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "retail")
    printed = []
    for form in ("csv", "parquet"):
        data = os.path.join(folder, form)
        strata("generate", "retail", "--customers", "500", "--format", form, "-o", data)
        printed.append(strata("run", rules, "--data", data, "--as-of", "2026-11-01").stdout)
    assert printed[0] == printed[1]
    has(printed[0], "lifecycle", "champions")


@case
def a_parquet_file_of_several_row_groups_holds_what_was_answered(folder):
    """Read back by id: every row has the answers of its own customer, on both sides of pages and row groups."""
    data, rows, cut = os.path.join(folder, "data"), (1 << 20) + 70_003, (1 << 20) + 5
    os.makedirs(data)
    with open(os.path.join(data, "people.csv"), "w", encoding="utf-8") as file:
        file.write("id,n\n" + "".join(f"{i},{i if i % 3 else ''}\n" for i in range(rows)))
    asked, read = os.path.join(folder, "asked.seg"), os.path.join(folder, "read.seg")
    edge = "(id >= 65530 and id < 65541) or id = 0 or id >= %d" % cut
    with open(asked, "w", encoding="utf-8") as file:
        file.write("table people { id int key  n int? }\nsegment edge where %s\nsegment everybody where id >= 0\n"
                   "segment nobody where id < 0\nsegment odd where n is missing\ntrait number = n\n"
                   "tiers half { late when id >= 700001  early otherwise }\n" % edge)
    with open(read, "w", encoding="utf-8") as file:
        file.write("table out { id int key  edge bool  everybody bool  nobody bool  odd bool  number int?  half string }\n"
                   "segment edges where edge\nsegment wrong where edge != (%s) or not everybody or nobody\n"
                   "segment wrong_number where odd != (number is missing) or (number is known and number != id)\n"
                   "segment wrong_half where (half = \"late\") != (id >= 700001)\nsegment rows where id >= 0\n" % edge)
    written = set()
    for threads in ("1", "3"):
        out, counts = os.path.join(folder, "out.parquet"), os.path.join(folder, "counts.csv")
        strata("run", asked, "--data", data, "--traits", "--threads", threads, "-o", out)
        with open(out, "rb") as file:
            written.add(hashlib.sha256(file.read()).hexdigest())
        strata("run", read, "--data", "out=" + out, "--counts", counts)
        with open(counts, encoding="utf-8") as file:
            found = {row["definition"]: int(row["customers"]) for row in csv.DictReader(file)}
        assert found == {"edges": 12 + rows - cut, "wrong": 0, "wrong_number": 0, "wrong_half": 0, "rows": rows}, found
    assert len(written) == 1, "the bytes depend on the threads"


@case
def parquet_columns_are_packed_or_not_and_keys_are_any_numbers(folder):
    """Answers like drawn ones all along, from the second piece of rows on and only before it, and rare ones; no rows, one, several pieces."""
    rules = {"mixed": "n in (1, 2, 4, 7, 9, 10, 12, 15)", "late": "n in (9, 10, 12, 15)", "early": "n in (1, 2, 4, 7)", "rare": "n = 11"}
    asked, read = os.path.join(folder, "asked.seg"), os.path.join(folder, "read.seg")
    with open(asked, "w", encoding="utf-8") as file:
        file.write("table people { id int key  n int }\ntrait number = n\ntrait copy = id\n"
                   + "".join(f"segment {name} where {rule}\n" for name, rule in rules.items()))
    with open(read, "w", encoding="utf-8") as file:
        file.write("table out { id int key  number int  copy int  " + "  ".join(name + " bool" for name in rules) + " }\n"
                   + "".join(f"segment wrong_{name} where {name} != ({rule.replace('n ', 'number ', 1)})\n" for name, rule in rules.items())
                   + "segment there where copy = id\n")
    for rows in (0, 1, 7, 70_001, 140_000):
        data, out, counts = (os.path.join(folder, f"{rows}{end}") for end in (".csv", ".parquet", ".counts.csv"))
        ids = [i * 0x9E3779B97F4A7C15 % (1 << 64) - (1 << 63) for i in range(1, rows + 1)]
        with open(data, "w", encoding="utf-8") as file:
            file.write("id,n\n" + "".join(f"{k},{hashlib.md5(b'%d' % k).digest()[0] % 8 + (8 if i >= 66_000 else 0)}\n"
                                         for i, k in enumerate(ids)))
        written = set()
        for threads in ("1", "3"):
            strata("run", asked, "--data", "people=" + data, "--traits", "--threads", threads, "-o", out)
            with open(out, "rb") as file:
                written.add(hashlib.sha256(file.read()).hexdigest())
        assert len(written) == 1, "the bytes depend on the threads"
        strata("run", read, "--data", "out=" + out, "--counts", counts)
        with open(counts, encoding="utf-8") as file:
            found = {row["definition"]: int(row["customers"]) for row in csv.DictReader(file)}
        assert found == {**{"wrong_" + name: 0 for name in rules}, "there": rows}, (rows, found)


@case
def rows_of_csv_are_counted_over_quotes_line_ends_and_blocks(folder):
    data, rules = os.path.join(folder, "data"), os.path.join(folder, "rules.seg")
    os.makedirs(data)
    with open(rules, "w", encoding="utf-8") as file:
        file.write("table people { id int key  name string?  n int }\nsegment all_there where n = id\n")
    texts = ["a", '"b,b"', '"c\n""c"', "", '"d\r\n"', "e" * 300, 'f"f']
    for end in ("\n", "\r\n", "\r"):
        rows = [f"{i},{texts[i % len(texts)]},{i}{end}{end if i % 11 == 0 else ''}" for i in range(1, 90_001)]  # over 4 MiB
        def write(lines):
            with open(os.path.join(data, "people.csv"), "w", encoding="utf-8", newline="") as file:
                file.write("id,name,n" + end + "".join(lines))
        write(rows)
        has(strata("run", rules, "--data", data).stdout, "all_there       90,000   100.0%")
        for at, broken, values in ((2, "2,x", 2), (89_999, "89999,x,1,2", 4)):
            write(rows[:at - 1] + [broken + end] + rows[at:])
            has(strata("run", rules, "--data", data, status=1).stderr, f"row {at}: the row has {values} values, but the header names 3")


# ---- several entities ----

TWO = RULES.replace("table orders { customer_id int", """segments of customers
table orders { order_id int key  customer_id int""") + """segment large of orders where amount >= 20
tiers size of orders { much when large  little otherwise }
segment large_buyers where any(orders where large)
segment of_ann of orders where customers.name = "Ann"
"""
TWO_ORDERS = "order_id,customer_id,on_day,amount\n10,1,2026-05-01,30.00\n11,1,2026-06-01,20.00\n12,2,2026-06-02,5.00\n"


@case
def several_entities_are_written_into_a_folder(folder):
    rules, data = lay(folder, rules=TWO, orders=TWO_ORDERS)
    out = os.path.join(folder, "out")
    missing = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", os.path.join(folder, "x.csv"), status=1)
    has(missing.stderr, "customers, orders", "-o has to name a folder")
    early = strata("run", rules, "--data", os.path.join(folder, "nowhere"), "-o", os.path.join(folder, "x.csv"), status=1)
    has(early.stderr, "-o has to name a folder")
    strata("run", rules, "--data", data, "--only", "spenders", "-o", os.path.join(folder, "one.csv"))
    assert not os.path.exists(os.path.join(folder, "x.csv"))
    os.mkdir(out)
    done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", out, "--format", "csv", "--counts",
                  os.path.join(folder, "counts.csv"))
    assert sorted(os.listdir(out)) == ["customers.csv", "orders.csv"]
    assert read(os.path.join(out, "orders.csv")) == ("order_id,large,size,of_ann\n10,true,much,true\n11,true,much,true\n"
                                                    "12,false,little,false\n")
    has(read(os.path.join(out, "customers.csv")), "customer_id,spenders,stage,large_buyers\n1,true,buyer,true\n")
    has(read(os.path.join(folder, "counts.csv")), "large,in,2\n", "large_buyers,in,1\n", "size,little,1\n")
    assert re.search(r"^customers +3\n", done.stdout, re.M) and re.search(r"^orders +3\n", done.stdout, re.M), done.stdout
    strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", out, "--format", "csv", "--long")
    has(read(os.path.join(out, "orders.csv")), "entity,definition,label\n10,large,in\n10,size,much\n10,of_ann,in\n")


# ---- treatments ----

TREATED = RULES.replace("name string?", "name string?  email string? pii  phone string? pii  mails bool  calls bool  joined_again date?") + """
consent email when mails
exclude ann from all treatments because "has complained"
segment ann where customer_id = 1
segment everybody where joined is known
treatment offer for everybody {
  channel email
  channel `tele/phone` when calls
  order by highest customer_id first
  send name, sha256(email) as "em", sha256(phone) as "Phone"
}
treatment thanks for spenders { transactional  channel email }
audience fans from everybody { send sha256(email) as "Email", name }
"""
TREATED = TREATED.replace("consent email", "consent `tele/phone` when calls\nconsent email").replace("  joined_again date?", "")
PEOPLE = ("customer_id,name,email,phone,mails,calls,joined\n1,Ann,ann@x.org,,true,true,2026-01-05\n"
          "2,=cmd,B.O+b@gmail.com,0049 30 1234567,true,false,2026-02-05\n3,Cy,,,false,true,2026-03-05\n"
          "4,Di,di@x.org,,false,false,2026-03-06\n5,+49 30 1,e@x.org,1,true,false,2026-03-07\n")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def run_treated(folder, *args, rules=TREATED, people=PEOPLE, status=0):
    path, data = lay(folder, rules=rules, customers=people)
    return strata("run", path, "--data", data, "--as-of", "2026-11-01", *args, status=status)


@case
def treatments_say_who_gets_what_and_why_not(folder):
    out = os.path.join(folder, "t.csv")
    done = run_treated(folder, "--treatments", out)
    assert read(out) == ("customer_id,treatment,channel,arm,order,reason,by\n1,offer,,,,has complained,ann\n2,offer,email,treated,3,,\n"
                         "3,offer,tele/phone,treated,2,,\n4,offer,,,,no consent,\n5,offer,email,treated,1,,\n"
                         "1,thanks,,,,has complained,ann\n"), read(out)
    has(done.stdout, "Treatments\noffer ", "  not: has complained (ann) ", "  not: no consent ")
    assert re.search(r"^offer +3 +60.0%$", done.stdout, re.M), done.stdout
    assert re.search(r"^thanks +0 +0.0%\n  email +0 +0.0%$", done.stdout, re.M), done.stdout
    piped = run_treated(folder, "--treatments", "-", "--format", "csv")
    assert piped.stdout == read(out)
    has(piped.stderr, "Treatments\noffer ")
    plain = run_treated(folder)
    assert "Treatments" not in plain.stdout, plain.stdout


@case
def activation_writes_a_file_for_each_channel_and_audience(folder):
    out = os.path.join(folder, "out")
    run_treated(folder, "--activate", out)
    assert sorted(os.listdir(out)) == ["fans.csv", "offer.email.csv", "offer.tele%2Fphone.csv", "thanks.email.csv"], os.listdir(out)
    assert read(os.path.join(out, "offer.email.csv")) == (
        f"customer_id,name,em,Phone\n5,+49 30 1,{digest('e@x.org')},{digest('+1')}\n"
        f"2,'=cmd,{digest('b.o+b@gmail.com')},{digest('+49301234567')}\n")
    assert read(os.path.join(out, "offer.tele%2Fphone.csv")) == "customer_id,name,em,Phone\n3,Cy,,\n"
    assert read(os.path.join(out, "thanks.email.csv")) == "customer_id\n"
    assert read(os.path.join(out, "fans.csv")) == (
        f"Email,name\n{digest('ann@x.org')},Ann\n{digest('bo@gmail.com')},'=cmd\n,Cy\n{digest('di@x.org')},Di\n"
        f"{digest('e@x.org')},+49 30 1\n")


@case
def compiled_rules_treat_and_activate_as_their_text_does(folder):
    path, data = lay(folder, rules=TREATED, customers=PEOPLE)
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", path, "-o", compiled)
    for rules, name in ((path, "text"), (compiled, "bytes")):
        strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--activate", os.path.join(folder, name), "--treatments",
               os.path.join(folder, name + ".csv"))
    assert read(os.path.join(folder, "text.csv")) == read(os.path.join(folder, "bytes.csv"))
    for file in os.listdir(os.path.join(folder, "text")):
        assert read(os.path.join(folder, "text", file)) == read(os.path.join(folder, "bytes", file)), file


@case
def personal_data_leaves_only_where_it_is_sent(folder):
    out = os.path.join(folder, "out")
    done = run_treated(folder, "--activate", out, "--treatments", os.path.join(folder, "t.csv"), "-o", os.path.join(folder, "o.csv"),
                       "--traits")
    texts = done.stdout + done.stderr + read(os.path.join(folder, "t.csv")) + read(os.path.join(folder, "o.csv"))
    texts += "".join(read(os.path.join(out, name)) for name in os.listdir(out))
    assert "@" not in texts and "1234567" not in texts, texts


@case
def activation_replaces_files_whole_or_not_at_all(folder):
    out = os.path.join(folder, "out")
    run_treated(folder, "--activate", out)
    with open(os.path.join(out, "other.csv"), "w", encoding="utf-8") as file:
        file.write("mine")
    with open(os.path.join(out, "fans.csv"), "w", encoding="utf-8") as file:
        file.write("old")
    run_treated(folder, "--activate", out)
    has(read(os.path.join(out, "fans.csv")), "Email,name\n")
    assert read(os.path.join(out, "other.csv")) == "mine"
    os.remove(os.path.join(out, "thanks.email.csv"))
    os.mkdir(os.path.join(out, "thanks.email.csv"))
    with open(os.path.join(out, "fans.csv"), "w", encoding="utf-8") as file:
        file.write("old")
    done = run_treated(folder, "--activate", out, status=1)
    has(done.stderr, "thanks.email.csv is a folder")
    assert read(os.path.join(out, "fans.csv")) == "old"
    assert sorted(os.listdir(out)) == ["fans.csv", "offer.email.csv", "offer.tele%2Fphone.csv", "other.csv", "thanks.email.csv"]


@case
def wrong_uses_of_treatments_are_said_before_the_run(folder):
    plain, data = lay(folder)
    run = ("run", plain, "--data", data, "--as-of", "2026-11-01")
    has(strata(*run, "--treatments", os.path.join(folder, "t.csv"), status=1).stderr, "there is no treatment in the rule set")
    has(strata(*run, "--activate", os.path.join(folder, "out"), status=1).stderr,
        "there is no treatment and no audience in the rule set")
    has(run_treated(folder, "--only", "everybody", "--treatments", os.path.join(folder, "t.csv"), status=1).stderr,
        "there is no treatment in what --only or --due chooses")
    file = os.path.join(folder, "file")
    with open(file, "w", encoding="utf-8") as handle:
        handle.write("mine")
    has(run_treated(folder, "--activate", file, status=1).stderr, "this is a file", "Name a folder")
    has(run_treated(folder, "--activate", os.path.join(folder, "no", "such"), status=1).stderr, "cannot be written there", "No such file")
    has(run_treated(folder, "--activate", "", status=1).stderr, "cannot be written there")
    has(run_treated(folder, "--treatments", os.path.join(folder, "t.xyz"), status=1).stderr, "its format is not clear")
    both = run_treated(folder, "--treatments", "-", "-o", "-", "--format", "csv", status=1)
    has(both.stderr, "--output and --treatments cannot both go to standard output")
    assert both.stdout == ""
    assert not os.path.exists(os.path.join(folder, "out")) and read(file) == "mine"
    if os.geteuid() != 0:
        shut = os.path.join(folder, "shut")
        os.mkdir(shut, 0o500)
        has(run_treated(folder, "--activate", shut, status=1).stderr, "Permission denied")


@case
def treatments_of_several_entities_are_written_into_a_folder(folder):
    rules = TWO + """consent email of orders when amount >= 6
consent email when customer_id < 3
treatment ask for size = much { channel email }
treatment thanks for spenders { channel email }
"""
    path, data = lay(folder, rules=rules, orders=TWO_ORDERS)
    run, out = ("run", path, "--data", data, "--as-of", "2026-11-01"), os.path.join(folder, "out")
    wrong = strata(*run, "--treatments", os.path.join(folder, "t.csv"), status=1)
    has(wrong.stderr, "the treatments are of several entities", "has to name a folder")
    assert not os.path.exists(os.path.join(folder, "t.csv"))
    os.mkdir(out)
    strata(*run, "--treatments", out, "--format", "csv", "--activate", os.path.join(folder, "files"))
    assert sorted(os.listdir(out)) == ["customers.treatments.csv", "orders.treatments.csv"], os.listdir(out)
    has(read(os.path.join(out, "orders.treatments.csv")), "order_id,treatment,", "10,ask,email,treated,")
    assert read(os.path.join(out, "customers.treatments.csv")) == (
        "customer_id,treatment,channel,arm,order,reason,by\n1,thanks,email,treated,1,,\n")
    assert sorted(os.listdir(os.path.join(folder, "files"))) == ["ask.email.csv", "thanks.email.csv"]


@case
def changes_only_needs_something_to_compare_with(folder):
    rules = TREATED.replace('as "Email", name }', 'as "Email", name  changes only }')
    done = run_treated(folder, "--activate", os.path.join(folder, "out"), rules=rules, status=1)
    has(done.stderr, "the audience fans gives changes only", "--previous FILE")
    run_treated(folder, "--treatments", os.path.join(folder, "t.csv"), rules=rules)


@case
def changes_since_an_earlier_output_are_joiners_and_leavers(folder):
    rules = TREATED.replace('from everybody { send sha256(email) as "Email", name }',
                            'from callers { send sha256(email) as "Email", name  changes only }')
    rules += "segment callers where calls\ntiers way { rings when calls  writes otherwise }\n"
    rules += 'audience writers from way = writes { send name  changes only }\n'
    out, then = os.path.join(folder, "out"), os.path.join(folder, "then.csv")
    run_treated(folder, "-o", then, rules=rules)
    with open(then, "a", encoding="utf-8") as file:
        file.write("77,false,visitor,false,true,true,rings\n88,false,visitor,false,true,false,writes\n")
    has(read(then), "customer_id,spenders,stage,ann,everybody,callers,way\n")
    people = PEOPLE.replace("true,true,2026-01-05", "true,false,2026-01-05")
    people = people.replace("false,false,2026-03-06", "false,true,2026-03-06")
    done = run_treated(folder, "--activate", out, "--previous", then, rules=rules, people=people)
    has(done.stderr, "1 who left fans is not in the data any more", "1 who left writers is not in the data any more")
    assert read(os.path.join(out, "fans.joined.csv")) == f"Email,name\n{digest('di@x.org')},Di\n"
    assert read(os.path.join(out, "fans.left.csv")) == f"Email,name\n{digest('ann@x.org')},Ann\n"
    assert read(os.path.join(out, "writers.joined.csv")) == "name\nAnn\n"
    assert read(os.path.join(out, "writers.left.csv")) == "name\nDi\n"
    assert "fans.csv" not in os.listdir(out)
    counts, answer = os.path.join(folder, "counts.csv"), os.path.join(folder, "now.csv")
    run_treated(folder, "--counts", counts, rules=rules)
    wrong = run_treated(folder, "--activate", out, "--previous", counts, "-o", answer, rules=rules, status=1)
    has(wrong.stderr, "The audience fans gives changes only", "who was in callers then")
    assert not os.path.exists(answer)


# ---- lists ----

@case
def lists_lie_beside_the_rules(folder):
    rules, data = lay(folder, RULES + 'list press of customers from "lists/press.csv"\nsegment open where not press\n')
    has(strata("check", rules, status=2).stdout, "E0830", "lists/press.csv cannot be read: No such file")
    os.makedirs(os.path.join(folder, "lists", "odd.csv"))
    with open(os.path.join(folder, "lists", "press.csv"), "w", encoding="utf-8") as file:
        file.write("customer_id\r\n1\r\n77\r\n")
    done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--counts", "-")
    has(done.stdout, "open,in,2")
    has(done.stderr, "1 of the 2 keys on the list press is in nobody's data.")
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "-o", compiled)
    os.remove(os.path.join(folder, "lists", "press.csv"))
    again = strata("run", compiled, "--data", data, "--as-of", "2026-11-01", "--counts", "-")
    assert again.stdout == done.stdout and again.stderr == done.stderr
    os.mkfifo(os.path.join(folder, "lists", "press.csv"))
    has(strata("check", rules, status=2).stdout, "it is no plain file")
    for path in ["../press.csv", "/etc/passwd", "lists/../../press.csv"]:
        lay(folder, RULES + f'list press of customers from "{path}"\nsegment open where not press\n')
        has(strata("check", folder, status=2).stdout, "E0831", "does not lie in the folder of the rule set")
    lay(folder, RULES + 'list press of customers from "lists/odd.csv"\nsegment open where not press\n')
    has(strata("check", folder, status=2).stdout, "it is no plain file")
# ---- the catalogue, and what is asked for ----

CATALOGUE = """timezone "UTC"
table customers { customer_id int key  name string?  joined date time }
table orders { customer_id int links to customers  on_day date time  amount decimal(8,2) }
param big = 50
param some = ("a", "b")
rows fresh = orders in last 30 days
trait spend = sum(amount of orders)
/// Spends a lot.
/// And "often".
segment spenders "Big spenders" {
  owner "crm@example.com"  goal "Keep them"  kpi repeat_rate  refresh daily  version 3
  review by 2026-06-30  formerly "rich"  tags ("value", "core")
  where spend >= big
}
tiers stage { refresh hourly  buyer when any(fresh)  visitor otherwise }
segment named_ones { refresh yearly  where name is known }
segment others where not spenders
"""


def listed(text):
    return {d["name"]: d for d in json.loads(text)["definitions"]}


@case
def list_shows_the_catalogue(folder):
    rules, _ = lay(folder, rules=CATALOGUE)
    found = listed(strata("list", rules, "--format", "json").stdout)
    assert list(found) == ["big", "some", "fresh", "spend", "spenders", "stage", "named_ones", "others"]
    assert found["spenders"] == {
        "name": "spenders", "kind": "segment", "entity": "customers", "type": "bool", "labels": [], "value": None,
        "title": "Big spenders", "doc": "Spends a lot.\nAnd \"often\".", "owner": "crm@example.com", "goal": "Keep them",
        "kpi": "repeat_rate", "refresh": "daily", "version": 3, "review_by": "2026-06-30", "formerly": "rich",
        "tags": ["value", "core"], "file": rules, "line": 10, "output": True, "library": False,
        "columns": ["customers.joined"], "uses": ["big", "spend"], "used_by": ["others"],
        "checks": 0, "tests": 0}
    assert (found["big"]["value"], found["some"]["value"]) == ("50", '("a", "b")')
    assert (found["big"]["entity"], found["big"]["output"], found["spend"]["output"]) == (None, False, True)
    assert found["stage"]["labels"] == ["buyer", "visitor"] and found["fresh"]["entity"] == "orders"
    assert found["fresh"]["columns"] == ["orders.on_day"] and found["fresh"]["used_by"] == ["stage"]
    tables = json.loads(strata("list", rules, "--format", "json").stdout)["tables"]
    assert tables[1]["columns"][0] == {"name": "customer_id", "type": "int", "key": False, "links_to": "customers", "needed": True}
    text = strata("list", rules).stdout
    has(text, "customers\n  KIND     NAME        REFRESH  OWNER            PLACE", "Big spenders\n", "of no table\n",
        "8 definitions, 4 of them given out by a run, 0 checks\n")
    card = strata("list", rules, "spenders").stdout
    has(card, "segment spenders of customers\n", "  doc        Spends a lot.\n             And \"often\".\n", "  review by  2026-06-30\n",
        "  tags       value, core\n", "  uses       big, spend\n", "  used by    others\n")
    assert not any(line.endswith(" ") for line in (text + card).splitlines())


@case
def the_catalogue_of_compiled_rules_is_the_same(folder):
    rules, _ = lay(folder, rules=CATALOGUE)
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "--traits", "-o", compiled)
    for args in [], ["spenders"], ["--format", "json"], ["--only", "others"], ["--due", "daily"]:
        a = strata("list", rules, *args).stdout
        b = strata("list", compiled, *args).stdout
        if "json" not in args:
            assert a == b, f"{args}:\n{a}\n{b}"
        else:
            assert json.loads(a)["definitions"] == json.loads(b)["definitions"]


@case
def list_wrongly_used(folder):
    rules, _ = lay(folder, rules=CATALOGUE)
    has(strata("list", rules, "spender", status=1).stderr, "defines no spender. Did you mean spenders?")
    has(strata("list", rules, "xyzzy", status=1).stderr, "Without a name, strata list shows all")
    has(strata("list", rules, "--format", "xml", status=1).stderr, "Choose text or json")
    has(strata("list", rules, "big", "--format", "json", status=1).stderr, "leave out big")
    has(strata("list", os.path.join(folder, "nowhere"), status=1).stderr, "nowhere cannot be read")
    broken, _ = lay(folder, rules=CATALOGUE + "segment x where nme is known\n")
    done = strata("list", broken, status=1)
    has(done.stderr, "E0202", "Did you mean name?")
    assert done.stdout == ""


@case
def only_runs_what_is_named(folder):
    rules, data = lay(folder, rules=CATALOGUE)
    out = os.path.join(folder, "out.csv")
    os.remove(os.path.join(data, "orders.csv"))
    run = ["run", rules, "--data", data, "--as-of", "2026-06-10", "-o", out]
    strata(*run, "--only", "named_ones")
    assert read(out) == "customer_id,named_ones\n1,true\n2,false\n3,true\n"
    has(strata(*run, "--only", "spenders", status=1).stderr, "orders")
    lay(folder, rules=CATALOGUE)
    strata(*run, "--only", "named_ones", "--only", "spend")
    assert read(out) == "customer_id,spend,named_ones\n1,50.00,true\n2,5.00,false\n3,0.00,true\n"
    strata(*run, "--only", "others")
    assert read(out).startswith("customer_id,others\n")
    compiled = os.path.join(folder, "few.segb")
    strata("compile", rules, "--only", "others", "--only", "stage", "-o", compiled)
    strata("run", compiled, "--data", data, "--as-of", "2026-06-10", "-o", out)
    assert read(out).startswith("customer_id,stage,others\n")
    strata("run", compiled, "--data", data, "--as-of", "2026-06-10", "-o", out, "--only", "stage")
    assert read(out).startswith("customer_id,stage\n")
    has(strata("run", compiled, "--data", data, "--only", "spenders", status=1).stderr, "left out when the rules were compiled")
    strata("compile", rules, "-o", compiled)
    has(strata("run", compiled, "--data", data, "--only", "spend", status=1).stderr, "spend is a trait", "--traits")
    strata("compile", rules, "--traits", "-o", compiled)
    strata("run", compiled, "--data", data, "--as-of", "2026-06-10", "-o", out, "--only", "spend")
    assert read(out) == "customer_id,spend\n1,50.00\n2,5.00\n3,0.00\n"
    before = read(out)
    has(strata(*run, "--only", "spender", status=1).stderr, "defines no spender. Did you mean spenders")
    has(strata(*run, "--only", "big", status=1).stderr, "big is a param, which no run gives out")
    has(strata(*run, "--only", "stage", "--due", "daily", status=1).stderr, "not by both")
    has(strata("check", rules, "--only", "spender", status=1).stdout + strata("check", rules, "--only", "spender", status=1).stderr,
        "Did you mean spenders")
    assert read(out) == before


@case
def due_runs_what_is_due(folder):
    rules, data = lay(folder, rules=CATALOGUE)
    out = os.path.join(folder, "out.csv")
    run = ["run", rules, "--data", data, "--as-of", "2026-06-10", "-o", out]
    for word, columns in [("hourly", "stage"), ("daily", "spenders,stage"), ("weekly", "spenders,stage"),
                          ("yearly", "spenders,stage,named_ones")]:
        strata(*run, "--due", word)
        assert read(out).split("\n")[0] == "customer_id," + columns, word
    has(strata(*run, "--due", "dayly", status=1).stderr, "dayly is no rhythm. Did you mean daily?")
    only, data = lay(folder, rules=RULES)
    has(strata("run", only, "--data", data, "--due", "daily", status=1).stderr, "Nothing is due daily")
    wrong, _ = lay(folder, rules=CATALOGUE.replace("refresh daily", "refresh nightly"))
    has(strata("check", wrong, status=2).stdout, "E0820", "nightly does not say how often", "Choose hourly, daily")


@case
def what_is_past_its_review_is_noted(folder):
    rules, data = lay(folder, rules=CATALOGUE)
    run = ["run", rules, "--data", data, "--as-of"]
    note = "note: spenders was to be reviewed by crm@example.com until 2026-06-30."
    assert note not in strata(*run, "2026-06-30").stderr
    has(strata(*run, "2026-07-01").stderr, note)
    assert note not in strata(*run, "2026-07-01", "--only", "stage").stderr
    assert "review" not in strata("check", rules).stdout


LIBRARY = {
    "tables.seg": """timezone "UTC"
table customers { customer_id int key  name string?  joined date time }
table orders { customer_id int links to customers  on_day date time  amount decimal(8,2) }
""",
    "traits.seg": """param big = 50
trait spend = sum(amount of orders)
segment known_ones where name is known
segment doubtful where name != "Ann"
holdout held 50% of customers salt "held"
""",
}


def lay_library(folder, own):
    _, data = lay(folder)
    for name, text in LIBRARY.items():
        os.makedirs(os.path.join(folder, "lib"), exist_ok=True)
        with open(os.path.join(folder, "lib", name), "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(os.path.join(folder, "own"), exist_ok=True)
    with open(os.path.join(folder, "own", "rules.seg"), "w", encoding="utf-8") as file:
        file.write(own)
    return os.path.join(folder, "own"), os.path.join(folder, "lib"), data


@case
def a_library_is_used_and_no_answer(folder):
    own, lib, data = lay_library(folder, "segment rich where spend >= big and known_ones\nsegment rest where not rich\n"
                                 'experiment e on rest salt "e" { arms { a 100% } }\n')
    out = os.path.join(folder, "out.csv")
    done = strata("run", own, "--library", lib, "--data", data, "--as-of", "2026-11-01", "-o", out)
    assert read(out).startswith("customer_id,rich,rest,e\n1,true,false,\n")
    assert "known_ones" not in done.stdout and "W0302" not in done.stderr, "the library is spoken of"
    arms = [line.split(",")[3] for line in read(out).split("\n")[1:-1]]
    assert arms == ["", "a", ""], "3 is held out by the library"
    has(strata("check", lib).stdout, "W0302")
    assert "W0302" not in strata("check", own, "--library", lib).stdout
    found = listed(strata("list", own, "--library", lib, "--format", "json").stdout)
    assert found["spend"]["library"] and not found["spend"]["output"] and found["spend"]["used_by"] == ["rich"]
    assert found["rich"]["output"] and not found["rich"]["library"]
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", own, "--library", lib, "-o", compiled)
    again = os.path.join(folder, "again.csv")
    strata("run", compiled, "--data", data, "--as-of", "2026-11-01", "-o", again)
    assert read(again) == read(out)
    strata("run", own, f"--library={lib}", "--data", data, "--as-of", "2026-11-01", "-o", again, "--set", "big=500")
    assert read(again).startswith("customer_id,rich,rest,e\n1,false,true,")


@case
def libraries_wrongly_used(folder):
    own, lib, data = lay_library(folder, "segment rich where spend >= big\nsegment known_ones where name is known\n")
    done = strata("check", own, "--library", lib, status=2).stdout
    has(done, "own/rules.seg:2:9: error E0218", "known_ones is defined twice", "lib/traits.seg, line 3")
    own, lib, data = lay_library(folder, "segment rich where spend >= big\n")
    has(strata("check", own, status=2).stdout, "E02")
    has(strata("run", own, "--library", lib, "--data", data, "--only", "known_ones", status=1).stderr,
        "known_ones is of a library, whose definitions are no answers")
    has(strata("check", own, "--library", os.path.join(folder, "nowhere"), status=1).stderr, "nowhere cannot be read")
    has(strata("check", folder, "--library", lib, status=1).stderr, "is part of a library and of the rule set itself")
    with open(os.path.join(lib, "traits.seg"), "a", encoding="utf-8") as file:
        file.write("segment wrong where nme is known\n")
    has(strata("check", own, "--library", lib, status=2).stdout, "lib/traits.seg:6", "Did you mean name?")
    compiled = os.path.join(folder, "x.segb")
    strata("compile", os.path.join(folder, "rules.seg"), "-o", compiled)
    has(strata("run", compiled, "--library", lib, "--data", data, status=1).stderr, "holds what it uses of libraries")


# ---- promises ----

PROMISED = RULES + """segment nobody where sum(amount of orders) > 1_000
check spenders size between 1 and 50%
check stage covers customers
check customers.name known for at least 60%
check orders.on_day newer than 5 months
check spenders keeps at least 90% over 30 days
check spenders brings at least 50% of spend
"""


def run_promised(folder, more, *args, rules=None, status=0):
    path, data = lay(folder, rules=(rules or PROMISED) + more)
    return strata("run", path, "--data", data, "--as-of", "2026-11-01", *args, status=status)


@case
def promises_are_printed_with_what_was_measured(folder):
    done = run_promised(folder, "check spenders size within 10% of previous\ncheck nobody keeps at least 1% over 1 day\n")
    assert done.stdout.endswith("""
Promises
  kept          spenders size between 1 and 50%           1 of 3 (33.33%)
  kept          stage covers customers                    0 of 3 (0%)
  kept          customers.name known for at least 60%     2 of 3 (66.67%)
  kept          orders.on_day newer than 5 months         2026-06-03
  kept          spenders keeps at least 90% over 30 days  1 of 1 (100%)
  kept          spenders brings at least 50% of spend     50.00 of 55.00 (90.91%)
  not measured  spenders size within 10% of previous      no previous output is given
  not measured  nobody keeps at least 1% over 1 day       nobody was in it then
"""), done.stdout
    assert "Promises" not in run_promised(folder, "", rules=RULES).stdout


@case
def a_broken_promise_writes_nothing(folder):
    out, counts = os.path.join(folder, "out.csv"), os.path.join(folder, "counts.csv")
    with open(out, "w", encoding="utf-8") as file:
        file.write("as it was")
    broken = "\n\ncheck spenders size at least 2\ncheck nobody size at least 1\n"
    done = run_promised(folder, broken, "-o", out, "--counts", counts, status=2)
    has(done.stdout, "BROKEN        spenders size at least 2 ", "1 of 3 (33.33%)  (" + os.path.join(folder, "rules.seg:17)"), "BROKEN        nobody size at least 1 ")
    has(done.stdout, "customers ", "spenders ")
    has(done.stderr, "2 promises are broken, so nothing was written (--allow-failed-checks writes all the same).")
    assert read(out) == "as it was" and not os.path.exists(counts)
    assert sorted(os.listdir(folder)) == ["data", "out.csv", "rules.seg"], os.listdir(folder)
    done = run_promised(folder, broken, "-o", out, "--counts", counts, "--allow-failed-checks", status=2)
    has(done.stderr, "2 promises are broken.\n")
    has(read(out), "customer_id,spenders,stage,nobody\n1,true,buyer,false\n")
    has(read(counts), "spenders,in,1\n")
    piped = run_promised(folder, broken, "-o", "-", "--format", "csv", status=2)
    assert piped.stdout == "" and "BROKEN" in piped.stderr
    assert run_promised(folder, broken, status=2).stderr.endswith("2 promises are broken.\n")


@case
def a_broken_promise_activates_nobody(folder):
    rules, out = TREATED + "check everybody size at least 50\n", os.path.join(folder, "out")
    treated = os.path.join(folder, "t.csv")
    has(run_treated(folder, "--activate", out, "--treatments", treated, rules=rules, status=2).stderr, "1 promise is broken, so nothing")
    assert not os.path.exists(treated) and not (os.path.isdir(out) and os.listdir(out))
    run_treated(folder, "--activate", out, "--treatments", treated, "--allow-failed-checks", rules=rules, status=2)
    assert os.path.exists(treated) and "fans.csv" in os.listdir(out)


@case
def a_wish_warns_and_goes_on(folder):
    out = os.path.join(folder, "out.csv")
    done = run_promised(folder, "check nobody size at least 1 else warn\n", "-o", out)
    has(done.stdout, "warned        nobody size at least 1 ", "0 of 3 (0%)  (" + os.path.join(folder, "rules.seg:15)"))
    has(read(out), "customer_id,spenders")


@case
def compiled_rules_keep_their_promises(folder):
    more = "check spenders size at least 2 else warn\ncheck nobody size at least 1\n"
    compiled, data = os.path.join(folder, "rules.segb"), os.path.join(folder, "data")
    text = run_promised(folder, more, status=2)
    strata("compile", os.path.join(folder, "rules.seg"), "-o", compiled)
    again = strata("run", compiled, "--data", data, "--as-of", "2026-11-01", status=2)
    assert again.stdout == text.stdout


@case
def sizes_are_compared_with_an_earlier_output(folder):
    change = "check spenders size within 100% of previous\ncheck stage.buyer size within 0 of previous\n"
    kept = ["kept          spenders size within 100% of previous ", "2, before 1 (+100%)",
            "kept          stage.buyer size within 0 of previous ", "2, before 2\n"]
    rules, data = lay(folder, RULES)
    earlier = [("wide.csv", "-o"), ("wide.jsonl", "-o"), ("long.csv", "-o", "--long"), ("counts.csv", "--counts")]
    if strata_reads_parquet():
        earlier += [("wide.parquet", "-o"), ("long.arrow", "-o", "--long"), ("wide.feather", "-o")]
    for name, *how in earlier:
        path = os.path.join(folder, name)
        strata("run", rules, "--data", data, "--as-of", "2026-11-01", how[0], path, *how[1:])
        later = RULES.replace("param big = 50", "param big = 5") + change
        changed, _ = lay(os.path.join(folder, "later"), later)
        done = strata("run", changed, "--data", data, "--as-of", "2026-11-01", "--previous", path)
        has(done.stdout, *kept)
        changed, _ = lay(os.path.join(folder, "later"), later.replace("100%", "99%"))
        has(strata("run", changed, "--data", data, "--as-of", "2026-11-01", "--previous", path, status=2).stdout, "BROKEN ")
        same = os.path.join(folder, "same." + name.split(".")[1])
        if how[0] == "-o":  # what is compared with may be what is replaced
            os.replace(path, same)
            lay(os.path.join(folder, "later"), later)
            strata("run", changed, "--data", data, "--as-of", "2026-11-01", "--previous", same, "-o", same)


def strata_reads_parquet():
    try:
        strata("generate", "retail", "--customers", "1", "--format", "parquet", "-o", tempfile.mkdtemp())
    except Skip:
        return False
    return True


@case
def a_folder_of_an_earlier_output_has_a_file_for_each_entity(folder):
    change = "check of_ann size within 0 of previous\ncheck spenders size within 0 of previous\n"
    rules, data = lay(folder, TWO + change, orders=TWO_ORDERS)
    out, counts = os.path.join(folder, "out"), os.path.join(folder, "counts.csv")
    os.mkdir(out)
    strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", out, "--format", "csv", "--counts", counts)
    for previous in (out, counts):
        done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--previous", previous)
        has(done.stdout, "of_ann size within 0 of previous ", "2, before 2\n", "1, before 1\n")
    os.remove(os.path.join(out, "orders.csv"))
    done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--previous", out)
    has(done.stdout, "not measured  of_ann size within 0 of previous ", "the previous output does not have it")
    one = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--previous", os.path.join(out, "customers.csv"), status=1)
    has(one.stderr, "--previous: ", "several entities", "folder")


@case
def what_is_no_earlier_output_is_said(folder):
    rules, data = lay(folder, PROMISED)
    empty, other = os.path.join(folder, "empty"), os.path.join(folder, "other.csv")
    os.mkdir(empty)
    with open(other, "w", encoding="utf-8") as file:
        file.write("a,b\n1,2\n")
    twice = os.path.join(folder, "twice.csv")
    with open(twice, "w", encoding="utf-8") as file:
        file.write("customer_id,spenders\n1,true\n1,false\n")
    odd = os.path.join(folder, "odd.csv")
    with open(odd, "w", encoding="utf-8") as file:
        file.write("customer_id,spenders\n1,perhaps\n")
    for path, words in [(os.path.join(folder, "gone.csv"), "gone.csv"), (empty, "holds no earlier output"),
                        (other, "other.csv: is no earlier output"), (os.path.join(folder, "rules.seg"), "format is not clear"),
                        (twice, "stands here a second time"), (odd, "perhaps")]:
        done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--previous", path, "-o",
                      os.path.join(folder, "out.csv"), status=1)
        has(done.stderr, "--previous: ", words)
        assert done.stdout == "" and not os.path.exists(os.path.join(folder, "out.csv"))


@case
def wrong_promises_are_errors_of_the_rules(folder):
    rules, data = lay(folder, RULES + "check spenders size at least 500%\ncheck spend size at least 1\n")
    done = strata("check", rules, status=2)
    has(done.stdout, "E1006", "500% is more than there are", "E1001", "spend is a trait, and nobody is in it")
    strata("run", rules, "--data", data, status=1)


# ---- tests of a rule set ----

TESTED = RULES + """
test "a spender" as of 2026-07-01 {
  customers { customer_id 1, joined 2020-01-01 }
  orders { customer_id 1, on_day yesterday, amount 50 }
  expect 1 in spenders, stage = buyer, spend >= 50
}
test "a \\"quiet\\" <visitor> & more" as of 2026-07-01 {
  customers { customer_id 1, joined 2020-01-01 }
  expect 1 not in spenders, stage = visitor
}
"""
BROKEN = TESTED.replace("stage = visitor", "stage = buyer, spend > 1")


@case
def tests_pass_and_fail(folder):
    rules, _ = lay(folder, TESTED)
    out = strata("test", rules)
    assert out.stdout == 'pass  a spender\npass  a "quiet" <visitor> & more\n2 passed, 0 failed\n', out.stdout
    rules, _ = lay(folder, BROKEN)
    out = strata("test", rules, status=2).stdout
    has(out, "pass  a spender\n", 'FAIL  a "quiet" <visitor> & more\n', "1 passed, 1 failed\n",
        f"{rules}:16: stage of 1 should be buyer, and is visitor.", "spend of 1 should be above 1, and is 0.00.")
    assert "\033" not in out


@case
def tests_are_chosen_by_name(folder):
    rules, _ = lay(folder, BROKEN)
    assert strata("test", rules, "--run", "spender").stdout == "pass  a spender\n1 passed, 0 failed\n"
    has(strata("test", rules, "--run", "*visitor*", status=2).stdout, "0 passed, 1 failed")
    has(strata("test", rules, "--run", "a *", status=2).stdout, "1 passed, 1 failed")
    out = strata("test", rules, "--run", "spender*", status=1)
    has(out.stderr, "no test has a name that fits spender*")
    assert not out.stdout


@case
def tests_for_programs(folder):
    import json
    import xml.etree.ElementTree as xml
    rules, _ = lay(folder, BROKEN)
    found = json.loads(strata("test", rules, "--format", "json", "--coverage", status=2).stdout)
    assert (found["passed"], found["failed"]) == (1, 1), found
    assert [t["passed"] for t in found["tests"]] == [True, False]
    assert found["tests"][1]["name"] == 'a "quiet" <visitor> & more'
    first = found["tests"][1]["failures"][0]
    assert (first["kind"], first["line"], first["expected"], first["found"]) == \
        ("expectation", 16, "1 stage = buyer", "visitor"), first
    assert found["coverage"]["percent"] == 100, found["coverage"]
    assert [c["definition"] for c in found["coverage"]["conditions"]] == ["spenders", "stage"]
    tree = xml.fromstring(strata("test", rules, "--format", "junit", status=2).stdout)
    suite = tree.find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    cases = suite.findall("testcase")
    assert cases[1].get("name") == 'a "quiet" <visitor> & more' and not cases[0].findall("failure")
    has(cases[1].find("failure").get("message"), "stage of 1 should be buyer")
    assert len(cases[1].findall("failure")) == 2


@case
def coverage_names_what_was_never_seen(folder):
    rules, _ = lay(folder, TESTED + "segment idle where spend = 0 and not spenders\n")
    out = strata("test", rules, "--coverage").stdout
    has(out, "4 of 8, 50%", "100%  spenders", "    0%  idle", "never asked: spend = 0", "never asked: spenders")
    out = strata("test", rules, "--coverage", "--run", "a spender").stdout
    has(out, "50%  stage", f"{rules}:7: never false: any(orders)")


@case
def tests_used_wrongly(folder):
    rules, data = lay(folder, TESTED)
    has(strata("test", status=1).stderr, "Usage: strata test")
    has(strata("test", rules, "--format", "xml", status=1).stderr, "text, json or junit")
    has(strata("test", rules, "--coverage", "--format", "junit", status=1).stderr, "text or json")
    has(strata("test", rules, "--run", status=1).stderr, "needs a value")
    has(strata("test", rules, "--data", data, status=1).stderr, "no option --data")
    has(strata("test", os.path.join(folder, "none.seg"), status=1).stderr, "cannot be read")
    has(strata("tset", rules, status=1).stderr, "Did you mean test?")
    has(strata("help", "test").stdout, "--coverage", "--run PATTERN")
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "-o", compiled)
    has(strata("test", compiled, status=1).stderr, "holds no tests")
    rules, _ = lay(folder)
    out = strata("test", rules)
    assert out.stdout == "0 passed, 0 failed\n"
    has(out.stderr, "has no tests")
    rules, _ = lay(folder, TESTED.replace("amount 50 }", "amount fifty }"))
    out = strata("test", rules, status=1)
    assert not out.stdout
    has(out.stderr, "fifty is not the name of a parameter", "rules.seg:11:")
    has(strata("check", rules, status=2).stdout, "fifty is not the name of a parameter")
    has(strata("run", rules, "--data", data, status=1).stderr, "fifty is not the name of a parameter")


@case
def tests_take_parameters(folder):
    rules, _ = lay(folder, TESTED)
    has(strata("test", rules, "--set", "big=51", status=2).stdout, "1 should be in spenders, and is not.")
    has(strata("test", rules, "--set", "bigg=51", status=1).stderr, "bigg")


@case
def a_run_leaves_tests_alone(folder):
    rules, data = lay(folder, BROKEN)
    has(strata("run", rules, "--data", data, "--as-of", "2026-07-01").stdout, "spenders")


# ---- what is asked for of treatments, checks and tests ----

ACTED = """timezone "UTC"
table customers { customer_id int key  name string?  joined date time }
table orders { customer_id int links to customers  on_day date time  amount decimal(8,2) }
segment spenders { refresh daily  where sum(amount of orders) >= 50 }
segment others { refresh weekly  where not spenders }
segment everybody where customer_id > 0
consent email when name is known
treatment first for spenders { channel email }
treatment second for everybody { channel email }
treatment alone for others { refresh daily  channel email }
campaign both { refresh weekly  first of (first, second) }
audience seed from others { send customer_id }
check spenders size between 90% and 100%
check others size between 0% and 100%
check customers.name known for at least 90% else warn
test "a spender" as of 2026-11-01 {
  customers { customer_id 1, joined 2026-01-01 }
  orders { customer_id 1, on_day 2026-05-01, amount 60.00 }
  expect 1 in spenders
}
test "nobody else" as of 2026-11-01 {
  customers { customer_id 1, joined 2026-01-01 }
  expect 1 in others
}
"""


@case
def what_is_acted_on_is_asked_for_likewise(folder):
    rules, data = lay(folder, rules=ACTED)
    compiled, out = os.path.join(folder, "rules.segb"), os.path.join(folder, "out.csv")
    strata("compile", rules, "-o", compiled)

    def treated(*args, status=0):
        done = [strata("run", r, "--data", data, "--as-of", "2026-11-01", "--treatments", out, *args, status=status)
                for r in (rules, compiled)]
        assert done[0].stdout == done[1].stdout
        return sorted({line.split(",")[1] for line in read(out).split("\n")[1:-1]})

    def checked(*args, status=0):
        done = [strata("run", r, "--data", data, "--as-of", "2026-11-01", *args, status=status) for r in (rules, compiled)]
        assert done[0].stdout == done[1].stdout
        return done[0].stdout + done[0].stderr

    assert treated("--allow-failed-checks", status=2) == ["alone", "first", "second"]
    assert treated("--only", "alone") == ["alone"]
    assert treated("--only", "first") == ["first", "second"], "a campaign is run as a whole"
    assert treated("--due", "daily", "--allow-failed-checks", status=2) == ["alone"]
    assert treated("--due", "weekly", "--allow-failed-checks", status=2) == ["alone", "first", "second"]
    has(checked(status=2), "spenders size", "others size", "customers.name known")
    some = checked("--only", "others")
    has(some, "others size")
    assert "spenders size" not in some and "customers.name" not in some
    has(checked("--only", "spenders", status=2), "spenders size")
    assert "size" not in checked("--only", "everybody")
    found = listed(strata("list", rules, "--format", "json").stdout)
    assert found["both"]["uses"] == ["first", "second"] and found["first"]["used_by"] == ["both"]
    assert set(found["alone"]["uses"]) == {"others"} and "customers.name" in found["alone"]["columns"]
    assert found["seed"]["uses"] == ["others"] and found["seed"]["output"]
    assert (found["spenders"]["checks"], found["spenders"]["tests"], found["everybody"]["checks"]) == (1, 1, 0)
    check = found["others size between 0% and 100%"]
    assert check["kind"] == "check" and check["uses"] == ["others"] and check["entity"] == "customers"
    assert listed(strata("list", compiled, "--format", "json").stdout) == found
    has(strata("test", rules).stdout, "a spender", "nobody else")
    few = strata("test", rules, "--only", "others").stdout
    has(few, "nobody else")
    assert "a spender" not in few


@case
def checks_and_tests_of_a_library_are_its_own(folder):
    own, lib, data = lay_library(folder, "segment rich where spend >= big\ncheck rich size between 0% and 100%\n"
                                 'test "rich" as of 2026-11-01 {\n  customers { customer_id 1, joined 2026-01-01 }\n'
                                 "  expect 1 not in rich\n}\n")
    with open(os.path.join(lib, "traits.seg"), "a", encoding="utf-8") as file:
        file.write("check known_ones size between 99% and 100%\n"
                   'test "wrong" as of 2026-11-01 {\n  customers { customer_id 1, joined 2026-01-01 }\n  expect 1 in known_ones\n}\n')
    done = strata("run", own, "--library", lib, "--data", data, "--as-of", "2026-11-01")
    has(done.stdout + done.stderr, "rich size")
    assert "known_ones size" not in done.stdout + done.stderr
    strata("run", lib, "--data", data, "--as-of", "2026-11-01", status=2)
    ran = strata("test", own, "--library", lib)
    has(ran.stdout, "rich")
    assert "wrong" not in ran.stdout
    strata("test", lib, status=2)


# ---- what a run cost ----

def profiled(folder, *more):
    rules, data = lay(folder)
    path = os.path.join(folder, "cost.json")
    return json.loads(read(path)) if strata("run", rules, "--data", data, "--as-of", "2026-11-01", *more, "--profile", path) else None


@case
def profile_as_json(folder):
    said = profiled(folder)
    assert set(said["seconds"]) == {"compile", "load", "links", "run", "write"}
    assert {t["table"]: t["rows"] for t in said["tables"]} == {"customers": 3, "orders": 4}
    steps = [s for s in said["steps"] if s["work"] == "pass"]
    over = {(s["table"], s["by"]): s["rows"] for s in steps}
    assert over[("customers", None)] == 3
    assert over[("orders", "customers")] == 3  # one row belongs to nobody
    assert all(0 <= s["view_seconds"] <= s["seconds"] for s in said["steps"])
    assert sum(s["seconds"] for s in said["steps"]) <= said["seconds"]["run"]
    # All of it served somebody, or the run as a whole.
    costs = {c["definition"]: c for c in said["definitions"]}
    assert set(costs) <= {"spenders", "stage", None} and {"spenders", "stage"} <= set(costs), costs
    whole = sum(c["own_seconds"] + c["shared_seconds"] for c in costs.values())
    assert abs(whole - sum(s["seconds"] for s in said["steps"])) < 1e-6, said
    assert costs["spenders"]["own_seconds"] > 0 and costs["stage"]["own_seconds"] > 0


@case
def profile_spreads_what_is_shared(folder):
    rules, data = lay(folder, RULES.replace("segment spenders", "segment twice where sum(amount of orders) >= big and name is known\n"
                                            "segment spenders"))
    path = os.path.join(folder, "cost.json")
    strata("run", rules, "--data", data, "--as-of", "2026-11-01", "--only", "twice", "--only", "spenders", "--profile", path)
    costs = {c["definition"]: c for c in json.loads(read(path))["definitions"] if c["definition"]}
    assert set(costs) == {"twice", "spenders"}
    assert costs["twice"]["shared_seconds"] > 0
    assert abs(costs["twice"]["shared_seconds"] - costs["spenders"]["shared_seconds"]) < 1e-6, costs


@case
def profile_for_people(folder):
    rules, data = lay(folder)
    words = ("run", rules, "--data", data, "--as-of", "2026-11-01")
    done = strata(*words, "--profile")
    has(done.stderr, "pass over orders by customers", "3 rows", "load", "write", "by definition", "spenders")
    # The next word is its value only where it is a JSON file; else it stands alone.
    assert strata("run", "--profile", *words[1:]).stdout == done.stdout == strata(*words).stdout


@case
def profile_that_cannot_be_written(folder):
    rules, data = lay(folder)
    nowhere = os.path.join(folder, "none", "cost.json")
    out = os.path.join(folder, "out.csv")
    done = strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", out, "--profile", nowhere, status=1)
    assert done.stderr.count("\n") == 1, done.stderr
    assert not os.path.exists(out)  # it was said before the work


def isas():
    """Every instruction set that this machine has."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpus:
        flags = cpus.read().split()
    return ["plain"] + ["avx2"] * ("avx2" in flags) + ["avx512"] * ("avx512_vpopcntdq" in flags and "avx512vbmi" in flags)


@case
def rows_that_stand_in_order_of_a_value_are_asked_less_and_answer_the_same(folder):
    n, zone = 200_000, 65_536  # rows, and those of which the range is known on its own
    rows = [(i, None if i % 7 == 3 or zone * 2 <= i < zone * 3 else i // 3 - 1000, i / 4.0) for i in range(n)]
    tests = [(f"n {op} {cut}", column, op, cut) for column in (1,) for op in ("<", "<=", ">", ">=", "=", "!=")
             for cut in (-2000, -1000, 0, zone // 3 - 1000, zone - 1000, 65_000, 100_000)]
    tests += [(f"x {op} {cut}", 2, op, cut) for op in ("<", "<=", ">", ">=", "=", "!=")
              for cut in (-1.0, 0.0, zone / 4, zone / 4 + 0.25, 30000.5, 49999.75, 60000.0)]
    holds = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
             "=": lambda a, b: a == b, "!=": lambda a, b: a != b}
    rules = os.path.join(folder, "zones.seg")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('timezone "UTC"\ntable people { id int key  n int?  x float }\n')
        file.writelines(f"segment s{i} where {text}\n" for i, (text, _, _, _) in enumerate(tests))
    wanted = {f"s{i}": sum(1 for row in rows if row[column] is not None and holds[op](row[column], cut))
              for i, (_, column, op, cut) in enumerate(tests)}
    data, counts = os.path.join(folder, "people.csv"), os.path.join(folder, "counts.csv")
    for order in (rows, [rows[i * 7919 % n] for i in range(n)]):
        with open(data, "w", encoding="utf-8") as file:
            file.write("id,n,x\n" + "".join(f"{i},{'' if k is None else k},{x}\n" for i, k, x in order))
        for isa in isas():
            strata("run", rules, "--data", f"people={data}", "--as-of", "2026-11-01", "--counts", counts,
                   env={"STRATA_ISA": isa})
            with open(counts, encoding="utf-8", newline="") as file:
                found = {line["definition"]: int(line["customers"]) for line in csv.DictReader(file)}
            assert found == wanted, {k: (found[k], wanted[k]) for k in wanted if found[k] != wanted[k]}


@case
def rows_in_order_of_time_are_put_together_and_answer_the_same(folder):
    people, n = 500, 200_000
    rows = [(i * 7919 % people, i // 100, i % 50) for i in range(n)]  # who, day, amount
    day = lambda d: (datetime.date(2020, 1, 1) + datetime.timedelta(days=d)).isoformat()
    cuts = (100, 655, 656, 1000, 1999)
    rules = os.path.join(folder, "times.seg")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('timezone "UTC"\ntable people { id int key }\n'
                   "table orders { person int links to people  on_day date time  amount int }\n")
        file.writelines(f"score n{c} = count(orders since {day(c)})\nscore s{c} = sum(amount of orders before {day(c)})\n"
                        f"score d{c} = distinct(amount of orders since {day(c)} where amount < 40)\n" for c in cuts)
    data, out = os.path.join(folder, "data"), os.path.join(folder, "out.csv")
    os.makedirs(data)
    with open(os.path.join(data, "people.csv"), "w", encoding="utf-8") as file:
        file.write("id\n" + "".join(f"{i}\n" for i in range(people)))
    with open(os.path.join(data, "orders.csv"), "w", encoding="utf-8") as file:
        file.write("person,on_day,amount\n" + "".join(f"{p},{day(d)},{a}\n" for p, d, a in rows))
    wanted = {i: {} for i in range(people)}
    for c in cuts:
        for person in wanted.values():
            person.update({f"n{c}": 0, f"s{c}": 0, f"d{c}": set()})
        for p, d, a in rows:
            wanted[p][f"n{c}"] += d >= c
            wanted[p][f"s{c}"] += a if d < c else 0
            if d >= c and a < 40:
                wanted[p][f"d{c}"].add(a)
    for isa in isas():
        strata("run", rules, "--data", data, "--as-of", "2026-11-01", "-o", out, env={"STRATA_ISA": isa})
        with open(out, encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                for name, value in wanted[int(line["id"])].items():
                    right = len(value) if isinstance(value, set) else value
                    assert int(line[name]) == right, (isa, line["id"], name, line[name], right)


@case
def patterns_are_looked_for_only_where_they_matter_and_answer_the_same(folder):
    n = 30_000
    mail = lambda i: None if i % 11 == 4 else f"{'anna' if i % 5 == 0 else 'otto'}{i}@{'a' if i % 3 else 'b'}.example"
    people = [(i, mail(i), "DE" if i % 7 == 2 else "AT", i % 100) for i in range(n)]
    def matches(p, pattern):
        return p[1] is not None and re.search(pattern, p[1]) is not None
    def fails(p, pattern):
        return p[1] is not None and not re.search(pattern, p[1])
    asked = {
        "one": ('country = "DE" and email matches "^anna.*b"', lambda p: p[2] == "DE" and matches(p, "^anna.*b")),
        "negated": ('country = "DE" and not (email matches "7@")', lambda p: p[2] == "DE" and fails(p, "7@")),
        "exception": ('email matches "[0-9]3@" and not (age >= 50)', lambda p: matches(p, "[0-9]3@") and p[3] < 50),
        "three": ('age < 30 and email matches "otto" and country = "AT"', lambda p: p[3] < 30 and matches(p, "otto") and p[2] == "AT"),
        "two_patterns": ('age < 30 and email matches "otto" and email matches "9"', lambda p: p[3] < 30 and matches(p, "otto") and matches(p, "9")),
        "either": ('age < 3 or email matches "anna12"', lambda p: p[3] < 3 or matches(p, "anna12")),
        "shared": ('age < 10 and email matches "5@a"', lambda p: p[3] < 10 and matches(p, "5@a")),
        "again": ('age >= 90 and email matches "5@a"', lambda p: p[3] >= 90 and matches(p, "5@a")),
        "nobody": ('age > 200 and email matches "x"', lambda p: False),
        "first": ('email matches "0@" and age = 10', lambda p: matches(p, "0@") and p[3] == 10),
    }
    rules, data = os.path.join(folder, "mail.seg"), os.path.join(folder, "people.csv")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('timezone "UTC"\ntable people { id int key  email string?  country string  age int }\n')
        file.writelines(f"segment {name} where {text}\n" for name, (text, _) in asked.items())
    with open(data, "w", encoding="utf-8") as file:
        file.write("id,email,country,age\n" + "".join(f"{i},{m or ''},{c},{a}\n" for i, m, c, a in people))
    wanted = {name: sum(1 for p in people if holds(p)) for name, (_, holds) in asked.items()}
    counts = os.path.join(folder, "counts.csv")
    for isa in isas():
        for threads in ("1", "2"):
            strata("run", rules, "--data", f"people={data}", "--as-of", "2026-11-01", "--counts", counts, "--threads", threads,
                   env={"STRATA_ISA": isa})
            with open(counts, encoding="utf-8", newline="") as file:
                found = {line["definition"]: int(line["customers"]) for line in csv.DictReader(file)}
            assert found == wanted, (found, wanted)


# ---- snapshots ----

SNAPPED = """timezone "Europe/Berlin"
table customers { customer_id string key  name string?  joined date time  vip bool?  tags list of string?  worth float? }
table orders {
  order_id int key
  customer_id string? links to customers
  at timestamp? time
  amount decimal(8,2)?
  pieces int?
  change int between -100000 and 100000
  kind string one of ("web", "shop")
}
table lines { order_id int links to orders  sku string  total decimal(30,2) }
segment spenders where sum(amount of orders) >= 50
segment web_first where first(kind of orders) = "web"
segment tagged where tags contains "x"
trait spend = sum(amount of orders)
trait last_at = last(at of orders)
trait latest = sum(change of last 2 orders)
trait goods = sum(total of lines)
trait skus = distinct(sku of lines)
"""
SNAPPED_TABLES = {
    "customers": "customer_id,name,joined,vip,tags,worth\nc1,Ann,2026-01-05,true,x;y,0.5\nc2,,2026-02-05,,,\nc3,\"\",2026-03-05,false,y,1e9\n",
    "orders": "order_id,customer_id,at,amount,pieces,change,kind\n"
              "10,c3,2026-05-01T10:00:00,30.00,1,-5,web\n11,c1,2026-06-01T10:00,,300,7,shop\n12,c3,2026-04-01T09:00,25.50,,-70000,shop\n"
              "13,nobody,2026-06-01T10:00,1.00,2,1,web\n14,c1,,2.00,3,2,web\n15,,2026-06-02T10:00,2.00,3,2,web\n"
              "16,c1,2026-06-01T10:00,5.00,70000,9,web\n",
    "lines": "order_id,sku,total\n16,a,1.00\n12,b,12345678901234567890.25\n16,b,2.00\n99,c,1.00\n10,a,0.50\n"}


def lay_snapped(folder, rules=SNAPPED, **tables):
    data = os.path.join(folder, "data")
    os.makedirs(data, exist_ok=True)
    path = os.path.join(folder, "rules.seg")
    for name, text in [(path, rules)] + [(os.path.join(data, k + ".csv"), {**SNAPPED_TABLES, **tables}[k]) for k in SNAPPED_TABLES]:
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    return path, data, os.path.join(folder, "snap")


def answer_of(folder, rules, data):
    """All that a run says and writes."""
    out = os.path.join(folder, "answer.csv")
    done = strata("run", rules, "--data", data, "--as-of", "2026-07-01", "--traits", "-o", out)
    return done.stdout, done.stderr, read(out)


@case
def a_snapshot_answers_as_the_files_do(folder):
    rules, data, snap = lay_snapped(folder)
    from_files = answer_of(folder, rules, data)
    for threads in "1", "2":
        done = strata("snapshot", rules, "--data", data, "-o", snap, "--threads", threads)
        assert done.stdout == "" and done.stderr == "", done
        assert answer_of(folder, rules, snap) == from_files
        whole = {name: open(os.path.join(snap, name), "rb").read() for name in os.listdir(snap)}
        assert threads == "1" or whole == before, "the number of threads shows in the files"
        before = whole
    has(from_files[1], "orders has a customer_id", "lines has a order_id")
    assert sorted(whole) == ["customers.arrow", "lines.arrow", "lines.starts.arrow", "orders.arrow", "orders.starts.arrow", "snapshot.json"]
    assert sorted(os.listdir(folder)) == ["answer.csv", "data", "rules.seg", "snap"]
    compiled = os.path.join(folder, "rules.segb")
    strata("compile", rules, "--traits", "-o", compiled)
    assert answer_of(folder, compiled, snap) == from_files
    other = os.path.join(folder, "other")
    strata("snapshot", compiled, "--data", data, "-o", other)
    assert answer_of(folder, rules, other) == from_files
    assert json.loads(whole["snapshot.json"])["strata snapshot"] == 1


READ_SNAPSHOT = """import os, sys
import pyarrow.ipc as ipc
orders = ipc.open_file(os.path.join(sys.argv[1], "orders.arrow")).read_all()
orders.validate(full=True)
rows = orders.to_pydict()
assert rows["order_id"] == [14, 11, 16, 12, 10, 13, 15], rows["order_id"]
assert rows["customer_id"] == ["c1", "c1", "c1", "c3", "c3", "nobody", None]
assert rows["strata:row customer_id"] == [0, 0, 0, 2, 2, -1, -1]
assert [str(x) for x in rows["amount"]] == ["2.00", "None", "5.00", "25.50", "30.00", "1.00", "2.00"]
assert rows["pieces"] == [3, 300, 70000, None, 1, 2, 3]
assert rows["change"] == [2, 7, 9, -70000, -5, 1, 2]
low = int(orders.schema.field("strata:narrow change").metadata[b"strata:low"])
assert [low + x for x in rows["strata:narrow change"]] == rows["change"]
assert rows["at"][0] is None and rows["at"][3].isoformat() == "2026-04-01T07:00:00+00:00"
assert rows["kind"] == ["web", "shop", "web", "shop", "web", "web", "web"]
starts = ipc.open_file(os.path.join(sys.argv[1], "orders.starts.arrow")).read_all()
assert starts.to_pydict() == {"strata:start": [0, 3, 3, 5]}
people = ipc.open_file(os.path.join(sys.argv[1], "customers.arrow")).read_all()
people.validate(full=True)
assert people.select(["customer_id", "name", "vip", "tags", "worth"]).to_pydict() == {
    "customer_id": ["c1", "c2", "c3"], "name": ["Ann", None, ""], "vip": [True, None, False],
    "tags": [["x", "y"], None, ["y"]], "worth": [0.5, None, 1e9]}
lines = ipc.open_file(os.path.join(sys.argv[1], "lines.arrow")).read_all()
lines.validate(full=True)
assert [str(x) for x in lines["total"].to_pylist()] == ["1.00", "2.00", "12345678901234567890.25", "0.50", "1.00"]
"""


@case
def other_tools_read_a_snapshot(folder):
    rules, data, snap = lay_snapped(folder)
    strata("snapshot", rules, "--data", data, "-o", snap)
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".venv", "bin", "python")
    python = own if os.path.exists(own) else sys.executable
    done = subprocess.run([python, "-c", READ_SNAPSHOT, snap], capture_output=True, text=True, check=False)
    if "No module named 'pyarrow'" in done.stderr:
        raise Skip("pyarrow is not there")
    assert done.returncode == 0, done.stderr


@case
def new_rows_are_taken_into_a_snapshot(folder):
    rules, data, snap = lay_snapped(folder)
    from_files = answer_of(folder, rules, data)
    head, *rows = SNAPPED_TABLES["orders"].splitlines(True)
    new = os.path.join(folder, "new.csv")
    lay_snapped(folder, orders=head + "".join(rows[:3]))
    strata("snapshot", rules, "--data", data, "-o", snap)
    with open(new, "w", encoding="utf-8") as file:
        file.write(head + "".join(rows[3:]))
    assert answer_of(folder, rules, snap) != from_files
    strata("snapshot", rules, "--append", "--data", "orders=" + new, "-o", snap)
    assert answer_of(folder, rules, snap) == from_files
    has(strata("snapshot", rules, "--append", "--data", "orders=" + new, "-o", snap, status=1).stderr, "Table orders", "14", "second time")
    assert answer_of(folder, rules, snap) == from_files
    with open(new, "w", encoding="utf-8") as file:
        file.write("customer_id,name,joined,vip,tags,worth\nnobody,N,2026-01-05,true,x,1\n")
    strata("snapshot", rules, "--append", "--data", "customers=" + new, "-o", snap)
    lay_snapped(folder, customers=SNAPPED_TABLES["customers"] + "nobody,N,2026-01-05,true,x,1\n")
    assert answer_of(folder, rules, snap) == answer_of(folder, rules, data)


@case
def what_a_snapshot_cannot_be_is_said(folder):
    rules, data, snap = lay_snapped(folder)
    has(strata("snapshot", rules, "--data", data, status=1).stderr, "-o DIR")
    has(strata("snapshot", rules, "--data", data, "--append", "-o", snap, status=1).stderr, "is no snapshot")
    has(strata("snapshot", rules, "--data", data, "-o", data, status=1).stderr, "something else than a snapshot")
    has(strata("snapshot", rules, "--data", data, "-o", os.path.join(folder, "no", "snap"), status=1).stderr, "cannot be made")
    has(strata("snapshot", rules, "--data", "orders=" + data + "/orders.csv", "-o", snap, status=1).stderr, "table customers")
    strata("snapshot", rules, "--data", data, "-o", snap)
    from_files = answer_of(folder, rules, data)
    has(strata("snapshot", rules, "--append", "--data", data, "-o", snap, status=1).stderr, "--data TABLE=PATH")
    has(strata("snapshot", rules, "--append", "-o", snap, status=1).stderr, "needs new rows")
    has(strata("run", rules, "--data", snap, "--data", "orders=" + data + "/orders.csv", status=1).stderr, "is a snapshot")
    for table, text, *said in [("customers", SNAPPED_TABLES["customers"] + "c1,,2026-01-05,,,\n", "second time"),
                               ("orders", SNAPPED_TABLES["orders"] + "17,c1,,,,1,fax\n", "row 8", "kind", "fax"),
                               ("orders", SNAPPED_TABLES["orders"] + "16,c1,,,,1,web\n", "16", "second time")]:
        lay_snapped(folder, **{table: text})
        has(strata("snapshot", rules, "--data", data, "-o", snap, status=1).stderr, *said)
    assert sorted(os.listdir(folder)) == ["answer.csv", "data", "rules.seg", "snap"]
    assert answer_of(folder, rules, snap) == from_files


@case
def rules_that_do_not_fit_a_snapshot_are_refused(folder):
    rules, data, snap = lay_snapped(folder)
    strata("snapshot", rules, "--data", data, "-o", snap)
    for old, new, *said in [("Europe/Berlin", "UTC", "time zone"),
                            ("amount decimal(8,2)?", "amount decimal(9,2)?", "amount", "decimal(9,2)?", "decimal(8,2)?", "anew"),
                            ("amount decimal(8,2)?", "amount decimal(8,2)", "1 value of column amount", "Declare it decimal(8,2)?"),
                            ('("web", "shop")', '("web", "shop", "fax")', "kind", "fax", "anew"),
                            ("pieces int?", "pieces int?  more int?", ""),
                            ("string? links to customers", "string?", "orders"),
                            ("trait skus", "segment sure of orders where amount > 1\ntrait skus", "order is needed", "anew"),
                            ("trait skus", "table others { customer_id string links to customers }\ntrait n_others = count(others)\ntrait skus", "no table others")]:
        assert old in SNAPPED
        lay_snapped(folder, rules=SNAPPED.replace(old, new))
        done = strata("run", rules, "--data", snap, "--as-of", "2026-07-01", status=None)
        assert done.returncode == (1 if said[0] else 0), (new, done)
        has(done.stderr, *said)


@case
def a_snapshot_that_is_not_whole_is_refused(folder):
    rules, data, snap = lay_snapped(folder)
    strata("snapshot", rules, "--data", data, "-o", snap)
    from_files = answer_of(folder, rules, data)
    whole = {name: open(os.path.join(snap, name), "rb").read() for name in os.listdir(snap)}

    def lay_files(files):
        for name in os.listdir(snap):
            os.unlink(os.path.join(snap, name))
        for name, content in files.items():
            with open(os.path.join(snap, name), "wb") as file:
                file.write(content)
        return strata("run", rules, "--data", snap, "--as-of", "2026-07-01", "--traits", status=None)

    for name, content in whole.items():
        for cut in {**whole, name: content[:len(content) // 2]}, {**whole, name: b""}, {**whole, name: content + b" "}:
            done = lay_files(cut)
            assert done.returncode == 1 and "anew" in done.stderr, (name, done)
        done = lay_files({k: v for k, v in whole.items() if k != name})
        if name == "snapshot.json":  # then it is a folder of Arrow files as any other
            assert done.returncode == 0, done
        else:
            assert done.returncode == 1 and done.stderr.count("\n") == 1 and name in done.stderr, (name, done)
    done = lay_files({**whole, "snapshot.json": whole["snapshot.json"].replace(b'snapshot": 1,', b'snapshot": 2,')})
    has(done.stderr, "version 2", "anew")
    chance = random.Random(7)
    refused = 0
    for _ in range(150):
        name = chance.choice(sorted(whole))
        content = bytearray(whole[name])
        for _ in range(chance.choice((1, 8, 200))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        done = lay_files({**whole, name: bytes(content)})
        assert done.returncode in (0, 1), (name, done)
        refused += done.returncode
        assert done.returncode == 0 or done.stderr.count("\n") == 1 and "anew" in done.stderr, (name, done)
    assert refused > 50, refused
    lay_files(whole)
    assert answer_of(folder, rules, snap) == from_files


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for function in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(folder)
                counts["passed"] += 1
            except Skip as why:
                counts["skipped"] += 1
                print(f"skipped {function.__name__}: {why}")
            except Exception as wrong:  # pylint: disable=broad-except
                counts["failed"] += 1
                print(f"FAILED {function.__name__}: {type(wrong).__name__} {wrong}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


main()
