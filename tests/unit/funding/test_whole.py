"""Small books customer by customer, against every plan there is, and in books whose caps leave cells no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from portfolio_worlds import decide, findings, following, night_of, world

from tierline.funding import portfolio
from tierline.funding.book import NOBODY, greatest_part
from tierline.funding.cells import eligible
from tierline.funding.optimum import Night
from tierline.funding.repair import Mender
from tierline.funding.rules import Plan, moved, profit
from tierline.funding.whole import whole_plan

STEP = 3_000  # yuan: so few steps that every plan can be looked at


def tiny_night(seed: int) -> Night:
    """At most four customers with at most three steps of limit each, and two partners."""
    given = world(4, seed)
    assert given.partners is not None
    given = replace(given, partners=given.partners.slice(0, 2))
    decided = decide(given)
    limits = given.policy.limits.model_copy(update={"rounding": float(STEP)})
    policy = given.policy.model_copy(update={"limits": limits})
    night = night_of(given, decided, policy)
    steps = np.random.default_rng(seed).integers(1, 4, len(night.book))
    return replace(night, book=replace(night.book, wanted=steps * STEP * 100))


def every_plan(night: Night) -> Iterator[Plan]:
    """Each customer at each step of the limit, with own money or the greatest part of each partner that may."""
    book = night.book
    may = eligible(night.lender, night.policy, book.members["region"])
    ways = []
    for one in range(len(book)):
        partners = [p for p in range(len(night.lender.partners)) if book.consent[one]]
        partners = [p for p in partners if may[p, book.tier[one], book.code["region"][one]]]
        steps = range(STEP * 100, int(book.wanted[one]) + 1, STEP * 100)
        ways.append([(0, NOBODY), *product(steps, [NOBODY, *partners])])
    for chosen in product(*ways):
        limit, partner = (np.array(values, dtype=np.int64) for values in zip(*chosen, strict=True))
        most = greatest_part(limit, Mender(book, night.lender, night.policy, night.rules).own_share)
        yield Plan(limit, np.where(partner == NOBODY, 0, most), partner)


def worth(night: Night, plan: Plan) -> float:
    funding = night.policy.funding
    earned = profit(night.book, plan, night.lender, funding.ccf).sum()
    return float(earned - funding.move_cost * moved(night.book, plan).sum() / 100)


@pytest.mark.parametrize("seed", range(12))
def test_no_plan_of_a_tiny_book_is_better(seed: int) -> None:
    night = tiny_night(seed)
    menders = [Mender(night.book, night.lender, night.policy, night.rules, protect) for protect in (False, True)]
    best = max(worth(night, plan) for plan in every_plan(night) if not menders[0].broken(plan))
    found = [plan for mender in menders if (plan := whole_plan(night, mender)) is not None]
    kept = [plan for plan in found if not menders[0].broken(plan)]
    assert kept
    assert max(worth(night, plan) for plan in kept) == pytest.approx(best, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("seed", [17, 31, 33])
def test_a_book_whose_caps_leave_cells_no_room_is_decided(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounded cells reach nothing, or much less, in these; customer by customer the gap is below a hundredth."""
    given, gaps = world(250, seed, nasty=True), []
    for night in range(2):
        decided = decide(given)
        folder = tmp_path / str(night)
        folder.mkdir()
        assert findings(given, decided.tables, folder) == []
        gaps.append(decided.result.gap)
        given = following(given, decided, seed, drawn=0.5, moved=0.05)
    assert max(gaps) < 0.01


@pytest.mark.parametrize("seed", [17, 31, 33])
def test_cells_alone_reach_much_less_in_these_books(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would not show what choosing customer by customer is for."""
    given = world(250, seed, nasty=True)
    night = night_of(given, decide(given))
    monkeypatch.setattr(portfolio, "MOST_CUSTOMERS", 0)
    optimum, plan, _ = portfolio.choose(night)
    assert worth(night, plan) < 0.9 * optimum.solution.profit
