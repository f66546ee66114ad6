"""Rules of ``credit_limits``: caps, and what each action may do to a limit.

Belongs here: bounds that hold whatever the limit was computed from. Does not belong here: recomputing the affordable
limit, or whether ``previous_limit`` is that of the release before (``audit.previous``).
"""

from __future__ import annotations

import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.growth import audit_growth, review_night
from tierline.audit.night import IN_DEFAULT, Night, in_other, joined
from tierline.audit.profile import Profile

_CONDUCT = ["drawn_balance", "dpd", "max_dpd_90d", "on_time_streak"]
_FACTS = ["segment", "in_default", "income_recurring_monthly", "declared_income_monthly", *_CONDUCT]
_CENT_DUST = 1e-3  # of a cent: what float arithmetic may add to a product of decimals
_ACTIONS = ("grant", "raise", "hold", "cut", "freeze", "decline")
_SHOW = ["credit_limit", "previous_limit", "action"]


def audit_limits(night: Night) -> list[Finding]:
    """Judge ``credit_limits`` against scores, inputs, prices and the profile."""
    if not night.has("scores", "credit_limits"):
        return []
    limits, scores = night.tables["credit_limits"], night.tables["scores"]
    missing = scores.judge("customers_limited", in_other(scores, limits), "every scored customer must have a limit row")
    unknown = limits.judge("customers", in_other(limits, scores), "customers must stand in scores")
    tiers = joined(limits, scores, ["tier"])
    same = tiers.frame["tier"] == tiers.frame["tier_other"]
    differ = tiers.judge("tier_as_scored", same, "tier must be that of scores", ["tier", "tier_other"])
    both = joined(limits, night.inputs, _FACTS)
    both = both.with_frame(both.frame.assign(before=both.frame["previous_limit"].fillna(0)))
    rules = (_caps(both, night), _no_limit(both, night), _form(both, night.profile), _ladder(both, night))
    return [*missing, *unknown, *differ, *(one for found in rules for one in found), *audit_growth(night)]


def _caps(both: Rows, night: Night) -> list[Finding]:
    f, profile = both.frame, night.profile
    by_segment = {
        "consumer": profile.cents("limits.consumer_cap"),
        "sole_proprietor": profile.cents("limits.business_cap"),
    }
    by_tier = {tier: int(cap * 100) for tier, cap in profile.by_tier("limits.tier_caps").items()} | {IN_DEFAULT: 0}
    product = profile.cents("limits.product_cap")
    limit = f["credit_limit"]
    tier_holds = f["in_default"] | (limit <= f["tier"].map(by_tier).astype("float64"))
    segment_holds = limit <= f["segment"].map(by_segment).astype("float64")
    found = [
        *both.judge("product_cap", limit <= product, f"limit must be at most {product / 100:.2f}", _SHOW),
        *both.judge(
            "segment_cap", segment_holds, "limit must keep the cap of the segment", ["credit_limit", "segment"]
        ),
        *both.judge("tier_cap", tier_holds, "limit must keep the cap of the tier", ["credit_limit", "tier"]),
    ]
    found += _income_share(both, profile)
    if night.net_assets is not None:
        most = int(profile.exact("limits.borrower_share_of_net_assets") * night.net_assets)
        must = f"limit must be at most {most / 100:.2f}, the borrower's share of net assets"
        found += both.judge("net_assets_share", limit <= most, must, ["credit_limit"])
    return found


def _income_share(both: Rows, profile: Profile) -> list[Finding]:
    """Where a rule ties a natural person's limit to a year's income; unknown income binds nobody."""
    if profile.optional("limits.annual_income_share_cap") is None:
        return []
    f, share = both.frame, profile.number("limits.annual_income_share_cap")
    declared = f["declared_income_monthly"] * profile.number("limits.declared_income_haircut")
    income = f["income_recurring_monthly"].fillna(declared)
    most = share * 12 * income + _CENT_DUST
    holds = (f["segment"] != "consumer") | income.isna() | (f["credit_limit"] <= most)
    must = f"a consumer's limit must be at most {share:g} of a year's income"
    return both.judge("income_share_cap", holds, must, ["credit_limit", "income_recurring_monthly"])


def _no_limit(both: Rows, night: Night) -> list[Finding]:
    f = both.frame
    none = f["credit_limit"] == 0
    found = [
        *both.judge("limit_in_default", none | ~f["in_default"], "limit must be 0 in default", _SHOW),
        *both.judge("decline", none | (f["action"] != "decline"), "limit must be 0 when declined", _SHOW),
    ]
    if night.has("pricing"):
        prices = night.tables["pricing"].frame
        priced = f["in_default"] | f["tier"].isin(prices.loc[prices["offered"], "tier"])
        must = "limit must be 0 in a tier that is offered no term"
        found += both.judge("limit_without_offer", none | priced, must, ["credit_limit", "tier"])
    return found


def _form(both: Rows, profile: Profile) -> list[Finding]:
    f = both.frame
    step = profile.cents("limits.rounding")
    # a frozen limit, or one that makes way for a household, is what is drawn, which may be odd, and may be held later
    exempt = (f["action"] == "freeze") | ((f["action"] == "hold") & (f["credit_limit"] == f["previous_limit"]))
    exempt |= f["credit_limit"] == f["drawn_balance"]
    even = exempt | (f["credit_limit"] % step == 0)
    drawn = f["drawn_balance"] == f["drawn_balance_other"]
    return [
        *both.judge("action", f["action"].isin(_ACTIONS), f"action must be one of {', '.join(_ACTIONS)}", ["action"]),
        *both.judge("negative_limit", f["credit_limit"] >= 0, "limit must not be below 0", _SHOW),
        *both.judge("rounding", even, f"a new limit must be a multiple of {step / 100:.2f}", _SHOW),
        *both.judge("drawn_balance", drawn, "drawn_balance must be that of the inputs", ["drawn_balance"]),
    ]


def _ladder(both: Rows, night: Night) -> list[Finding]:
    f, profile = both.frame, night.profile
    late = f["dpd"] >= profile.number("limits.freeze_dpd")
    grows = f["action"].isin(["raise", "grant"]) | (f["credit_limit"] > f["before"])
    must = f"nothing may grow from {profile.number('limits.freeze_dpd'):.0f} days past due"
    found = both.judge("late_growth", ~(late & grows), must, [*_SHOW, "dpd"])
    for action, rule, holds, text in _action_rules(f, profile):
        found += both.judge(rule, holds | (f["action"] != action), text, [*_SHOW, "dpd", "on_time_streak"])
    if not review_night(night):
        found += both.judge("raise_review", f["action"] != "raise", "raises wait for the last night of a month", _SHOW)
    return found


def _action_rules(f: pd.DataFrame, profile: Profile) -> list[tuple[str, str, pd.Series[bool], str]]:
    limit, before = f["credit_limit"], f["before"]
    step = 1 + profile.exact("limits.max_raise")
    starter = profile.cents("limits.starter_limit")
    within = (limit * step.denominator <= before * step.numerator) | (limit <= starter)
    streak = profile.number("limits.raise_streak")
    conduct = (f["dpd"] == 0) & (f["max_dpd_90d"] == 0) & (f["on_time_streak"] >= streak)
    late = profile.number("limits.freeze_dpd")
    settled = (f["dpd"] >= late) | ((f["dpd"] == 0) & (f["max_dpd_90d"] < late))  # the first is ``late_growth`` already
    first = profile.cents("limits.first_grant_cap")
    frozen = (limit <= before) & (limit <= f["drawn_balance"])
    must = f"a raise must be to at most {float(step):g} times the previous limit, or {starter / 100:.2f}"
    return [
        ("raise", "raise_up", limit > before, "a raise must be above the previous limit"),
        ("raise", "raise_step", within, must),
        (
            "raise",
            "raise_conduct",
            conduct,
            f"a raise needs dpd 0, none within 90 days, and {streak:.0f} instalments on time",
        ),
        ("grant", "grant_new", (before == 0) & (limit > 0), "a grant must be a first limit, and above 0"),
        ("grant", "grant_conduct", settled, "a first limit needs dpd 0 and no arrears that freeze within 90 days"),
        ("grant", "first_grant_cap", limit <= first, f"a first limit must be at most {first / 100:.2f}"),
        ("cut", "cut", limit < before, "a cut must be below the previous limit"),
        ("hold", "hold", limit == f["previous_limit"], "a held limit must be the previous limit"),
        ("freeze", "freeze", frozen, "a frozen limit must exceed neither the previous limit nor what is drawn"),
    ]
