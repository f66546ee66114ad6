"""What one household may have, judged on tampered rows of the night made by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from unit.audit.night_by_hand import NightByHand

from tierline.audit import audit_tables


def _household(night: NightByHand, *keys: str, name: str = "h1") -> None:
    for key in keys:
        night.row("inputs", customer_key=key)["household_key"] = name


def _found(night: NightByHand, folder: Path) -> list[tuple[str, str, int]]:
    return [(one.table, one.rule, one.count) for one in night.audit(folder)]


HOUSEHOLD = [("credit_limits", "household_cap", 1)]
RELATED = [("credit_limits", "related_parties", 1)]


@pytest.mark.parametrize(("cap", "expected"), [(42_345.67, []), (42_345.66, HOUSEHOLD)])
def test_consumers_of_a_household_together(
    night: NightByHand, tmp_path: Path, cap: float, expected: list[tuple[str, str, int]]
) -> None:
    """30,000 and 12,345.67; the sole proprietor's 30,000 do not count here. No position: nothing is known of assets."""
    _household(night, "c01", "c02", "c03")
    night.position = []
    night.policy["limits.consumer_cap"] = cap
    assert _found(night, tmp_path) == expected


def test_a_raised_limit_is_found(night: NightByHand, tmp_path: Path) -> None:
    """The cap is kept to the yuan, then the held limit is 100 more than it was."""
    _household(night, "c03", "c08")
    night.policy["limits.consumer_cap"] = 30_000.0
    night.limit("c08", "17654.33", previous_limit=Decimal("17654.33"))
    assert _found(night, tmp_path) == []
    night.limit("c08", "17754.33", previous_limit=Decimal("17754.33"))
    assert _found(night, tmp_path) == HOUSEHOLD


@pytest.mark.parametrize(("assets", "expected"), [("400000.00", []), ("399999.99", RELATED)])
def test_all_members_together_by_net_assets(
    night: NightByHand, tmp_path: Path, assets: str, expected: list[tuple[str, str, int]]
) -> None:
    """30,000 of the consumer and 30,000 of the proprietor are 15 % of 400,000; alone each may have 10 %."""
    _household(night, "c01", "c02")
    assert night.position is not None
    night.position[1]["net_assets"] = Decimal(assets)
    assert _found(night, tmp_path) == expected


def test_drawn_without_a_limit_counts(night: NightByHand, tmp_path: Path) -> None:
    """c06 is in default and has no limit, but 5,000 are out: with c08's 5,000 that is 10,000."""
    _household(night, "c06", "c08")
    night.policy["limits.consumer_cap"] = 30_000.0
    assert _found(night, tmp_path) == []
    night.row("inputs", customer_key="c06")["drawn_balance"] = Decimal("25000.01")
    night.row("credit_limits", customer_key="c06")["drawn_balance"] = Decimal("25000.01")
    assert _found(night, tmp_path) == HOUSEHOLD


def test_a_household_above_its_cap_by_what_is_drawn_alone_is_not_at_fault(night: NightByHand, tmp_path: Path) -> None:
    """c05 is frozen at the 4,321.50 it has drawn, c06 owes what is above the cap by itself."""
    _household(night, "c05", "c06")
    for table in ("inputs", "credit_limits"):
        night.row(table, customer_key="c06")["drawn_balance"] = Decimal(40_000)
    night.policy["limits.consumer_cap"] = 30_000.0
    assert _found(night, tmp_path) == []


def test_inputs_older_than_the_column_bind_nobody(night: NightByHand, tmp_path: Path) -> None:
    _household(night, "c01", "c03")
    night.policy["limits.consumer_cap"] = 30_000.0
    assert _found(night, tmp_path) == HOUSEHOLD
    context = night.context(tmp_path)
    assert isinstance(context.inputs, pa.Table)
    older = replace(context, inputs=context.inputs.drop_columns(["household_key"]))
    paths = {name: tmp_path / f"{name}.parquet" for name in night.tables}  # as written just now
    assert audit_tables(paths, older) == []
