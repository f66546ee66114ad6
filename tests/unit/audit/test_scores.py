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


# c03 has PD 1.5 % (C goes from 1 to 2 %), c08 exactly 1 % (the bound of B), c02 0.8 %, c04 3 %; hysteresis is a tenth
KEPT: list[tuple[float, str, str]] = [
    (0.0105, "B", "B"),  # passed 1 % by 5 %: still B
    (0.0111, "B", "C"),  # by 11 %: C
    (0.0095, "C", "C"),  # below 1 % by 5 %: still C
    (0.0089, "C", "B"),
    (0.0215, "C", "C"),
    (0.03, "C", "D"),
    (0.0105, "A", "C"),  # last night's tier is too far away to matter
    (0.0105, "X", "C"),  # nothing is kept from default
    (0.0105, "old", "C"),  # nor from a tier the scale no longer has
]


@pytest.mark.parametrize(("pd_12m", "before", "tier"), KEPT)
def test_the_tier_before_is_kept_within_a_tenth_of_a_bound_and_only_there(
    night: NightByHand, tmp_path: Path, pd_12m: float, before: str, tier: str
) -> None:
    night.previous_tiers = {"c03": before, "not there any more": "A"}
    night.row("inputs", customer_key="c03")["pd_12m"] = pd_12m
    night.row("scores", customer_key="c03").update(pd_12m=pd_12m, score=points(pd_12m))
    found = {}
    for given in ("B", "C", "D"):
        _tier("c03", given)(night)
        found[given] = [one.rule for one in night.audit(tmp_path) if one.table == "scores"]
    assert found == {given: [] if given == tier else ["tier"] for given in ("B", "C", "D")}


@pytest.mark.parametrize("tier", ["B", "C"])
def test_a_pd_on_the_very_end_of_the_band_may_fall_on_either_side(
    night: NightByHand, tmp_path: Path, tier: str
) -> None:
    night.previous_tiers = {"c03": "B"}
    night.row("inputs", customer_key="c03")["pd_12m"] = 0.011
    night.row("scores", customer_key="c03").update(pd_12m=0.011, score=points(0.011))
    _tier("c03", tier)(night)
    assert [one for one in night.audit(tmp_path) if one.table == "scores"] == []
