"""Each way to spoil ``credit_limits``, and the one rule that finds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from unit.audit.night_by_hand import AS_OF, NightByHand

Spoil = Callable[[NightByHand], object]


def _row(key: str, **values: object) -> Spoil:
    return lambda night: night.row("credit_limits", customer_key=key).update(**values)


def _fact(key: str, **values: object) -> Spoil:
    return lambda night: night.row("inputs", customer_key=key).update(**values)


def _limit(key: str, amount: str, **other: object) -> Spoil:
    return lambda night: night.limit(key, amount, **other)


def _policy(name: str, value: object) -> Spoil:
    return lambda night: night.policy.update({name: value})


def _nobody(night: NightByHand) -> None:
    night.drop("scores", customer_key="c07")
    night.drop("inputs", customer_key="c07")


def _assets(night: NightByHand) -> None:
    assert night.position is not None
    night.position[1]["net_assets"] = Decimal("299999.99")


def _too_dear(night: NightByHand) -> None:
    for tier in ("F", "G"):
        for term in (3, 6, 12):
            night.price(tier, term, funding=0.2, rate=0.24)


CASES: list[tuple[str, int, Spoil]] = [
    ("customers", 1, _nobody),
    ("tier_as_scored", 1, _row("c08", tier="A")),
    ("product_cap", 2, _policy("limits.product_cap", 29_999.99)),
    ("segment_cap", 1, _policy("limits.consumer_cap", 29_999.99)),
    ("segment_cap", 1, _policy("limits.business_cap", 29_999.99)),
    ("tier_cap", 1, _limit("c09", "8100", previous_limit=Decimal(8100))),
    ("tier_cap", 1, _limit("c07", "100", action="grant")),  # G has offers but no cap above 0
    ("net_assets_share", 2, _assets),
    ("limit_in_default", 1, _limit("c06", "100", action="freeze")),
    ("decline", 1, _row("c09", action="decline")),
    ("limit_without_offer", 1, _too_dear),
    ("action", 1, _row("c09", action="keep")),
    ("action", 1, _row("c09", action=None)),
    ("negative_limit", 1, _row("c07", credit_limit=Decimal(-100), action="cut")),
    ("rounding", 1, _limit("c04", "15050")),
    ("rounding", 1, _limit("c01", "29999.99")),
    ("drawn_balance", 1, _row("c02", drawn_balance=Decimal("9000.01"))),
    ("late_growth", 1, _limit("c05", "4300", action="grant", previous_limit=None)),
    ("raise_up", 1, _row("c02", previous_limit=Decimal(30_000))),
    ("raise_step", 1, _row("c02", previous_limit=Decimal("19999.99"))),
    ("raise_conduct", 1, _fact("c02", dpd=1)),
    ("raise_conduct", 1, _fact("c02", on_time_streak=2)),
    ("raise_conduct", 1, _fact("c02", max_dpd_90d=1)),
    ("grant_conduct", 1, _fact("c01", dpd=6)),
    ("grant_conduct", 1, _fact("c01", max_dpd_90d=7)),
    ("grant_new", 1, _row("c01", previous_limit=Decimal(1000))),
    ("grant_new", 1, _row("c07", action="grant")),
    ("first_grant_cap", 1, _limit("c01", "30100")),
    ("cut", 1, _row("c04", previous_limit=Decimal(15_000))),
    ("cut", 1, _row("c04", previous_limit=None)),
    ("hold", 1, _row("c08", previous_limit=Decimal("4999.99"))),
    ("hold", 1, _row("c07", action="hold")),
    ("freeze", 1, _limit("c05", "4321.51")),
]


@pytest.mark.parametrize(("rule", "count", "spoil"), CASES)
def test_found(night: NightByHand, tmp_path: Path, rule: str, count: int, spoil: Spoil) -> None:
    spoil(night)
    assert [(one.table, one.rule, one.count) for one in night.audit(tmp_path)] == [("credit_limits", rule, count)]


def test_a_scored_customer_without_a_row(night: NightByHand, tmp_path: Path) -> None:
    night.drop("credit_limits", customer_key="c07")
    assert [(one.table, one.rule) for one in night.audit(tmp_path)] == [("scores", "customers_limited")]


def test_late_customers_may_not_be_raised_either(night: NightByHand, tmp_path: Path) -> None:
    _fact("c02", dpd=7)(night)
    assert {one.rule for one in night.audit(tmp_path)} == {"late_growth", "raise_conduct"}


def test_six_days_past_due_is_not_yet_late(night: NightByHand, tmp_path: Path) -> None:
    _fact("c03", dpd=6)(night)
    assert night.audit(tmp_path) == []


def test_a_grant_after_a_limit_of_zero_is_a_first_limit(night: NightByHand, tmp_path: Path) -> None:
    _row("c01", previous_limit=Decimal(0))(night)
    assert night.audit(tmp_path) == []


@pytest.mark.parametrize(("review", "expected"), [("month_end", [("raise_review", 1)]), ("nightly", [])])
def test_raises_wait_for_a_review_night(
    night: NightByHand, tmp_path: Path, review: str, expected: list[tuple[str, int]]
) -> None:
    night.policy["limits.raise_review"] = review
    day = AS_OF - timedelta(days=1)
    for rows in night.tables.values():
        for row in rows:
            row["as_of"] = day
    assert [(one.rule, one.count) for one in night.audit(tmp_path, day)] == expected


def test_without_a_position_net_assets_bind_nobody(night: NightByHand, tmp_path: Path) -> None:
    _assets(night)
    night.position = []
    assert night.audit(tmp_path) == []
