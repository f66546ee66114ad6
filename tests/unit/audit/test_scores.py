"""Each way to spoil ``scores``, and the one rule that finds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from unit.audit.night_by_hand import NightByHand, points

Spoil = Callable[[NightByHand], object]


def _unscored(night: NightByHand) -> None:
    night.drop("scores", customer_key="c07")
    night.drop("credit_limits", customer_key="c07")


def _half_in_default(night: NightByHand) -> None:
    night.row("inputs", customer_key="c06")["pd_12m"] = 0.99
    night.row("scores", customer_key="c06").update(pd_12m=0.99, score=points(0.99))


def _tier(key: str, tier: str) -> Spoil:
    def spoil(night: NightByHand) -> None:
        for table in ("scores", "credit_limits"):
            night.row(table, customer_key=key)["tier"] = tier

    return spoil


def _score(key: str, **values: object) -> Spoil:
    return lambda night: night.row("scores", customer_key=key).update(**values)


CASES: list[tuple[str, str, Spoil]] = [
    ("decision_inputs", "customers_scored", _unscored),
    ("scores", "customers", lambda night: night.drop("inputs", customer_key="c07")),
    ("scores", "pd", lambda night: night.row("inputs", customer_key="c01").update(pd_12m=0.0041)),
    ("scores", "pd_in_default", _half_in_default),
    ("scores", "thin_file", _score("c01", thin_file=True)),
    ("scores", "tier_in_default", _tier("c07", "X")),
    ("scores", "tier_in_default", _tier("c06", "G")),
    ("scores", "tier", _tier("c08", "C")),  # its PD is just the bound of B, which belongs to B
    ("scores", "tier", _tier("c02", "A")),
    ("scores", "tier", _tier("c07", "H")),
    ("scores", "score", _score("c01", score=points(0.004) + 0.001)),
    ("scores", "score", _score("c01", score=float("nan"))),
    ("scores", "score", _score("c06", score=float("-inf"))),
]


@pytest.mark.parametrize(("table", "rule", "spoil"), CASES)
def test_found(night: NightByHand, tmp_path: Path, table: str, rule: str, spoil: Spoil) -> None:
    spoil(night)
    findings = night.audit(tmp_path)
    if rule == "tier" and night.row("credit_limits", customer_key="c07")["tier"] == "H":
        findings = [one for one in findings if one.rule != "tier_cap"]  # an unknown tier has no cap either
    assert [(one.table, one.rule, one.count) for one in findings] == [(table, rule, 1)]


def test_points_are_siddiqis() -> None:
    assert points(1 / 51) == pytest.approx(600, abs=1e-9)
    assert points(1 / 101) == pytest.approx(620, abs=1e-9)
