"""Each way to spoil ``pricing`` and ``disclosures``, and the one rule that finds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import pyxirr
from scipy.stats import norm
from unit.audit.night_by_hand import NightByHand

from tierline.audit.disclosures import payments
from tierline.audit.pricing import capital, instalment, monthly_irr

Spoil = Callable[[NightByHand], object]


def _shift(tier: str, term: int, **by: float) -> Spoil:
    def spoil(night: NightByHand) -> None:
        row = night.row("pricing", tier=tier, term_months=term)
        row.update({name: row[name] + change for name, change in by.items()})

    return spoil


def _set(tier: str, term: int, **values: object) -> Spoil:
    return lambda night: night.row("pricing", tier=tier, term_months=term).update(**values)


def _without(night: NightByHand) -> None:
    for table in ("pricing", "disclosures"):
        night.drop(table, tier="G", term_months=12)


def _beyond(night: NightByHand) -> None:
    night.tables["pricing"].append(night.row("pricing", tier="G", term_months=12) | {"tier": "H", "offered": False})


def _irr(night: NightByHand) -> None:
    _shift("C", 6, apr_irr=1e-8)(night)
    for row in night.tables["disclosures"]:
        if (row["tier"], row["term_months"]) == ("C", 6):
            row["annualised_all_in"] += 1e-8


def _rate_of(tier: str, term: int, rate: float) -> Spoil:
    """A rate with its margin on target: the cost of funds takes the difference."""

    def spoil(night: NightByHand) -> None:
        row = night.row("pricing", tier=tier, term_months=term)
        night.price(tier, term, funding=row["funding_cost"] + rate - row["annual_rate"])

    return spoil


def _withheld(night: NightByHand) -> None:
    _set("G", 3, offered=False)(night)
    night.drop("disclosures", tier="G", term_months=3)


def _undersold(night: NightByHand) -> None:
    night.price("G", 12, funding=0.09, rate=0.24)
    row = night.row("pricing", tier="G", term_months=12)
    row["offered"] = True
    night.disclose(row)


PRICES: list[tuple[str, int, Spoil]] = [
    ("grid", 1, _without),
    ("grid_unknown", 1, _beyond),
    ("components", 1, _shift("C", 6, margin=1e-8)),
    ("daily_rate", 1, _shift("C", 6, daily_rate=1e-8)),
    ("apr_irr", 1, _irr),
    ("expected_loss", 1, _shift("C", 6, expected_loss=1e-10)),
    ("capital_charge", 1, _shift("C", 6, capital_charge=1e-8, margin=-1e-8)),
    ("cap_in_force", 1, _set("C", 6, cap_rate=0.36)),
    ("cap", 1, _rate_of("G", 12, 0.2401)),
    ("floor", 1, _rate_of("A", 3, 0.0599)),
    ("offered", 1, _withheld),
    ("offered", 1, _undersold),
    ("margin", 1, lambda night: night.price("G", 12, margin=0.0215)),
    ("margin", 1, lambda night: night.price("A", 12, margin=0.0185)),
    ("rate_order", 1, lambda night: night.price("B", 3, funding=0.03)),
]


@pytest.mark.parametrize(("rule", "count", "spoil"), PRICES)
def test_found_in_prices(night: NightByHand, tmp_path: Path, rule: str, count: int, spoil: Spoil) -> None:
    spoil(night)
    assert [(one.table, one.rule, one.count) for one in night.audit(tmp_path)] == [("pricing", rule, count)]


def _item(named: str, **values: object) -> Spoil:
    return lambda night: night.row("disclosures", tier="D", term_months=12, item=named).update(**values)


def _interest(by: str) -> Spoil:
    def spoil(night: NightByHand) -> None:
        night.row("disclosures", tier="D", term_months=12, item="interest")["amount"] += Decimal(by)

    return spoil


def _unpriced(night: NightByHand) -> None:
    row = night.row("disclosures", tier="D", term_months=12, item="breach")
    night.tables["disclosures"].append(row | {"term_months": 24})


DISCLOSURES: list[tuple[str, Spoil]] = [
    ("items", lambda night: night.drop("disclosures", tier="D", term_months=12, item="breach")),
    ("items", _item("interest", item="fee")),
    ("not_offered", _unpriced),
    ("annualised", _item("breach", annualised_all_in=0.1)),
    ("items", lambda night: night.drop("disclosures", tier="D", term_months=12, item="principal")),
    ("interest", _interest("0.01")),
    ("interest", _interest("-0.01")),
    ("interest", _item("annualised_all_in", amount=Decimal(600))),
    ("annualised_paid", _item("principal", annualised_paid=0.1)),
    ("annualised_paid", _item("breach", annualised_paid=math.nan)),
    ("breach", _item("breach", amount=Decimal("9.99"))),
    ("no_other_charges", _item("interest", no_other_charges=False)),
    ("no_other_charges", _item("no_other_charges", amount=Decimal("0.01"))),
]


@pytest.mark.parametrize(("rule", "spoil"), DISCLOSURES)
def test_found_in_disclosures(night: NightByHand, tmp_path: Path, rule: str, spoil: Spoil) -> None:
    spoil(night)
    assert [(one.table, one.rule, one.count) for one in night.audit(tmp_path)] == [("disclosures", rule, 1)]


def test_payments_worked_out_by_hand() -> None:
    # 100.00 at 12 % in 3 months: A = 34.00; interest 1.00, 0.67, and 0.34 on the 33.67 + 0.00 that are left
    assert payments(10_000, 0.12, 3) == [3400, 3400, 3401]
    assert payments(10_000, 0.0, 3) == [3333, 3333, 3334]


def test_a_price_at_the_cap_may_give_up_its_margin(night: NightByHand, tmp_path: Path) -> None:
    night.price("G", 12, funding=0.06, rate=0.24)
    assert night.row("pricing", tier="G", term_months=12)["margin"] < 0.01
    assert night.audit(tmp_path) == []


def test_nan_is_found_everywhere(night: NightByHand, tmp_path: Path) -> None:
    _set("C", 6, annual_rate=math.nan)(night)
    rules = {one.rule for one in night.audit(tmp_path)}
    assert {"components", "daily_rate", "apr_irr", "cap", "floor", "rate_order", "interest"} <= rules


@pytest.mark.parametrize("rate", [0.0, 0.06, 0.24, 0.36, 3.0])
@pytest.mark.parametrize("term", [1, 3, 12, 360])
def test_irr_gives_back_the_rate_of_the_instalments(rate: float, term: int) -> None:
    paid = instalment(10_000, rate, term)
    assert 12 * monthly_irr(10_000, paid, term) == pytest.approx(rate, abs=1e-11)


def test_irr_agrees_with_pyxirr_on_other_flows() -> None:
    assert monthly_irr(1000, 95, 12) == pytest.approx(pyxirr.irr([-1000, *[95] * 12]), abs=1e-12)
    assert math.isnan(monthly_irr(1000, -1, 12))
    assert math.isnan(monthly_irr(1000, 95_000, 12))


@pytest.mark.parametrize("pd_12m", [0.0, 0.0005, 0.01, 0.26, 1.0])
def test_capital_is_the_formula_of_basel(pd_12m: float) -> None:
    p, r = max(pd_12m, 0.0005), 0.04
    stress = (1 - r) ** -0.5 * norm.ppf(p) + (r / (1 - r)) ** 0.5 * norm.ppf(0.999)
    assert capital(pd_12m, 0.5, r) == pytest.approx(0.5 * norm.cdf(stress) - p * 0.5, abs=1e-13)
