"""The test rows by segment, region, thin file and age band.

Belongs here: which groups there are and the figures of each. Does not belong here: how the table looks (``sections``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.calibration import auc, reliability_table
from tierline.models import ModelBundle

Names = npt.NDArray[np.object_]
DESCRIBED = ("segment", "region_code", "birth_year", "history_months")
THIN_MONTHS = 3
AGE_BANDS = ((25, "24 and under"), (35, "25 to 34"), (45, "35 to 44"), (55, "45 to 54"), (200, "55 and over"))
FEWEST_ROWS = 30
FEWEST_OF_AN_OUTCOME = 10
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class SegmentRow:
    """One group of the test rows; ``low`` and ``high`` are the 95 % Jeffreys interval of the observed rate.

    ``auc`` is None where one of the outcomes has fewer than ``FEWEST_OF_AN_OUTCOME`` rows.
    """

    grouping: str
    group: str
    rows: int
    defaults: int
    observed: float
    low: float
    high: float
    mean_pd: float
    auc: float | None

    @property
    def level(self) -> str:
        """Where the mean PD lies: ``too low`` or ``too high`` if outside the interval, else empty."""
        return "too low" if self.mean_pd < self.low else "too high" if self.mean_pd > self.high else ""


def missing_columns(bundle: ModelBundle) -> list[str]:
    """What the test rows lack of the columns that groups are made of: all of them, for a bundle of a flat table."""
    return [name for name in DESCRIBED if name not in bundle.test_rows.column_names]


def segment_rows(bundle: ModelBundle) -> list[SegmentRow]:
    """Figures of each group; groups of fewer than ``FEWEST_ROWS`` rows of one grouping are taken together.

    Sorted by grouping in the order of the module's docstring, then by name. Needs the columns ``DESCRIBED``.
    """
    test = bundle.test_rows
    found = [_rows_of("all", np.array(["all test rows"] * len(test), dtype=object), test)]
    found += [_rows_of(grouping, merged(names), test) for grouping, names in groupings(test).items()]
    return [row for rows in found for row in rows]


def groupings(test: pa.Table) -> dict[str, Names]:
    """The group of each row, by grouping."""
    frame = test.select(["as_of", *DESCRIBED]).to_pandas()
    months = frame["history_months"].to_numpy(dtype=np.float64)
    year = np.array([day.year for day in frame["as_of"]], dtype=np.float64)
    age = year - frame["birth_year"].to_numpy(dtype=np.float64)
    bands = np.array([name for _, name in AGE_BANDS], dtype=object)
    band = bands[np.searchsorted([end for end, _ in AGE_BANDS[:-1]], np.nan_to_num(age), side="right")]
    thin = np.where(months < THIN_MONTHS, f"under {THIN_MONTHS} months known", f"{THIN_MONTHS} months or more")
    return {
        "segment": frame["segment"].fillna(NOT_KNOWN).to_numpy(dtype=object),
        "region": frame["region_code"].fillna(NOT_KNOWN).to_numpy(dtype=object),
        "thin file": np.where(np.isnan(months), NOT_KNOWN, thin).astype(object),
        "age band": np.where(np.isnan(age), NOT_KNOWN, band).astype(object),
    }


def merged(names: Names) -> Names:
    """The names with those of fewer than ``FEWEST_ROWS`` rows under one, where there are several."""
    values, counts = np.unique(names.astype(str), return_counts=True)
    taken = values[counts < FEWEST_ROWS].tolist()
    if len(taken) < 2:
        return names
    together = " + ".join(taken) if len(taken) <= 3 else f"{len(taken)} small groups together"
    return np.where(np.isin(names.astype(str), taken), together, names)


def _rows_of(grouping: str, names: Names, test: pa.Table) -> list[SegmentRow]:
    p = test.column("pd_12m").to_numpy()
    y = test.column("defaulted").to_numpy()
    who = test.column("customer_key").to_numpy().astype(str)
    table = reliability_table(p, y, who, {"group": names.astype(str)}).to_pylist()
    return [
        SegmentRow(
            grouping,
            row["group"],
            row["rows"],
            row["defaults"],
            row["observed"],
            row["low"],
            row["high"],
            row["mean_pd"],
            _auc(p[names == row["group"]], y[names == row["group"]]),
        )
        for row in table
        if row["grouping"] == "group"
    ]


def _auc(p: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]) -> float | None:
    if min(int(y.sum()), int((~y).sum())) < FEWEST_OF_AN_OUTCOME:
        return None
    return auc(p, y, np.ones(len(y)))
