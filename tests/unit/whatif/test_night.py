"""What-if, stress and frontier on a decided night: nothing changes without a change, and what must move does."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
from portfolio_worlds import scored_of, world

from tierline.decide import Case, Decisions, Known, decide
from tierline.money import to_cents
from tierline.policy import Policy
from tierline.whatif import SCENARIOS, Book, book_of, compare, frontier
from tierline.whatif.stress import with_prime_rate

WORLD = world(400, 3, room=0.5)
POLICY = WORLD.policy
CASE = Case(Known(WORLD.as_of, WORLD.partners, WORLD.position), scored_of(WORLD), WORLD.inputs)
SHOCKS = {scenario.name: scenario.shock for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def decided() -> Decisions:
    return decide(CASE, POLICY)


@pytest.fixture(scope="module")
def before(decided: Decisions) -> Book:
    return book_of(CASE, decided, POLICY)


def under(case: Case, policy: Policy) -> Book:
    return book_of(case, decide(case, policy), policy)


def test_an_unchanged_policy_changes_nothing(before: Book) -> None:
    difference = compare(before, under(CASE, POLICY))
    assert difference.changed.empty
    assert difference.customers.empty


def test_totals_are_those_of_the_published_tables(decided: Decisions, before: Book) -> None:
    totals = before.totals()
    limits, allocation = decided.tables["credit_limits"], decided.tables["funding_allocation"]
    assert totals["exposure"] == pytest.approx(to_cents(limits.column("credit_limit")).sum() / 100)
    own = allocation.filter(pc.equal(allocation.column("funder_id"), "OWN"))
    assert totals["own_share"] * totals["exposure"] == pytest.approx(to_cents(own.column("amount")).sum() / 100)
    limit, drawn = (to_cents(limits.column(name)) / 100 for name in ("credit_limit", "drawn_balance"))
    lent = np.minimum(limit, drawn)
    exposed = lent + POLICY.funding.ccf * (limit - lent)
    pd_12m = decided.tables["scores"].column("pd_12m").to_numpy()
    assert totals["exposure_at_default"] == pytest.approx(exposed.sum())
    assert totals["expected_loss"] == pytest.approx((exposed * pd_12m * POLICY.pricing.lgd).sum())
    assert totals["profit"] == pytest.approx(decided.funding.outcome.book.profit)


def test_a_lower_debt_service_cap_lowers_limits_and_raises_none(before: Book) -> None:
    tighter = POLICY.model_copy(update={"limits": POLICY.limits.model_copy(update={"dti_cap": 0.2})})
    figures = compare(before, under(CASE, tighter)).figures
    book = figures[figures["dimension"] == "book"].set_index("metric")
    assert book.loc["exposure", "change"] < 0
    assert book.loc["customers_down", "after"] > 0


def test_the_partner_that_carries_most_is_gone(before: Book) -> None:
    case, policy = SHOCKS["largest_partner_leaves"](CASE, POLICY, before)
    after = under(case, policy)
    largest = before.customers.groupby("partner")["theirs"].sum().drop("").idxmax()
    assert largest not in set(after.customers["partner"])
    assert set(after.customers["partner"]) - {""} <= set(case.known.partners.column("partner_id").to_pylist())


def test_halved_commitments_are_kept(before: Book) -> None:
    case, policy = SHOCKS["commitments_halved"](CASE, POLICY, before)
    after = under(case, policy)
    assert case.known.partners is not None
    bound = dict(zip(*(case.known.partners.column(n).to_pylist() for n in ("partner_id", "commitment")), strict=True))
    used = after.customers[after.customers["partner"] != ""].groupby("partner")["theirs"].sum()
    assert all(amount <= float(bound[partner]) for partner, amount in used.items())
    assert after.totals()["profit"] <= before.totals()["profit"]


def test_pds_are_doubled_and_default_stays_default(before: Book) -> None:
    case, _ = SHOCKS["pd_doubled"](CASE, POLICY, before)
    old, new = (table.column("pd_12m").to_numpy() for table in (CASE.inputs, case.inputs))
    bad = CASE.inputs.column("in_default").to_numpy()
    assert new[~bad] == pytest.approx(np.minimum(2 * old[~bad], 1))
    assert (new[bad] == old[bad]).all()
    assert case.scored.column("pd_12m").equals(case.inputs.column("pd_12m"))


def test_the_adverse_overlay_multiplies_the_odds(before: Book) -> None:
    case, _ = SHOCKS["macro_adverse"](CASE, POLICY, before)
    bad = CASE.inputs.column("in_default").to_numpy()
    old, new = (table.column("pd_12m").to_numpy()[~bad] for table in (CASE.inputs, case.inputs))
    assert new / (1 - new) == pytest.approx(1.5 * old / (1 - old), rel=1e-3)


def test_the_cap_follows_the_prime_rate() -> None:
    """Half way down the glide a higher LPR leaves a higher cap, never above the flat one."""
    dearer = with_prime_rate(POLICY, 0.01)
    assert dearer.pricing.own_cost_of_funds == pytest.approx(POLICY.pricing.own_cost_of_funds + 0.01)
    assert POLICY.pricing.price_cap < dearer.pricing.price_cap <= POLICY.pricing.flat_cap


def test_the_frontier_rises_and_bends(before: Book) -> None:
    """Profit is greatest where volume is worth nothing, and no point beats it; volume only grows with its worth."""
    points = frontier(CASE, POLICY, 7)
    assert points["exposure"].is_monotonic_increasing
    assert points.sort_values("volume_value")["exposure"].is_monotonic_increasing
    assert points["profit"].max() <= before.totals()["profit"] * 1.002
    assert len(points) >= 4


def test_no_partners_is_a_case_too(before: Book) -> None:
    alone = replace(CASE, known=replace(CASE.known, partners=None))
    case, policy = SHOCKS["commitments_halved"](alone, POLICY, before)
    assert case is alone
    assert policy is POLICY
