"""Windows from arrays of segments equal those that pandas makes of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tierline.engine import session
from tierline.features.measures import BY_NAME, Window
from tierline.features.spans import BALANCE_AT, make_spans
from tierline.features.state import ABSENT

SEGMENTS, BANDS = 11, {10: 7, 9: 30, 8: 30, 7: 90, 6: 90, 5: 90, 4: 365, 3: 365}
WINDOWS = tuple(
    Window(BY_NAME[name], days)
    for name, days in (
        *(("debit", 7), ("debit", 90), ("debit", 365), ("rows", 365), ("balance_sum", 30), ("debit_max", 90)),
        *(("balance_min", 30), ("balance_min", 365), ("event_day", 365), ("last_cash", 365)),
    )
)
WHERE = {"debit": "is_debit", "debit_max": "is_debit", "last_cash": "is_cash"}
VALUE = {"debit": "cents", "debit_max": "cents", "rows": "one", "event_day": "day", "last_cash": "day"}
HOW = {"debit": "sum", "rows": "sum", "balance_sum": "sum", "balance_min": "min"}


@pytest.fixture(scope="module", params=[100, 40_000, 3_000_000_000], ids=["16 bits", "32 bits", "64 bits"])
def rows(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Few rows, so that many spans lack some; values that need more bits only in the last segments."""
    rng, count = np.random.default_rng(5), 300
    segment = rng.integers(0, SEGMENTS, count)
    most = np.where(segment > 7, request.param, 100)
    return pd.DataFrame(
        {
            "no": rng.choice([3, 4, 17, 20_000], count, p=[0.5, 0.4, 0.09, 0.01]),
            "segment": segment,
            "day": 20_000 + 3 * segment + rng.integers(0, 3, count),
            "cents": rng.integers(1, most),
            "balance": pd.array(np.where(rng.random(count) < 0.3, -rng.integers(1, most), 0), "Int64").astype(object),
            "is_debit": rng.random(count) < 0.4,
            "is_cash": rng.random(count) < 0.1,
            "occurred": rng.permutation(count) * 10**9,
            "one": 1,
        }
    ).assign(balance=lambda frame: frame.balance.where(rng.random(count) < 0.3, None))


@pytest.mark.parametrize("at_once", [1, 4, SEGMENTS])
def test_windows_equal_those_of_the_rows(rows: pd.DataFrame, at_once: int) -> None:
    bands = pa.table({"segment": pa.array(list(BANDS), pa.int16()), "band": pa.array(list(BANDS.values()), pa.int16())})
    with session() as connection:
        connection.register("given", rows.assign(balance=rows.balance.astype("Int64")))
        connection.execute(
            "CREATE TABLE tx AS SELECT *, day AS known, CASE WHEN is_cash THEN 'cash' ELSE '' END AS role FROM given"
        )
        spans = make_spans(connection, WINDOWS, "tx", SEGMENTS, at_once)
    found = spans.windows_on(bands)
    assert spans.numbers.tolist() == sorted(rows.no.unique())
    for window in WINDOWS:
        assert found[window.column].tolist() == expected(rows, window.measure.name, window.days), window.column
    assert found[BALANCE_AT.name].tolist() == expected(rows, "balance_at", 365)


def expected(rows: pd.DataFrame, name: str, days: int) -> list[int]:
    inside = rows[rows.segment.map(BANDS).fillna(1_000) <= days]
    if name in WHERE:
        inside = inside[inside[WHERE[name]]]
    value = "occurred" if name == "balance_at" else VALUE.get(name, "balance")
    counted = inside[inside.balance.notna()] if value in ("balance", "occurred") else inside
    how = HOW.get(name, "max")
    each = {number: [int(item) for item in part[value]] for number, part in counted.groupby("no")}
    nothing = 0 if how == "sum" else ABSENT
    return [{"sum": sum, "min": min, "max": max}[how](each[no]) if no in each else nothing for no in sorted({*rows.no})]
