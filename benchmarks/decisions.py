"""The portfolio against simpler ways to split it, its gap to the programme, its speed, and what changes overnight.

Belongs here: baselines, worlds and figures. Does not belong here: the portfolio itself.

Baselines fund the limits that the ladder wants, and lower none for concentration or budgets: that is what they break.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from tierline.errors import TierlineError
from tierline.funding import fund_portfolio, funding_costs
from tierline.funding.book import NOBODY, Lender, greatest_part, lender_of, read_book
from tierline.funding.cells import FREE, MOST, NONE, WANTED, Cells, Sums, eligible
from tierline.funding.optimum import Night, find_optimum, near_cap
from tierline.funding.outcome import allocation_table, limits_table
from tierline.funding.partners import Bound, Partner
from tierline.funding.portfolio import choose, distinct_members
from tierline.funding.programme import build, solve
from tierline.funding.repair import Mender, mend
from tierline.funding.rules import Plan, Rule, profit, rules_of
from tierline.funding.shadow import constraints_table
from tierline.limits import LimitContext, decide_limits, stamp_changes
from tierline.parquet import write_contract
from tierline.pricing import price_grid
from tierline.schemas import PUBLISHED
from tierline.tiers import tiered_scores

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from portfolio_worlds import Decided, World, decide, findings, following, funding_inputs, scored_of, world

WORLDS, CUSTOMERS = 20, 2_000


def run(scale: str) -> list[str]:
    """All parts; the million only at scale 1m."""
    sizes = (20_000, 1_000_000) if scale == "1m" else (20_000,)
    grown = (*sizes[:1], 200_000, *sizes[1:]) if scale == "1m" else sizes
    return [*against_baselines(), *gaps(sizes), *speed(grown), *largest_programme(), *churn(), *audited()]


def against_baselines() -> list[str]:
    """Risk-adjusted profit and broken rules, on the same wanted limits."""
    names = ("greedy", "round robin", "proportional")
    lines = [f"## Against simpler splits: {WORLDS} worlds of {CUSTOMERS:,} customers, first night", ""]
    lines += [
        "| world | portfolio, yuan a year | broken | " + " | ".join(f"{n}: profit | broken" for n in names) + " |"
    ]
    lines += ["|---|---|---|" + "---|---|" * len(names)]
    kept: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(WORLDS):
        night = night_of(world(CUSTOMERS, seed))
        mender = Mender(night.book, night.lender, night.policy, night.rules)
        _, plan, _ = choose(night)
        best = _profit(night, plan)
        cells = [f"{best:,.0f}", str(len(mender.broken(plan)))]
        for name in names:
            other = BASELINES[name](night)
            kept[name].append(best / _profit(night, mend(mender, other)) - 1)
            cells += [f"{_profit(night, other):,.0f} ({kept[name][-1]:+.1%})", str(len(mender.broken(other)))]
        lines.append(f"| {seed} | " + " | ".join(cells) + " |")
    margins = ", ".join(f"{name} {min(found):+.1%} to {max(found):+.1%}" for name, found in kept.items())
    return [
        *lines,
        "",
        "In brackets: the portfolio's profit above that of the same baseline once its limits are lowered, last keys"
        f" first, until no rule is broken. Least and greatest margin: {margins}.",
        "",
    ]


def night_of(given: World) -> Night:
    """The first night of a world, ready to be solved."""
    policy, assets = given.policy, None
    if given.position is not None:
        assets = float(given.position.column("net_assets")[0].as_py())
    scores = tiered_scores(scored_of(given), policy.scale)
    prices = price_grid(policy, given.as_of, funding_costs(policy, given.partners, given.position, given.as_of))
    wanted = decide_limits(given.inputs, scores, LimitContext(given.as_of, prices, None, None, assets), policy)
    inputs = funding_inputs(given, wanted, prices)
    lender = lender_of(inputs, policy)
    book = read_book(inputs, lender, policy)
    rules, _ = rules_of(book, lender, policy.funding, distinct_members(given.inputs))
    return Night(book, lender, policy, rules)


def _profit(night: Night, plan: Plan) -> float:
    return float(profit(night.book, plan, night.lender, night.policy.funding.ccf).sum())


def _served(night: Night, order: Any) -> Plan:
    """Whole limits, best tier first: the first partner of ``order(turn, left)`` that may and can, else own money."""
    book, lender = night.book, night.lender
    own_share = Mender(book, lender, night.policy, night.rules).own_share
    may = eligible(lender, night.policy, book.members["region"])
    most = greatest_part(book.wanted, own_share)
    left = np.array([partner.capacity for partner in lender.partners], dtype=np.int64)
    plan = Plan(book.wanted.copy(), np.zeros_like(book.wanted), np.full(len(book), NOBODY))
    room = next((rule.bound for rule in night.rules if rule.constraint == "leverage"), None)
    own = 0
    for turn, one in enumerate(np.lexsort((np.arange(len(book)), book.tier))):
        able = [p for p in order(turn, left) if left[p] >= most[one] and book.consent[one]]
        able = [p for p in able if may[p, book.tier[one], book.code["region"][one]]]
        if able:
            plan.part[one], plan.partner[one] = most[one], able[0]
            left[able[0]] -= most[one]
        mine = int(plan.limit[one] - plan.part[one])
        if room is not None and own + mine > room:
            plan.limit[one] = plan.part[one] = 0
            plan.partner[one] = NOBODY
            if able:
                left[able[0]] += most[one]
            continue
        own += mine
    return plan


def _greedy(night: Night) -> Plan:
    cheapest = sorted(range(len(night.lender.partners)), key=lambda p: night.lender.partners[p].cost_of_funds)
    return _served(night, lambda _turn, _left: cheapest)


def _round_robin(night: Night) -> Plan:
    count = len(night.lender.partners)
    return _served(night, lambda turn, _left: [(turn + one) % count for one in range(count)])


def _proportional(night: Night) -> Plan:
    """The partner with the greatest part of its room left."""
    whole = np.array([max(partner.capacity, 1) for partner in night.lender.partners])
    return _served(night, lambda _turn, left: list(np.argsort(-left / whole, kind="stable")))


BASELINES = {"greedy": _greedy, "round robin": _round_robin, "proportional": _proportional}


def gaps(sizes: tuple[int, ...]) -> list[str]:
    """Profit of whole customers against the programme over cells."""
    lines = [
        "## Gap after rounding to customers",
        "",
        "| customers | world | gap | limits lowered |",
        "|---|---|---|---|",
    ]
    for size in sizes:
        for seed in range(3 if size < 1_000_000 else 1):
            result = decide(world(size, seed)).result
            lines.append(f"| {size:,} | {seed} | {result.gap:.5%} | {result.cut:,} |")
    return [*lines, ""]


def speed(sizes: tuple[int, ...]) -> list[str]:
    """The programme alone, and the stage with pricing and writing; medians of five.

    The programme grows with the cells that are filled: by 200,000 customers nearly all that ever are.
    """
    lines = [
        "## Speed",
        "",
        "| customers | columns | programme, s | whole stage, s | peak, GiB |",
        "|---|---|---|---|---|",
    ]
    for size in sizes:
        given = world(size, 1)
        night = night_of(given)
        apart = near_cap(night.book, night.rules)
        optimum = find_optimum(night, apart)
        assert optimum is not None
        alone = _median(lambda optimum=optimum: solve(optimum.programme))
        whole = _median(lambda given=given: _stage(given))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        columns = len(optimum.programme.columns)
        lines.append(f"| {size:,} | {columns:,} | {alone:.3f} | {whole:.2f} | {peak:.2f} |")
    return [*lines, "", "Whole stage: prices, book, cells, programme, rounding, and the two large tables written.", ""]


_wanted_of: dict[int, Any] = {}


def _stage(given: World) -> None:
    policy = given.policy
    prices = price_grid(policy, given.as_of, funding_costs(policy, given.partners, given.position, given.as_of))
    size = given.inputs.num_rows
    if size not in _wanted_of:
        _wanted_of[size] = _wanted(given, prices)
    result = fund_portfolio(funding_inputs(given, _wanted_of[size], prices), policy)
    with TemporaryDirectory() as folder:
        for name, made in zip(("credit_limits", "funding_allocation"), (result.limits, result.allocation), strict=True):
            write_contract(Path(folder) / f"{name}.parquet", made, PUBLISHED[name])


def _wanted(given: World, prices: Any) -> Any:
    assets = None if given.position is None else float(given.position.column("net_assets")[0].as_py())
    scores = tiered_scores(scored_of(given), given.policy.scale)
    return decide_limits(given.inputs, scores, LimitContext(given.as_of, prices, None, None, assets), given.policy)


def _median(run_once: Callable[[], object], rounds: int = 5) -> float:
    seconds = []
    run_once()
    for _ in range(rounds):
        start = perf_counter()
        run_once()
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def largest_programme() -> list[str]:
    """10 tiers × 31 regions × 3 segments × 8 bands of limits, 30 partners."""
    policy, rng = world(10, 0).policy, np.random.default_rng(0)
    tier, region, segment, _ = (part.ravel() for part in np.meshgrid(*map(np.arange, (10, 31, 3, 8)), indexing="ij"))
    count = len(tier)
    limit = rng.lognormal(13, 1, count)
    risk, loss, capital = 0.5 * limit, (0.003 * 1.6**tier) * limit / 4, (0.004 * 1.3**tier) * limit
    earned = risk * (0.2 - 0.02 - 0.045) - loss - 0.12 * capital
    none = np.zeros(count)
    own = Sums(limit, none, none, loss, capital, earned, none)
    shared = Sums(
        limit, 0.7 * limit, none, loss, 0.3 * capital, earned + 0.7 * (0.045 * risk + 0.12 * capital), 0.7 * risk
    )
    codes = {"region": region, "industry": np.full(count, -1), "scenario": np.full(count, -1)}
    flat = np.zeros(count, dtype=np.int64)
    sums = {(WANTED, NONE): own, (WANTED, MOST): shared}
    cells = Cells(flat, flat + FREE, tier, segment == 2, flat == 0, flat - 1, codes, sums, np.zeros((count, 31)), limit)
    total = limit.sum()
    rooms = rng.dirichlet(np.full(30, 2.0)) * total * 0.4 * 100
    partners = [
        Partner(
            f"P{n:02d}",
            float(rng.uniform(0.02, 0.05)),
            {"partner_commitment": Bound(int(rooms[n]), 0)},
            "",
            frozenset(),
            frozenset(),
        )
        for n in range(30)
    ]
    lender = Lender(partners, 0.045, int(total * 12), policy.pricing.hurdle_rate)
    rules = [Rule("partner_commitment", p.partner_id, n, int(rooms[n])) for n, p in enumerate(partners)]
    rules += [Rule("partner_share", p.partner_id, n, share=Fraction("0.35")) for n, p in enumerate(partners)]
    rules += [Rule("region_share", str(n), n, share=Fraction("0.05")) for n in range(31)]
    rules += [Rule("leverage", "book", 0, int(total * 55)), Rule("capital", "book", 0, int(total * 2))]
    rules += [Rule("expected_loss", "book", 0, share=Fraction("0.03"))]
    allowed = rng.random((30, 10, 32)) < 0.8
    programme = build(cells, allowed, rules, lender, policy, {})
    seconds = _median(lambda: solve(programme), 1)
    size = f"{programme.lp.num_col_:,} columns, {programme.lp.num_row_:,} rows"
    return [
        "## The largest programme",
        "",
        f"10 × 31 × 3 × 8 cells, 30 partners: {size}, solved in {seconds:.1f} s.",
        "",
    ]


def churn() -> list[str]:
    """Customers whose limit or funders change from a night to the next."""
    lines = ["## From night to night", "", "| world | nothing changed | 1 % of PDs moved |", "|---|---|---|"]
    for seed in range(5):
        first = world(20_000, seed)
        second = following(first, decide(first), seed)
        decided = decide(second)
        cells = []
        for moved in (0.0, 0.01):
            other = decide(following(second, decided, seed, drawn=0, moved=moved))
            cells.append(f"{_changed(decided, other):.2%}")
        lines.append(f"| {seed} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _changed(one: Decided, other: Decided) -> float:
    limits = [d.tables["credit_limits"].to_pandas().set_index("customer_key")["credit_limit"] for d in (one, other)]
    parts = [
        d.tables["funding_allocation"].to_pandas().set_index(["customer_key", "funder_id"])["amount"]
        for d in (one, other)
    ]
    differ = set(limits[0].index[limits[0] != limits[1]])
    both = pd.concat(parts, axis=1, keys=["one", "other"])
    differ |= set(both.index[both["one"].astype(float) != both["other"].astype(float)].get_level_values(0))
    return len(differ) / len(limits[0])


def audited(worlds: int = 200) -> list[str]:
    """Random worlds, half of them nasty, each for two nights, judged by the independent audit; so is what the
    baselines would have published in the first of them."""
    nights, found, blocked = 0, 0, 0
    others = dict.fromkeys(BASELINES, 0)
    for seed in range(worlds):
        given = world(600 if seed % 4 == 0 else 250, seed, nasty=seed % 2 == 1)
        try:
            for turn in range(2):
                decided = decide(given)
                found += bool(_judged(given, decided.tables))
                nights += 1
                for name in BASELINES if turn == 0 else ():
                    others[name] += bool(_judged(given, decided.tables | _as_published(given, decided, name)))
                given = following(given, decided, seed, drawn=0.5, moved=0.05)
        except TierlineError:
            blocked += 1
    return [
        "## Rules kept",
        "",
        f"{worlds} worlds of 250 or 600 customers, two nights each, by the independent audit:",
        "",
        f"- portfolio: {nights} nights decided, findings in {found} of them, {blocked} blocked",
        *(f"- {name}, first night: findings in {count} of {worlds}" for name, count in others.items()),
        "",
    ]


def _judged(given: World, tables: dict[str, Any]) -> list[str]:
    with TemporaryDirectory() as folder:
        return findings(given, tables, Path(folder))


def _as_published(given: World, decided: Decided, name: str) -> dict[str, Any]:
    """What a baseline would have published instead."""
    night = night_of(given)
    plan, (optimum, _, _) = BASELINES[name](night), choose(night)
    inputs = funding_inputs(given, decided.wanted, decided.tables["pricing"])
    limits = limits_table(decided.wanted, night, plan, optimum)
    return {
        "credit_limits": stamp_changes(limits, None, given.as_of),
        "funding_allocation": allocation_table(inputs, night, plan),
        "portfolio_constraints": constraints_table(given.as_of, night, plan, optimum),
    }
