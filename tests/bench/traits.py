"""The twenty traits of workload W2, the rules on them, and the rfm of W3: spelled for every engine."""
import random

AS_OF = "2026-11-01"
PAID, BOOKS, BIG = ('status = "paid"', "status = 'paid'"), ('category = "books"', "category = 'books'"), ("amount >= 100", "amount >= 100")

WORDS = {"category": ["books", "food", "games", "garden", "home", "music", "sport", "toys"], "status": ["cancelled", "paid", "pending"]}
ZERO_WITHOUT_ROWS = ("count", "sum", "distinct")

# name, aggregate, column, days back (None: all), filters
TRAITS = (
    ("n_all", "count", None, None, ()), ("n_30", "count", None, 30, ()), ("n_90", "count", None, 90, ()),
    ("n_365", "count", None, 365, ()), ("n_paid_90", "count", None, 90, (PAID,)), ("n_paid_365", "count", None, 365, (PAID,)),
    ("n_books", "count", None, 365, (PAID, BOOKS)), ("n_big", "count", None, None, (PAID, BIG)),
    ("spend_30", "sum", "amount", 30, (PAID,)), ("spend_90", "sum", "amount", 90, (PAID,)),
    ("spend_365", "sum", "amount", 365, (PAID,)), ("spend_all", "sum", "amount", None, (PAID,)),
    ("spend_books", "sum", "amount", 365, (PAID, BOOKS)), ("pieces_365", "sum", "quantity", 365, ()),
    ("max_365", "max", "amount", 365, (PAID,)), ("max_all", "max", "amount", None, ()),
    ("avg_365", "avg", "amount", 365, (PAID,)), ("last_all", "last", "ordered_at", None, ()),
    ("kinds_365", "distinct", "category", 365, ()), ("kinds_paid", "distinct", "category", None, (PAID,)),
)
CUTS = {"count": [1, 2, 3, 5, 8], "sum": [50, 100, 250, 500, 1000], "max": [100, 200, 250, 280], "avg": [100, 150, 200],
        "distinct": [1, 2, 3, 5], "last": ["2025-11-01", "2026-05-01", "2026-08-01", "2026-10-01"]}

SCHEMA = '''timezone "UTC"
table customers {
  customer_id  int  key
}
table orders {
  customer_id  int            links to customers
  ordered_at   timestamp      time
  amount       decimal(12,2)
  quantity     int
  category     string
  status       string
}
'''


def seg_trait(kind, column, days, filters):
    rows = "orders" + (f" in last {days} days" if days else "")
    if filters:
        rows += " where " + " and ".join(f[0] for f in filters)
    return f"{kind}({rows})" if kind == "count" else f"{kind}({column} of {rows})"


def sql_trait(kind, column, days, filters):
    tests = [f"ordered_at < timestamp '{AS_OF}'"]
    if days:
        tests.append(f"ordered_at >= timestamp '{AS_OF}' - interval {days} day")
    tests += [f[1] for f in filters]
    call = {"count": "count(*)", "max": f"max({column})", "last": f"max({column})", "avg": f"avg({column})",
            "sum": f"sum({column})", "distinct": f"count(distinct {column})"}[kind]
    where = f" filter (where {' and '.join(tests)})"
    if kind == "sum":
        return f"coalesce(sum({column}){where}, 0)"
    return call + where


def polars_tests(pl, days, filters):
    """The rows that a trait counts."""
    import datetime
    now = datetime.datetime.fromisoformat(AS_OF)
    tests = pl.col("ordered_at") < now
    if days:
        tests = tests & (pl.col("ordered_at") >= now - datetime.timedelta(days=days))
    for f in filters:
        tests = tests & {PAID: pl.col("status") == "paid", BOOKS: pl.col("category") == "books", BIG: pl.col("amount") >= 100}[f]
    return tests


def polars_aggregate(kind, column):
    return {"sum": column.sum, "max": column.max, "last": column.max, "avg": column.mean, "distinct": column.n_unique}[kind]()


def polars_trait(pl, name, kind, column, days, filters):
    """Of the rows of a group those that the trait counts."""
    tests = polars_tests(pl, days, filters)
    if kind == "count":
        return tests.sum().alias(name)
    return polars_aggregate(kind, pl.col(column).filter(tests)).alias(name)


def polars_masked(pl, rows):
    """All traits, from columns that are empty where the trait does not count the row."""
    masks = [(name, kind, polars_tests(pl, days, filters), column) for name, kind, column, days, filters in TRAITS]
    made = [(m if kind == "count" else pl.when(m).then(pl.col(column))).alias(name) for name, kind, m, column in masks]
    asked = [{"count": pl.col(name).sum, "distinct": pl.col(name).drop_nulls().n_unique}.get(kind, lambda: polars_aggregate(kind, pl.col(name)))()
             for name, kind, _, _ in masks]
    return rows.select([pl.col("customer_id")] + made).group_by("customer_id").agg(asked)


def seg_traits():
    lines = [f"score {name} = {seg_trait(kind, column, days, filters)}" for name, kind, column, days, filters in TRAITS
             if kind != "last"]
    lines += [f"trait {name} = last({column} of orders)" for name, kind, column, _, _ in TRAITS if kind == "last"]
    return "\n".join(lines) + "\n"


def rules(seed, n):
    """n rules of two to four tests on the traits."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        tests = []
        for _ in range(rng.randint(2, 4)):
            name, kind, _, _, _ = rng.choice(TRAITS)
            tests.append((name, kind, rng.choice((">=", "<")), rng.choice(CUTS[kind])))
        made.append((rng.choice(("and", "or")), tests))
    return made


def sql_rule(rule):
    word, tests = rule
    return f" {word} ".join(f"{name} {op} timestamp '{cut}'" if kind == "last" else f"{name} {op} {cut}" for name, kind, op, cut in tests)


def polars_rule(pl, rule):
    import datetime
    word, tests = rule
    whole = None
    for name, kind, op, cut in tests:
        cut = datetime.datetime.fromisoformat(cut) if kind == "last" else cut
        test = (pl.col(name) >= cut) if op == ">=" else (pl.col(name) < cut)
        whole = test if whole is None else whole & test if word == "and" else whole | test
    return whole


def seg_rule(rule):
    word, tests = rule
    days = {">=": "since", "<": "before"}
    return f" {word} ".join(f"{name} {days[op] if kind == 'last' else op} {cut}" for name, kind, op, cut in tests)


def seg_rules(made):
    return "".join(f"segment t{i} where {seg_rule(r)}\n" for i, r in enumerate(made))


RFM = '''rfm loyalty from orders where status = "paid" {
  recency    5 quantiles
  frequency  5 quantiles
  monetary   5 quantiles of sum(amount)
  tiers {
    champions  r 4..5  f 4..5  m 4..5
    at_risk    r 1..2  f 4..5  m 4..5
    dormant    r 1..2  f 1..2  m 1..2
    others     otherwise
  }
}
'''


def sql_rfm():
    score = "greatest(1, ceil((rank() over (order by {0}) - 1) * 5.0 / (count(*) over () - 1)))::int as {1}"
    return ("with base as (select customer_id, max(ordered_at) as last_at, count(*) as n, sum(amount) as spend from orders "
            f"where status = 'paid' and ordered_at < timestamp '{AS_OF}' group by customer_id), "
            f"scored as (select customer_id, {score.format('last_at', 'r')}, {score.format('n', 'f')}, "
            f"{score.format('spend', 'm')} from base) "
            "select case when r >= 4 and f >= 4 and m >= 4 then 'champions' when r <= 2 and f >= 4 and m >= 4 then 'at_risk' "
            "when r <= 2 and f <= 2 and m <= 2 then 'dormant' else 'others' end as tier, count(*) from scored group by 1")
