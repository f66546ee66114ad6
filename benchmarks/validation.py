"""Ten rules over one day of transactions: tierline's suite on a metrics frame against Great Expectations on pandas.

The day stands in the lake as ingest leaves it: skewed customers, categories and shops, seeded, one file per bucket,
each sorted. Both contenders read the same files and must find the same verdict on each rule, on the clean day and on
ten days with one rule broken each: ``run`` raises otherwise.

Two peers: ``great expectations`` reads with ``pd.read_parquet`` as its guides do, so that money and dates are Python
objects; ``great expectations, tuned`` has them cast to floats and timestamps and the day compared as a set, the
fastest found.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import paired, ratio_rows
from tierline.engine import session
from tierline.parquet import described_schema, write_arrow
from tierline.schemas import LAKE
from tierline.validation.metrics import Metric, Source, contract_metrics, count_where, measure
from tierline.validation.suite import batch_of, great_expectations, judge, none_of

CONTRACT = LAKE["transactions"]
DAY = date(2026, 3, 2)
BUCKETS = 8
SMALL = 20_000  # rows of the days on which every rule is broken in turn
TIERLINE, PLAIN, TUNED = "tierline", "great expectations", "great expectations, tuned"
RULES = (
    "transaction_id__null",
    "occurred_at__null",
    "amount__null",
    "category__null",
    "amount__outside",
    "direction__not_allowed",
    "customer_key__clear",
    "counterparty_key__clear",
    "outside_load",
    "repeated_keys",
)
COLUMNS = [
    *("transaction_id", "customer_key", "occurred_at", "amount", "direction", "category"),
    *("counterparty_key", "recorded_at", "known_on"),
]
FAULTS: dict[str, tuple[str, str]] = {
    "transaction_id__null": ("transaction_id", "NULL"),
    "occurred_at__null": ("occurred_at", "NULL"),
    "amount__null": ("amount", "NULL"),
    "category__null": ("category", "NULL"),
    "amount__outside": ("amount", "-0.01"),
    "direction__not_allowed": ("direction", "'sideways'"),
    "customer_key__clear": ("customer_key", "upper(customer_key)"),
    "counterparty_key__clear": ("counterparty_key", "'SHOP-17'"),
    "outside_load": ("known_on", f"DATE '{DAY}' + 1"),
    "repeated_keys": ("transaction_id", "any_value(transaction_id) OVER ()"),
}
"""For each rule the column and the value that three rows are given to break it, and no other rule."""


def write_day(directory: Path, rows: int, customers: int = 0) -> Path:
    """Write ``rows`` transactions below ``directory``, a bucket at a time: memory is that of a bucket."""
    schema = described_schema(CONTRACT)
    with session() as connection:
        connection.execute(_people_sql(customers or max(BUCKETS * 10, rows // 10)))
        for bucket in range(BUCKETS):
            first, last = bucket * rows // BUCKETS, (bucket + 1) * rows // BUCKETS
            data = connection.sql(_bucket_sql(bucket, first, last)).to_arrow_table().cast(schema)
            write_arrow(directory / f"bucket={bucket:03d}.parquet", data)
    return directory


def break_rule(day: Path, rule: str, directory: Path) -> Path:
    """Copy ``day`` with three rows of one file changed so that ``rule`` alone is broken."""
    column, value = FAULTS[rule]
    for number, file in enumerate(sorted(day.glob("*.parquet"))):
        data = pq.read_table(file, partitioning=None)
        if number == BUCKETS // 2:
            with session() as connection:
                connection.register("whole", data)
                numbered = "(SELECT *, row_number() OVER () AS place FROM whole)"
                chosen = f"CASE WHEN place IN (1, 7, 19) THEN {value} ELSE {column} END AS {column}"
                query = f"SELECT * EXCLUDE (place) REPLACE ({chosen}) FROM {numbered}"
                schema = pa.schema([field.with_nullable(True) for field in data.schema])
                data = connection.sql(query).to_arrow_table().cast(schema)
            if rule == "repeated_keys":
                index = data.schema.get_field_index("recorded_at")
                same = pa.array([data.column(index)[0]] * data.num_rows, data.schema.field(index).type)
                data = data.set_column(index, data.schema.field(index), same)
        write_arrow(directory / file.name, data)
    return directory


def ten_metrics(schema: pa.Schema) -> list[Metric]:
    """The ten rules as the lake's validation measures them."""
    outside = f"known_on NOT BETWEEN DATE '{DAY}' AND DATE '{DAY}'"
    metrics = [*contract_metrics(CONTRACT, schema), count_where("outside_load", outside, "known_on: expect the day")]
    found = {metric.name: metric for metric in metrics}
    return [found[rule] for rule in RULES]


def tierline(day: Path) -> dict[str, bool]:
    """Verdict per rule: one query and the suite over its one-row frame."""
    files = tuple(sorted(day.glob("*.parquet")))
    listed = ", ".join(f"'{file.as_posix()}'" for file in files)
    source = Source(f"read_parquet([{listed}], hive_partitioning = false)", pq.read_schema(files[0]), files)
    metrics = ten_metrics(source.schema)
    with session() as connection:
        measured = measure(connection, source, metrics)
    failed = judge("transactions", measured, [none_of(metric) for metric in metrics]).failed
    return {metric.name: metric.text.format(n=measured[metric.name]) not in failed for metric in metrics}


def rows_in_pandas(day: Path) -> dict[str, bool]:
    """Verdict per rule: ten expectations over the rows, read as a data frame."""
    frame = pd.read_parquet(day, columns=COLUMNS, partitioning=None)
    return _expectations(frame, _gx().ExpectColumnValuesToBeBetween(column="known_on", min_value=DAY, max_value=DAY))


def rows_in_pandas_tuned(day: Path) -> dict[str, bool]:
    """The same with types that pandas compares fast."""
    table = pq.read_table(day, columns=COLUMNS, partitioning=None)
    for column, fast in (("amount", pa.float64()), ("known_on", pa.timestamp("us"))):
        table = table.set_column(table.schema.get_field_index(column), column, table.column(column).cast(fast))
    frame = table.to_pandas()
    del table
    return _expectations(frame, _gx().ExpectColumnValuesToBeInSet(column="known_on", value_set=[pd.Timestamp(DAY)]))


CONTENDERS: dict[str, Callable[[Path], dict[str, bool]]] = {
    TIERLINE: tierline,
    PLAIN: rows_in_pandas,
    TUNED: rows_in_pandas_tuned,
}


def compare_verdicts(day: Path) -> list[str]:
    """Judge ``day`` and ten broken copies with every contender; raise where two differ or the wrong rule fails."""
    lines = []
    for broken in ("", *RULES):
        with TemporaryDirectory() as folder:
            path = break_rule(day, broken, Path(folder)) if broken else day
            verdicts = {name: judged(path) for name, judged in CONTENDERS.items()}
        expected = {rule: rule != broken for rule in RULES}
        wrong = [name for name, verdict in verdicts.items() if verdict != expected]
        if wrong:
            raise AssertionError(f"{broken or 'clean day'}: expected {expected}, found {verdicts}")
        lines.append(f"{broken or 'clean day'}: {len(RULES)} of {len(RULES)} verdicts agree")
    return lines


def run(rows: int, rounds: int) -> tuple[str, dict[str, list[float]]]:
    """Title, and seconds per contender and round."""
    with TemporaryDirectory() as folder:
        small = write_day(Path(folder) / "small", SMALL)
        for line in compare_verdicts(small):
            print(line)
        day = write_day(Path(folder) / "day", rows)
        for name in CONTENDERS:
            print(f"{name}: peak {_peak(name, day):.2f} GiB")
        verdicts: list[dict[str, bool]] = []
        contenders = {name: (lambda judged=judged: verdicts.append(judged(day))) for name, judged in CONTENDERS.items()}
        seconds = paired(contenders, rounds)
        if any(verdict != dict.fromkeys(RULES, True) for verdict in verdicts):
            raise AssertionError(f"the clean day of {rows} rows: {verdicts}")
        print(f"clean day of {rows:,} rows: {len(RULES)} of {len(RULES)} verdicts agree in {len(verdicts)} runs")
        return f"validation of a day of {rows:,} transactions, {len(RULES)} rules", seconds


def _gx() -> Any:
    return great_expectations().expectations


def _expectations(frame: pd.DataFrame, day: Any) -> dict[str, bool]:
    gx = _gx()
    not_null = [rule.removesuffix("__null") for rule in RULES if rule.endswith("__null")]
    pattern = "^[0-9a-f]{32}$"
    expectations = [
        *(gx.ExpectColumnValuesToNotBeNull(column=column) for column in not_null),
        gx.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
        gx.ExpectColumnValuesToBeInSet(column="direction", value_set=["credit", "debit"]),
        gx.ExpectColumnValuesToMatchRegex(column="customer_key", regex=pattern),
        gx.ExpectColumnValuesToMatchRegex(column="counterparty_key", regex=pattern),
        day,
        gx.ExpectCompoundColumnsToBeUnique(column_list=["transaction_id", "recorded_at"]),
    ]
    for rule, expectation in zip(RULES, expectations, strict=True):
        expectation.meta = {"rule": rule}
    suite = great_expectations().ExpectationSuite(name="day", expectations=expectations)
    batch = batch_of(frame)
    results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    found = {result.expectation_config.meta["rule"]: bool(result.success) for result in results}
    return {rule: found[rule] for rule in RULES}


def _people_sql(customers: int) -> str:
    bucket = f"('0x' || left(key, 8))::BIGINT % {BUCKETS}"
    return (
        f"CREATE TABLE people AS SELECT key, {bucket} AS bucket,"
        f" row_number() OVER (PARTITION BY {bucket} ORDER BY n) - 1 AS rank"
        f" FROM (SELECT n, md5('customer ' || n) AS key FROM range({customers}) AS numbers(n))"
    )


def _bucket_sql(bucket: int, first: int, last: int) -> str:
    people = f"(SELECT key, rank FROM people WHERE bucket = {bucket})"
    rank = f"floor(pow({_share('who')}, 3) * (SELECT count(*) FROM {people}))::BIGINT"
    shop = f"CASE WHEN {_share('none')} > 0.3 THEN md5('shop' || floor(pow({_share('shop')}, 4) * 1e6)::INT) END"
    return (
        f"SELECT '{DAY:%Y%m%d}' || lpad(((i * 387420489) % 1000000000039)::VARCHAR, 12, '0') AS transaction_id,"
        f" key AS customer_key, moment AS occurred_at, DATE '{DAY}' AS occurred_on,"
        f" exp({_share('amount')} * 8)::DECIMAL(18,2) AS amount,"
        f" CASE WHEN {_share('way')} < 0.15 THEN 'credit' ELSE 'debit' END AS direction,"
        f" 'category_' || floor(pow({_share('what')}, 2) * 40)::INT AS category,"
        f" 'channel_' || floor(pow({_share('how')}, 2) * 6)::INT AS channel, NULL::VARCHAR AS scenario_id,"
        f" {shop} AS counterparty_key, ({_share('left')} * 50000)::DECIMAL(18,2) AS balance_after,"
        f" moment + INTERVAL 1 MINUTE AS recorded_at, DATE '{DAY}' AS known_on"
        f" FROM (SELECT i, {rank} AS rank,"
        f" TIMESTAMPTZ '{DAY} 00:00:00+00' + to_seconds(({_share('when')} * 86000)::BIGINT) AS moment"
        f" FROM range({first}, {last}) AS numbers(i)) JOIN {people} USING (rank)"
        f" ORDER BY customer_key, occurred_at, transaction_id"
    )


def _share(salt: str) -> str:
    """A number in [0, 1) that depends on the row and ``salt`` alone, on every machine."""
    return f"(md5_number_lower('{salt} 7 ' || i) / 18446744073709551616.0)"


def _peak(name: str, day: Path) -> float:
    """Peak memory in GiB of one contender in a process of its own, imports included."""
    command = [sys.executable, "-m", "benchmarks.validation", "--contender", name, "--day", str(day)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", help="run one contender once and print its peak memory in GiB")
    parser.add_argument("--day", type=Path)
    chosen = parser.parse_args()
    if chosen.contender:
        CONTENDERS[chosen.contender](chosen.day)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    title, seconds = run(chosen.rows, chosen.rounds)
    print(title)
    for row in ratio_rows(seconds, TIERLINE):
        print(" | ".join(row))


if __name__ == "__main__":
    main()
