"""Rule sets for the benchmark, from a seed: each rule once as a tree, spelled for every engine. A rule is three to six
tests joined by and, or and not; tests come from a stock, so that rules share them as the rules of a company do."""
import random

# name, type in a .seg file, what its tests look like
COLUMNS = (
    ("age", "int", [25, 30, 35, 40, 45, 50, 55, 60, 65, 70]),
    ("visits_30d", "int", [1, 2, 3, 5, 8, 13, 21]),
    ("points", "int", [0, 100, 250, 500, 1000, 2500, 5000]),
    ("children", "int?", [1, 2, 3]),
    ("income", "decimal(12,2)?", ["20000.00", "30000.00", "45000.00", "60000.00", "90000.00"]),
    ("balance", "decimal(12,2)", ["-100.00", "0.00", "50.00", "250.00", "1000.00", "5000.00"]),
    ("churn", "float?", ["0.1", "0.25", "0.4", "0.5", "0.6", "0.75", "0.9"]),
    ("affinity", "float", ["0.1", "0.25", "0.5", "0.75", "0.9"]),
    ("signup_on", "date", ["2021-01-01", "2022-07-01", "2024-01-01", "2025-01-01", "2026-01-01", "2026-06-01"]),
    ("last_seen_on", "date?", ["2025-10-01", "2026-05-01", "2026-08-01", "2026-10-01", "2026-10-25"]),
    ("country", "string", ["DE", "AT", "CH", "FR", "NL", "GB", "US", "IT"]),
    ("city", "string?", ["city_%03d" % i for i in range(0, 400, 23)]),
    ("plan", "string", ["free", "basic", "plus", "pro"]),
    ("device", "string", ["ios", "android", "web"]),
    ("language", "string", ["de", "en", "fr", "nl", "it", "es"]),
    ("source", "string?", ["search", "friend", "ad", "shop", "mail"]),
    ("member", "bool", None),
    ("email_consent", "bool", None),
)
COMPARISONS = ("<", "<=", ">", ">=")


def stock(rng, size, columns):
    """At most so many distinct tests: (column, kind, operands). Of few columns there are not so many."""
    tests, tries = {}, 100 * size
    while len(tests) < size and tries:
        tries -= 1
        name, kind, values = rng.choice(columns)
        if kind == "bool":
            test = (name, "is", ())
        elif kind.endswith("?") and rng.random() < 0.1:
            test = (name, rng.choice(("missing", "known")), ())
        elif kind.startswith("string"):
            if rng.random() < 0.4:
                test = (name, rng.choice(("=", "!=")), (rng.choice(values),))
            else:
                some = rng.sample(values, rng.randint(2, min(4, len(values))))
                test = (name, rng.choice(("in", "in", "not in")), tuple(sorted(some)))
        elif rng.random() < 0.25:
            low, high = sorted(rng.sample(range(len(values)), 2))
            test = (name, "between", (values[low], values[high]))
        else:
            test = (name, rng.choice(COMPARISONS), (rng.choice(values),))
        tests[test] = True
    return list(tests)


def tree(rng, leaves):
    if len(leaves) == 1:
        return ("not", (leaves[0],)) if rng.random() < 0.1 else leaves[0]
    cut = rng.randint(1, len(leaves) - 1)
    word = "and" if rng.random() < 0.65 else "or"
    return (word, (tree(rng, leaves[:cut]), tree(rng, leaves[cut:])))


def pick(rng, tests):
    """Some tests; of one text at most one says what it is: nobody is in two countries."""
    while True:
        some = rng.sample(tests, rng.randint(3, 6))
        named = [name for name, op, _ in some if op in ("=", "in")]
        if len(named) == len(set(named)):
            return some


def make(seed, n, columns=COLUMNS):
    """n rules; with 200 of them over all columns about 900 tests, of which about 320 differ."""
    rng = random.Random(seed)
    tests = stock(rng, 340, columns)
    return [tree(rng, pick(rng, tests)) for _ in range(n)]


def is_leaf(node):
    return len(node) == 3


def leaves(node):
    if is_leaf(node):
        yield node
    else:
        for kid in node[1]:
            yield from leaves(kid)


KIND = {name: kind.rstrip("?") for name, kind, _ in COLUMNS}


def bytes_a_row(names):
    """Of columns as Arrow lays them out, with a bit for each row of those that can be missing."""
    width = {"int": 8, "float": 8, "date": 4, "string": 4, "bool": 0.125}
    missing = {name for name, kind, _ in COLUMNS if kind.endswith("?")}
    return sum(width.get(KIND[name], 16) + (0.125 if name in missing else 0) for name in names)


def joined(node, spell):
    word, kids = node
    if word == "not":
        return "not " + spell(kids[0])
    return "(" + f" {word} ".join(spell(kid) for kid in kids) + ")"


# ---- Strata ----
TIME_WORDS = {"<": "before {0}", "<=": "before {0} + 1 day", ">": "after {0}", ">=": "since {0}"}


def seg_leaf(leaf):
    name, op, values = leaf
    kind = KIND[name]
    if op == "is":
        return name
    if op in ("missing", "known"):
        return f"{name} is {op}"
    quoted = [f'"{v}"' if kind == "string" else str(v) for v in values]
    if op in ("in", "not in"):
        return f"{name} {op} ({', '.join(quoted)})"
    if op == "between":
        return f"{name} between {quoted[0]} and {quoted[1]}"
    if kind == "date":
        return f"{name} {TIME_WORDS[op].format(quoted[0])}".replace("1 day", "1 days")
    return f"{name} {op} {quoted[0]}"


def seg_rule(node):
    if is_leaf(node):
        return seg_leaf(node)
    if node[0] == "not":
        return f"not ({seg_rule(node[1][0])})"
    return joined(node, seg_rule)


def seg_schema():
    width = max(len(name) for name, _, _ in COLUMNS)
    lines = ["table customers {", f"  {'customer_id':{width}}  int  key"]
    lines += [f"  {name:{width}}  {kind}" for name, kind, _ in COLUMNS]
    return 'timezone "UTC"\n' + "\n".join(lines + ["}"]) + "\n"


def seg(rules):
    return seg_schema() + "".join(f"segment r{i} where {seg_rule(r)}\n" for i, r in enumerate(rules))


# ---- SQL ----
def sql_leaf(leaf):
    name, op, values = leaf
    kind = KIND[name]
    if op == "is":
        return name
    if op in ("missing", "known"):
        return f"{name} is {'not ' if op == 'known' else ''}null"
    quoted = [f"'{v}'" if kind == "string" else f"date '{v}'" if kind == "date" else str(v) for v in values]
    if kind == "float":
        quoted = [f"{v}::double" for v in quoted]
    if op in ("in", "not in"):
        return f"{name} {op} ({', '.join(quoted)})"
    if op == "between":
        return f"{name} between {quoted[0]} and {quoted[1]}"
    return f"{name} {'<>' if op == '!=' else op} {quoted[0]}"


def sql_rule(node, leaf=sql_leaf):
    if is_leaf(node):
        return "(" + leaf(node) + ")"
    return joined(node, lambda kid: sql_rule(kid, leaf))


# ---- Polars ----
def polars_leaf(pl, leaf):
    import datetime
    import decimal
    name, op, values = leaf
    kind = KIND[name]
    column = pl.col(name)
    if op == "is":
        return column
    if op == "missing":
        return column.is_null()
    if op == "known":
        return column.is_not_null()
    if kind == "date":
        values = [datetime.date.fromisoformat(v) for v in values]
    elif kind == "float":
        values = [float(v) for v in values]
    elif kind.startswith("decimal"):
        values = [pl.lit(decimal.Decimal(v), dtype=pl.Decimal(12, 2)) for v in values]
    if op == "in":
        return column.is_in(list(values))
    if op == "not in":
        return ~column.is_in(list(values))
    if op == "between":
        return (column >= values[0]) & (column <= values[1])
    return {"<": column.__lt__, "<=": column.__le__, ">": column.__gt__, ">=": column.__ge__,
            "=": column.__eq__, "!=": column.__ne__}[op](values[0])


def polars_rule(pl, node):
    if is_leaf(node):
        return polars_leaf(pl, node)
    word, kids = node
    spelled = [polars_rule(pl, kid) for kid in kids]
    if word == "not":
        return ~spelled[0]
    return spelled[0] & spelled[1] if word == "and" else spelled[0] | spelled[1]
