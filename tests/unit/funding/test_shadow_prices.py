"""A shadow price is what a bound is worth: the programme is solved again with the bound a little wider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from portfolio_worlds import World, decide, following, night_of, world

from tierline.funding.optimum import Night, Optimum, find_optimum
from tierline.funding.rules import Rule
from tierline.funding.shadow import duals

SEEDS = range(8)


def solved(given: World) -> tuple[Night, Optimum]:
    night = night_of(given, decide(given))
    optimum = find_optimum(night, apart_of(night.rules))
    assert optimum is not None
    return night, optimum


def apart_of(rules: list[Rule]) -> dict[str, frozenset[int]]:
    """Every industry and scenario has cells of its own."""
    names = ("industry", "scenario")
    return {name: frozenset(r.index for r in rules if r.constraint == f"{name}_share") for name in names}


def worlds() -> Iterator[World]:
    for seed in SEEDS:
        first = world(400, seed)
        yield first
        yield following(first, decide(first), seed)


def wider(night: Night, optimum: Optimum, rule: Rule, yuan: float) -> Optimum:
    found = find_optimum(night, apart_of(night.rules), {rule: -yuan})
    assert found is not None
    return found


def test_a_bound_wider_by_some_yuan_is_worth_its_price_for_each() -> None:
    """Where the price is the same at the wider bound it holds all the way between, by the concavity of the optimum."""
    seen: set[str] = set()
    for given in worlds():
        night, optimum = solved(given)
        for rule, price in duals(optimum).items():
            if price < 1e-4 or rule.constraint == "inclusive":
                continue
            for yuan in (2_000.0, 200.0, 20.0):
                more = wider(night, optimum, rule, yuan)
                if duals(more)[rule] == pytest.approx(price, rel=1e-9):
                    gained = more.solution.profit - optimum.solution.profit
                    assert gained == pytest.approx(price * yuan, rel=1e-6), (rule, yuan)
                    seen.add(rule.constraint)
                    break
    assert {"partner_commitment", "leverage", "region_share"} <= seen


def test_a_tighter_bound_costs_at_least_its_price() -> None:
    for given in list(worlds())[:4]:
        night, optimum = solved(given)
        for rule, price in duals(optimum).items():
            less = find_optimum(night, apart_of(night.rules), {rule: 500.0})
            if less is not None and price > 0 and not less.protect and not optimum.protect:
                assert optimum.solution.profit - less.solution.profit >= price * 500 * (1 - 1e-6)


def test_a_share_wider_by_a_part_of_a_point_is_worth_that_part_of_its_price() -> None:
    """What a wider share gives lies between its price before on the limits after and its price after on those before.

    Any plan under the wider share keeps the old one with as much more room as the wider part of its own limits; the
    plan from before keeps the wider share with that much room to spare.
    """
    point, checked, sharp = 1e-5, 0, 0
    for given in worlds():
        night, optimum = solved(given)
        for rule, price in duals(optimum).items():
            if rule.share is None or rule.least or price < 1e-4:
                continue
            other = replace(rule, share=rule.share + Fraction(point))
            rules = [other if one == rule else one for one in night.rules]
            wide = find_optimum(replace(night, rules=rules), apart_of(night.rules))
            assert wide is not None
            gained = wide.solution.profit - optimum.solution.profit
            least, most = duals(wide)[other] * optimum.limit * point, price * wide.limit * point
            assert least * (1 - 1e-6) - 1e-6 <= gained <= most * (1 + 1e-6) + 1e-6
            checked += 1
            sharp += most - least < 1e-4 * most
    assert checked >= 2
    assert sharp >= 1


def test_prices_of_bounds_that_are_not_reached_are_zero() -> None:
    for given in worlds():
        _, optimum = solved(given)
        programme, solution = optimum.programme, optimum.solution
        for row, dual in zip(programme.rows, solution.dual, strict=True):
            used = float(np.dot(row.weight - row.share * programme.limit, solution.fraction))
            assert used <= row.bound + 1e-6
            assert dual * (row.bound - used) <= 1e-6
