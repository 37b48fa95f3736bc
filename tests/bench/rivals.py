"""The other engines' part of the benchmark. One piece of work, in a process of its own so that its memory is its own too:
rivals.py JSON, which prints what it took as JSON. Where there is more than one good way to ask an engine, each is tried on a part of the data
first, and the fastest is timed."""
import json
import os
import statistics
import sys
import time

import rules
import traits

TRIAL = 300_000  # customers that the ways are tried on
TEXTS = [name for name, kind, _ in rules.COLUMNS if kind.startswith("string")]


def timed(repeat, call):
    times, answer = [], None
    for _ in range(repeat):
        answer = None
        begin = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - begin)
    return times, answer


def fastest(ways, customers):
    """The name of the way that is fastest on a part; ways: {name: function of the number of customers -> call}."""
    if len(ways) == 1:
        return next(iter(ways))
    tried = {}
    for name, prepare in ways.items():
        try:
            call = prepare(min(TRIAL, customers))
            tried[name] = min(timed(2, call)[0])
        except Exception as error:  # an engine's own: this way is none for it
            print(f"{name}: {error}", file=sys.stderr)
    return min(tried, key=tried.get)


def best(w, ways):
    """Times, answer and name of the fastest way; for the answers alone one of them, another with another seed."""
    name = list(ways)[w["seed"] % len(ways)] if w["quick"] else fastest(ways, w["customers"])
    call = ways[name](w["customers"])
    return *timed(w["repeat"], call), name


# ---- DuckDB ----
def duck(w):
    import duckdb
    con = duckdb.connect()
    con.execute(f"set threads to {w['threads']}")
    con.execute("set enable_progress_bar = false")
    return con


def enums(con, path, columns):
    """ENUM types of text columns, with the texts that rules ask for even where nobody has them."""
    for name in columns:
        asked = [v for c, _, values in rules.COLUMNS if c == name for v in values]
        con.execute(f"create type {name}_kind as enum (select distinct t from (select {name}::varchar as t from "
                    f"read_parquet('{path}') union all select unnest({asked}::varchar[])) where t is not null order by t)")


def duck_load(con, w, table, texts, as_enum, customers):
    """The table in memory, of the first customers alone."""
    path = f"{w['folder']}/{table}.parquet"
    if as_enum:
        enums(con, path, texts)
    cast = ", ".join(f"{c}::{c + '_kind' if as_enum else 'varchar'} as {c}" for c in texts)
    con.execute(f"create table {table} as select * replace ({cast}) from read_parquet('{path}') where customer_id < {customers}")


def duck_ways(w, table, texts, make):
    """Texts as text, and as ENUM."""
    def way(as_enum):
        def prepare(customers):
            con = duck(w)
            duck_load(con, w, table, texts, as_enum, customers)
            return make(con, customers)
        return prepare
    return {"text": way(False), "enum": way(True)}


def duck_rules(made, once, table="customers", key=""):
    """The rules as SQL, and what they select from. once: each test once in a subquery, the rules on its columns and the key."""
    if not once:
        return [rules.sql_rule(r) for r in made], table
    names = {}
    for r in made:
        for leaf in rules.leaves(r):
            names.setdefault(leaf, f"l{len(names)}")
    inner = ", ".join(f"({rules.sql_leaf(leaf)}) as {name}" for leaf, name in names.items())
    return [rules.sql_rule(r, lambda leaf: names[leaf]) for r in made], f"(select {key}{inner} from {table})"


def arrow_counts(table):
    import pyarrow.compute as pc
    return {name: pc.sum(table[name]).as_py() or 0 for name in table.column_names if name != "customer_id"}


def duck_w1(w):
    spelled, source = duck_rules(rules.make(w["seed"], w["rules"]), w["once"])
    if w["output"] == "counts":
        query = "select " + ", ".join(f"count(*) filter (where {r})" for r in spelled) + " from " + source
        ways = duck_ways(w, "customers", TEXTS, lambda con, _: lambda: con.execute(query).fetchone())
        times, answer, way = best(w, ways)
        return times, {f"r{i}": n for i, n in enumerate(answer)}, way
    query = "select " + ", ".join(f"coalesce({r}, false) as r{i}" for i, r in enumerate(spelled)) + " from " + source
    ways = duck_ways(w, "customers", TEXTS, lambda con, _: lambda: con.execute(query).to_arrow_table())
    times, answer, way = best(w, ways)
    return times, arrow_counts(answer), way


def duck_w2(w):
    spelled = ", ".join(f"{traits.sql_trait(*t[1:])} as {t[0]}" for t in traits.TRAITS)
    query = f"create or replace table made as select customer_id, {spelled} from orders group by customer_id"
    held = {}

    def make(con, _):
        held["con"] = con
        return lambda: con.execute(query)
    times, _, way = best(w, duck_ways(w, "orders", ["category", "status"], make))
    con = held["con"]
    con.execute("drop table orders")
    con.execute(f"create table customers as select customer_id from read_parquet('{w['folder']}/customers.parquet')")
    zeros = ", ".join(f"coalesce({t[0]}, 0) as {t[0]}" if t[1] in traits.ZERO_WITHOUT_ROWS else t[0] for t in traits.TRAITS)
    joined = f"select customer_id, {zeros} from customers left join made using (customer_id)"
    asked = ", ".join(f"count(*) filter (where {traits.sql_rule(r)})" for r in traits.rules(w["seed"], w["rules"]))
    rule_times, answer = timed(w["repeat"], lambda: con.execute(f"select {asked} from ({joined})").fetchone())
    con.execute(f"create table joined as {joined}")
    lone_times, _ = timed(w["repeat"], lambda: con.execute(f"select {asked} from joined").fetchone())
    return times, {f"t{i}": n for i, n in enumerate(answer)}, way, {"rules": rule_times, "rules on the joined table": lone_times}


def duck_w3(w):
    times, answer, way = best(w, duck_ways(w, "orders", ["category", "status"],
                                           lambda con, _: lambda: con.execute(traits.sql_rfm()).fetchall()))
    return times, dict(answer), way


def duck_w4(w):
    """A share of the first 52 bits of the digest: as a number, and as the digits that it is written with."""
    cut = [(10 << 52) // 100 + 1, (55 << 52) // 100 + 1]
    digest = f"{w['hash']}('spring-26:' || customer_id)"

    def way(value, cuts):
        query = f"select case when h < {cuts[0]} then 'a' when h < {cuts[1]} then 'b' else 'c' end as arm, count(*) from " \
            f"(select {value} as h from customers) group by 1"

        def prepare(customers):
            con = duck(w)
            con.execute(f"create table customers as select customer_id from read_parquet('{w['folder']}/customers.parquet') "
                        f"where customer_id < {customers}")
            return lambda: con.execute(query).fetchall()
        return prepare
    times, answer, name = best(w, {"number": way(f"('0x' || substr({digest}, 1, 13))::bigint", cut),
                                   "digits": way(digest, [f"'{c:013x}'" for c in cut])})
    return times, dict(answer), name


# ---- Polars ----
def polars_part(pl, w, table, customers):
    """The rows of the first customers."""
    rows = pl.scan_parquet(f"{w['folder']}/{table}.parquet")
    return rows if customers == w["customers"] else rows.filter(pl.col("customer_id") < customers)


def polars_way(w, kind, engine, ask):
    """Texts as String, Categorical or Enum; the plan run in memory or streaming."""
    import polars as pl

    def prepare(customers):
        frame = polars_part(pl, w, "customers", customers).collect()
        frame = frame.with_columns(pl.col(TEXTS).cast(pl.Categorical if kind == "Categorical" else pl.String))
        if kind == "Enum":
            values = {name: {v for c, _, vs in rules.COLUMNS if c == name for v in vs} for name in TEXTS}
            frame = frame.with_columns(pl.col(c).cast(pl.Enum(sorted(values[c] | set(frame[c].drop_nulls().unique())))) for c in TEXTS)
        asked = ask(pl)
        return lambda: frame.lazy().select(asked).collect(engine=engine)
    return prepare


def polars_w1(w):
    made = rules.make(w["seed"], w["rules"])

    def ask(pl):
        spelled = [rules.polars_rule(pl, r).fill_null(False) for r in made]
        return [(e.sum() if w["output"] == "counts" else e).alias(f"r{i}") for i, e in enumerate(spelled)]
    ways = {f"{kind}, {engine}": polars_way(w, kind, engine, ask)
            for kind in (["String"] if w["plain"] else ["String", "Categorical", "Enum"]) for engine in ("in-memory", "streaming")}
    times, answer, way = best(w, ways)
    answer = answer if w["output"] == "counts" else answer.sum()
    return times, {k: int(v) for k, v in answer.row(0, named=True).items()}, way


def polars_orders(pl, w, customers):
    rows = polars_part(pl, w, "orders", customers)
    kinds = {c: pl.Enum(words) for c, words in traits.WORDS.items()}
    return rows.with_columns(pl.col(c).cast(pl.String).cast(kind) for c, kind in kinds.items()).collect()


def polars_w2_way(w, masked, engine):
    """The tests of a trait on the rows of each group, or on all rows before they are grouped."""
    import polars as pl

    def prepare(customers):
        rows = polars_orders(pl, w, customers)
        plan = traits.polars_masked(pl, rows.lazy()) if masked else \
            rows.lazy().group_by("customer_id").agg([traits.polars_trait(pl, *t) for t in traits.TRAITS])
        return lambda: plan.collect(engine=engine)
    return prepare


def polars_w2(w):
    import polars as pl
    ways = {f"{'masked before' if masked else 'filtered in groups'}, {engine}": polars_w2_way(w, masked, engine)
            for masked in (False, True) for engine in ("in-memory", "streaming")}
    times, made, way = best(w, ways)
    people = pl.read_parquet(w["folder"] + "/customers.parquet", columns=["customer_id"])
    zeros = [pl.col(t[0]).fill_null(0) for t in traits.TRAITS if t[1] in traits.ZERO_WITHOUT_ROWS]
    joined = people.lazy().join(made.lazy(), on="customer_id", how="left").with_columns(zeros)
    asked = [traits.polars_rule(pl, r).fill_null(False).sum().alias(f"t{i}")
             for i, r in enumerate(traits.rules(w["seed"], w["rules"]))]
    rule_times, answer = timed(w["repeat"], lambda: joined.select(asked).collect())
    table = joined.collect()
    lone_times, _ = timed(w["repeat"], lambda: table.lazy().select(asked).collect())
    return times, {k: int(v) for k, v in answer.row(0, named=True).items()}, way, \
        {"rules": rule_times, "rules on the joined table": lone_times}


# ---- from file to file: scripts, as one would run them from a shell ----
def columns_of(kinds):
    """{column: type} in an engine's words, as the text of a Python dict."""
    pairs = [("customer_id", "int")] + [(c, rules.KIND[c]) for c, _, _ in rules.COLUMNS]
    return "{" + ", ".join(f"'{c}': {kinds.get(kind, kinds['decimal'])}" for c, kind in pairs) + "}"


DUCK_KINDS = {"int": "'bigint'", "float": "'double'", "bool": "'boolean'", "date": "'date'", "string": "'varchar'",
              "decimal": "'decimal(12,2)'"}
POLARS_KINDS = {"int": "pl.Int64", "float": "pl.Float64", "bool": "pl.Boolean", "date": "pl.Date", "string": "pl.String",
                "decimal": "pl.Decimal(12, 2)"}


def duck_script(source, path, out, w):
    reader = f"read_parquet('{path}')" if source == "parquet" else f"read_csv('{path}', columns={columns_of(DUCK_KINDS)}, header=true)"
    spelled, source = duck_rules(rules.make(w["seed"], w["rules"]), w["once"], reader, "customer_id, ")
    columns = ", ".join(f"coalesce({r}, false) as r{i}" for i, r in enumerate(spelled))
    query = f"copy (select customer_id, {columns} from {source}) to '{out}' (format parquet)"
    return f"import duckdb\ncon = duckdb.connect()\ncon.execute('set threads to {w['threads']}')\n" \
        f"con.execute({query!r})\n"


def polars_script(source, path, out, w):
    reader = f"pl.scan_parquet('{path}')" if source == "parquet" else f"pl.scan_csv('{path}', schema={columns_of(POLARS_KINDS)})"
    return "import polars as pl, rules\n" \
        f"asked = [rules.polars_rule(pl, r).fill_null(False).alias(f'r{{i}}') for i, r in enumerate(rules.make({w['seed']}, {w['rules']}))]\n" \
        f"{reader}.select([pl.col('customer_id')] + asked).sink_parquet('{out}')\n"


SCRIPTS = {"duckdb": duck_script, "polars": polars_script}


# ---- one piece of work ----
def peak_bytes():
    """The most memory that this process had; the system's own count goes over from the process that started it."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


WORK = {"duckdb": {"w1": duck_w1, "w2": duck_w2, "w3": duck_w3, "w4": duck_w4}, "polars": {"w1": polars_w1, "w2": polars_w2}}


def main():
    w = json.loads(sys.argv[1])
    os.environ["POLARS_MAX_THREADS"] = str(w["threads"])
    times, counts, way, *more = WORK[w["engine"]][w["work"]](w)
    parts = more[0] if more else {}
    print(json.dumps({"seconds": times, "counts": counts, "way": way, "peak_bytes": peak_bytes(), "parts": parts}))


if __name__ == "__main__":
    main()
