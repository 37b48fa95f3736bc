"""The benchmark's data, from a seed: N customers and ten times as many orders in the order of time, as Parquet."""
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import rules

BATCH = 1_000_000
ORDERS_A_CUSTOMER = 10
FIRST_ORDER, LAST_ORDER = 1_667_260_800, 1_793_491_200  # 2022-11-01 to 2026-11-01, seconds
LOW = {"city": ["city_%03d" % i for i in range(400)]}
SPREAD = {"age": (18, 91), "visits_30d": (0, 30), "points": (0, 6000), "children": (0, 5)}


def cents(rng, low, high, n):
    values = rng.integers(low * 100, high * 100, n, dtype=np.int64)
    words = np.zeros((n, 2), dtype=np.int64)  # a 128-bit decimal: low word, sign
    words[:, 0] = values
    words[:, 1] = values >> 63
    return words


def decimals(words, mask):
    n = len(words)
    bits = None
    if mask is not None:
        bits = pa.array(~mask).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(12, 2), n, [bits, pa.py_buffer(np.ascontiguousarray(words))])


def column(rng, name, kind, values, n):
    mask = rng.random(n) < 0.15 if kind.endswith("?") else None
    base = kind.rstrip("?")
    if base == "int":
        return pa.array(rng.integers(*SPREAD[name], n, dtype=np.int64), mask=mask)
    if base == "float":
        return pa.array(rng.random(n), mask=mask)
    if base == "bool":
        return pa.array(rng.random(n) < 0.6)
    if base == "date":
        last = 20757  # 2026-10-31
        days = last - rng.integers(0, 2200 if name == "signup_on" else 500, n, dtype=np.int32)
        return pa.array(days, mask=mask).cast(pa.date32())
    if base.startswith("decimal"):
        return decimals(cents(rng, -200 if name == "balance" else 8000, 6000 if name == "balance" else 150000, n), mask)
    words = LOW.get(name, values)
    codes = pa.array(rng.integers(0, len(words), n, dtype=np.int32), mask=mask)
    return pa.DictionaryArray.from_arrays(codes, pa.array(words))


def customers(rng, first, n):
    arrays = [pa.array(np.arange(first, first + n, dtype=np.int64))]
    arrays += [column(rng, name, kind, values, n) for name, kind, values in rules.COLUMNS]
    return pa.table(arrays, names=["customer_id"] + [name for name, _, _ in rules.COLUMNS])


def orders(rng, first, n, total, ncustomers):
    span = LAST_ORDER - FIRST_ORDER
    at = FIRST_ORDER + (np.arange(first, first + n, dtype=np.int64) * span) // total
    who = rng.integers(0, ncustomers, n, dtype=np.int64)
    words = ["books", "music", "games", "garden", "toys", "sport", "home", "food"]
    states = ["paid", "paid", "paid", "pending", "cancelled"]
    def text(choices):
        distinct = sorted(set(choices))
        codes = np.array([distinct.index(c) for c in choices], dtype=np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes[rng.integers(0, len(choices), n)]), pa.array(distinct))
    return pa.table([pa.array(who), pa.array(at * 1_000_000).cast(pa.timestamp("us")), decimals(cents(rng, 1, 300, n), None),
                     pa.array(rng.integers(1, 9, n, dtype=np.int64)), text(words), text(states)],
                    names=["customer_id", "ordered_at", "amount", "quantity", "category", "status"])


def write(path, batches):
    writer = None
    for batch in batches:
        writer = writer or pq.ParquetWriter(path + ".part", batch.schema)
        writer.write_table(batch)
    writer.close()
    os.replace(path + ".part", path)


def is_made(folder):
    return all(os.path.exists(os.path.join(folder, name)) for name in ("customers.parquet", "orders.parquet"))


def make(folder, n, seed):
    """Makes what is not there."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "customers.parquet")
    if not os.path.exists(path):
        rng = np.random.default_rng(seed)
        write(path, (customers(rng, k, min(BATCH, n - k)) for k in range(0, n, BATCH)))
    path = os.path.join(folder, "orders.parquet")
    if not os.path.exists(path):
        rng = np.random.default_rng(seed + 1)
        total = n * ORDERS_A_CUSTOMER
        write(path, (orders(rng, k, min(BATCH, total - k), total, n) for k in range(0, total, BATCH)))


def make_csv(folder):
    """The customers as CSV, of those in folder."""
    path = os.path.join(folder, "customers.csv")
    if os.path.exists(path):
        return
    table = pq.read_table(os.path.join(folder, "customers.parquet"))
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    pa.csv.write_csv(pa.table(plain, names=table.column_names), path + ".part")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
