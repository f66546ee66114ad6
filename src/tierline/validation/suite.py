"""The Great Expectations suite over a metrics frame, and its verdict.

Belongs here: everything that imports Great Expectations. Does not belong here: computing metrics
(``validation.metrics``).

The suite judges one row per table instead of the table: ten expectations on ten million rows take 37 s and 2.7 GiB in
pandas, the one query takes under a second. No value of a table enters a suite, so none can land in its results, nor
in the Data Docs built of them (``validation.data_docs``).
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd

from tierline.validation.metrics import Metric


@dataclass(frozen=True)
class Expected:
    """A metric's name, the bounds it must keep (inclusive, None is open) and the line to show if it does not.

    ``rule`` is the expectation in plain words, kept or not; by default the line without what it says was found.
    """

    metric: str
    minimum: int | None
    maximum: int | None
    text: str
    rule: str = ""

    @property
    def plain_words(self) -> str:
        """What is expected, such as ``transactions.amount: expect values of at least 0``."""
        return self.rule or self.text.rpartition(": ")[0] or self.text


@dataclass(frozen=True)
class Judgement:
    """The line of each expectation that failed, in order, and all that Great Expectations found, as JSON's types."""

    failed: tuple[str, ...]
    results: dict[str, Any] = field(repr=False)


def none_of(metric: Metric) -> Expected:
    """A count that must be zero."""
    return Expected(metric.name, 0, 0, metric.text)


def judge(table: str, measured: dict[str, int], expected: list[Expected]) -> Judgement:
    """Evaluate a suite of ``expected`` on the one-row frame ``measured``.

    An expectation that could not be evaluated fails, and its line says so. The maximum of one row is its value: unlike
    an expectation on each row, one on the maximum reports the count itself.
    """
    gx = great_expectations()
    suite = gx.ExpectationSuite(
        name=table,
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=item.metric,
                min_value=item.minimum,
                max_value=item.maximum,
                description=item.plain_words,
                meta={"order": order},
            )
            for order, item in enumerate(expected)
        ],
    )
    frame = pd.DataFrame({name: [value] for name, value in measured.items()})
    found = batch_of(frame).validate(suite, result_format="BASIC")
    record: dict[str, Any] = found.to_json_dict()
    if len(found.results) != len(expected):
        line = f"{table}: {len(expected)} expectations set, but {len(found.results)} evaluated"
        return Judgement((line,), record | {"success": False})
    outcomes = {result.expectation_config.meta["order"]: result for result in found.results}
    failed = tuple(
        _line(item, measured, _raised(outcomes[order]))
        for order, item in enumerate(expected)
        if not outcomes[order].success
    )
    return Judgement(failed, record)


def _line(item: Expected, measured: dict[str, int], raised: bool) -> str:
    if raised:
        return f"{item.text.format(n='?')} (the expectation could not be evaluated)"
    return item.text.format(n=measured[item.metric])


def _raised(result: Any) -> bool:
    """Great Expectations reports one exception flat, or several by metric."""
    info = result.exception_info or {}
    return bool(info.get("raised_exception")) or any(
        isinstance(value, dict) and value.get("raised_exception") for value in info.values()
    )


@cache
def great_expectations() -> Any:
    """The module. Import late: it takes seconds, and only validation needs it."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it logs hundreds of lines while it is imported
    with warnings.catch_warnings():
        # great_expectations 1.24 imports modules that Python 3.11 deprecates; nothing here can mend that.
        warnings.filterwarnings("ignore", "module 'sre_(constants|parse)' is deprecated", DeprecationWarning)
        import great_expectations
        import great_expectations.expectations
    return great_expectations


@cache
def context() -> Any:
    """The one ephemeral context of this process."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # Without this an ephemeral context leaves a directory for Data Docs behind.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=stores, analytics_enabled=False)
    made = gx.get_context(mode="ephemeral", project_config=config)
    made.variables.progress_bars = {"globally": False}
    return made


def batch_of(frame: pd.DataFrame) -> Any:
    """``frame`` as a batch that a suite can judge."""
    return _batch_definition().get_batch({"dataframe": frame})


@cache
def _batch_definition() -> Any:
    asset = context().data_sources.add_pandas("metrics").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("row")
