"""One night of nine customers, worked out by hand from the field's formulas, and ways to spoil it.

No decision code is used: scores from odds doubling every 20 points, prices with SciPy's normal distribution, interest
from discount factors. The policy is the packaged profile without its glide path, so that the cap is 24 % on every
date, and with other numbers replaced where a test asks for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyxirr
import yaml
from scipy.stats import norm
from unit.audit.constraints_by_hand import constraints_by_hand

import tierline
from tierline.audit import AuditContext, Finding, audit_tables
from tierline.schemas import DECISION_INPUTS, LAKE, PUBLISHED

AS_OF = date(2026, 6, 30)
BEFORE = date(2026, 6, 29)
PACKAGED = Path(tierline.__file__).parent / "policy" / "profiles" / "cn-online-micro-lender.yaml"
POLICY_ID = "cn-online-micro-lender-0123abcd"
REFERENCE_PD = {"A": 0.0035, "B": 0.0072, "C": 0.0142, "D": 0.0283, "E": 0.0567, "F": 0.11, "G": 0.26}
CAP = 0.24  # the flat cap; the glide has tests of its own
NO_GLIDE: dict[str, Any] = {"pricing.cap_glide": None}
Row = dict[str, Any]

# key: segment, pd, tier, action, previous, limit, drawn, dpd, streak
CUSTOMERS: dict[str, tuple[Any, ...]] = {
    "c01": ("consumer", 0.004, "A", "grant", None, "30000", "0", 0, 0),
    "c02": ("sole_proprietor", 0.008, "B", "raise", "20000", "30000", "9000", 0, 3),
    "c03": ("consumer", 0.015, "C", "hold", "12345.67", "12345.67", "100", 0, 0),
    "c04": ("consumer", 0.03, "D", "cut", "20000", "15000", "0", 0, 9),
    "c05": ("consumer", 0.06, "E", "freeze", "10000", "4321.50", "4321.50", 10, 0),
    "c06": ("consumer", 1.0, "X", "decline", "5000", "0", "5000", 120, 0),
    "c07": ("consumer", 0.3, "G", "decline", None, "0", "0", 0, 0),
    "c08": ("consumer", 0.01, "B", "hold", "5000", "5000", "0", 3, 0),
    "c09": ("consumer", 0.1, "F", "hold", "8000", "8000", "0", 0, 0),
}


def points(p: float) -> float:
    """600 at odds of 50:1, 20 more each time the odds double."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    return 600 + 20 * math.log2((1 - p) / p / 50)


@cache
def interest_in_cents(whole: int, rate: float, term: int) -> tuple[Decimal, float]:
    """Interest in yuan of equal instalments in whole cents, the last taking the rest, and what that is a year."""
    yearly, owed, flows = Decimal(str(float(rate))), whole, [-float(whole)]
    equal = round(whole / sum((1 + rate / 12) ** -month for month in range(1, term + 1)))
    for month in range(1, term + 1):
        interest = int((owed * yearly / 12).quantize(Decimal(1), ROUND_HALF_UP))
        payment = equal if month < term else owed + interest
        owed += interest - payment
        flows.append(float(payment))
    return Decimal(int(sum(flows))) / 100, 12 * float(pyxirr.irr(flows) or 0.0)


@dataclass
class NightByHand:
    """Rows of every table, free to be spoiled before ``audit`` writes them out."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    inputs: list[Row] = field(default_factory=list)
    partners: list[Row] | None = field(default_factory=list)
    position: list[Row] | None = field(default_factory=list)
    previous_tiers: dict[str, str] | None = None
    previous_limits: dict[str, Row] | None = None  # reason and date of the change, or another limit, by key
    previous_scores: dict[str, tuple[float, str]] | None = None  # PD and model by key
    policy: dict[str, Any] = field(default_factory=NO_GLIDE.copy)
    before: list[Row] = field(default_factory=list)
    as_of: date = AS_OF

    def policy_number(self, key: str) -> float:
        """A number of the funding section: replaced, or the packaged one."""
        packaged = {"partner_share_cap": 0.35, "region_share_cap": 0.25, "industry_share_cap": 0.4}
        packaged |= {"scenario_share_cap": 0.5, "expected_loss_budget": 0.05, "capital_budget": 0.5}
        packaged |= {"inclusive_floor": 0.05}
        return float(self.policy.get(f"funding.{key}", packaged[key]))

    def stood(self, key: str, **amounts: str) -> None:
        """Who funded the customer in the release before."""
        for funder, amount in amounts.items():
            row = {"customer_key": key, "as_of": BEFORE, "funder_id": funder, "share": 0.0, "amount": Decimal(amount)}
            self.before.append(row | {"policy_id": POLICY_ID})

    def state_constraints(self) -> list[Row]:
        """Write the table of constraints down as it stands, so that it can be spoiled."""
        self.tables["portfolio_constraints"] = self._constraints(AS_OF)
        return self.tables["portfolio_constraints"]

    def _constraints(self, as_of: date) -> list[Row]:
        return [{"as_of": as_of, "policy_id": POLICY_ID} | row for row in constraints_by_hand(self)]

    def row(self, table: str, **key: Any) -> Row:
        rows = self.inputs if table == "inputs" else self.tables[table]
        (found,) = [row for row in rows if all(row[name] == value for name, value in key.items())]
        return found

    def drop(self, table: str, **key: Any) -> None:
        rows = self.inputs if table == "inputs" else self.tables[table]
        kept = [row for row in rows if any(row[name] != value for name, value in key.items())]
        assert len(kept) < len(rows)
        rows[:] = kept

    def limit(self, key: str, amount: str, **other: Any) -> None:
        """Give a customer another limit, all of it the lender's own money."""
        self.row("credit_limits", customer_key=key).update(credit_limit=Decimal(amount), **other)
        self.fund(key, OWN=amount)

    def fund(self, key: str, **amounts: str) -> None:
        rows = self.tables["funding_allocation"]
        rows[:] = [row for row in rows if row["customer_key"] != key]
        limit = self.row("credit_limits", customer_key=key)["credit_limit"]
        for funder, amount in amounts.items():
            yuan = Decimal(amount)
            share = float(yuan) / float(limit) if limit else 0.0
            row = {"customer_key": key, "as_of": AS_OF, "funder_id": funder, "share": share, "amount": yuan}
            rows.append(row | {"policy_id": POLICY_ID})

    def price(
        self, tier: str, term: int, funding: float = 0.04, margin: float = 0.02, rate: float | None = None
    ) -> Row:
        """Put in a price and its disclosure; with ``rate`` given, the margin is what is left."""
        pd_12m, lgd, r = REFERENCE_PD[tier], 0.5, 0.04
        stress = norm.ppf(pd_12m) / math.sqrt(1 - r) + math.sqrt(r / (1 - r)) * norm.ppf(0.999)
        charge = 0.12 * (lgd * norm.cdf(stress) - pd_12m * lgd)
        costs = funding + pd_12m * lgd + 0.03
        rate = costs + charge + margin if rate is None else rate
        row = {"tier": tier, "term_months": term, "as_of": AS_OF, "annual_rate": rate, "daily_rate": rate / 365}
        row |= {"apr_irr": rate, "funding_cost": funding, "expected_loss": pd_12m * lgd, "operating_cost": 0.03}
        row |= {"capital_charge": charge, "margin": rate - costs - charge, "cap_rate": CAP, "cap_rule": "24 %"}
        row |= {"offered": costs <= CAP, "policy_id": POLICY_ID}
        for table in ("pricing", "disclosures"):
            rows = self.tables[table]
            rows[:] = [old for old in rows if (old["tier"], old["term_months"]) != (tier, term)]
        self.tables["pricing"].append(row)
        if row["offered"]:
            self.disclose(row)
        return row

    def disclose(self, price: Row, principal: str = "10000") -> None:
        rate, term, whole = price["annual_rate"], price["term_months"], int(Decimal(principal) * 100)
        interest, paid = interest_in_cents(whole, rate, term)
        daily = f"{whole * min(rate * 1.5, CAP) / 36500:.2f}"
        row = {"tier": price["tier"], "term_months": term, "as_of": AS_OF, "principal": Decimal(principal)}
        row |= dict.fromkeys(("method", "standard", "charging_party", "text_en", "text_zh", "rule"), "text")
        row |= {
            "annualised_all_in": price["apr_irr"],
            "annualised_paid": paid,
            "no_other_charges": True,
            "policy_id": POLICY_ID,
        }
        amounts = {"principal": principal, "interest": interest, "annualised_all_in": interest, "breach": daily}
        for item, amount in (amounts | {"no_other_charges": "0"}).items():
            self.tables["disclosures"].append(row | {"item": item, "amount": Decimal(amount)})

    def audit(self, folder: Path, as_of: date = AS_OF) -> list[Finding]:
        tables = dict(self.tables)
        if tables.get("portfolio_constraints") == [] and {"credit_limits", "funding_allocation"} <= set(tables):
            tables["portfolio_constraints"] = self._constraints(as_of)  # of the night as spoiled
        paths = {name: folder / f"{name}.parquet" for name in tables}
        for name, path in paths.items():
            rows = [_dated(row) for row in tables[name]] if name == "credit_limits" else tables[name]
            pq.write_table(pa.Table.from_pylist(rows, schema=_loose(PUBLISHED[name].arrow_schema)), path)
        return audit_tables(paths, self.context(folder, as_of))

    def context(self, folder: Path, as_of: date = AS_OF) -> AuditContext:
        return AuditContext(
            as_of=as_of,
            policy=self.policy_file(folder) if self.policy else "cn-online-micro-lender",
            inputs=pa.Table.from_pylist(self.inputs, schema=DECISION_INPUTS.arrow_schema),
            partners=_lake("funding_partners", self.partners),
            position=_lake("lender_position", self.position),
            previous=self.release_before(),
        )

    def release_before(self) -> dict[str, pa.Table] | None:
        """The tables of the release before that a test gives; its limits are those tonight's table tells of."""
        tables: dict[str, pa.Table] = {}
        if self.previous_tiers is not None:
            tables["scores"] = _tiers(self.previous_tiers)
        if self.previous_scores is not None:
            tables["scores"] = _scores(self.previous_scores)
        if self.previous_limits is not None:
            were = {row["customer_key"]: row["previous_limit"] for row in self.tables["credit_limits"]}
            rows = [
                {"customer_key": key, "credit_limit": limit} | self.previous_limits.get(key, {})
                for key, limit in were.items()
                if limit is not None or key in self.previous_limits
            ]
            schema = _loose(PUBLISHED["credit_limits"].arrow_schema)
            tables["credit_limits"] = pa.Table.from_pylist(rows, schema=schema)
        if self.before:
            schema = PUBLISHED["funding_allocation"].arrow_schema
            tables["funding_allocation"] = pa.Table.from_pylist(self.before, schema=schema)
        return tables or None

    def policy_file(self, folder: Path) -> str:
        """The packaged profile with the numbers of ``policy`` (by ``section.key``) replaced on every date."""
        path = folder / "policy.yaml"
        path.write_text(_without_glide() if self.policy == NO_GLIDE else _profile(self.policy), encoding="utf-8")
        return str(path)


def _profile(numbers: dict[str, Any]) -> str:
    content = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    for name, value in numbers.items():
        section, key = name.split(".")
        changed = [entry | {"value": value} for entry in content[section][key]]
        content = content | {section: content[section] | {key: changed}}
    return str(yaml.safe_dump(content, allow_unicode=True))


@cache
def _without_glide() -> str:
    """The same of nearly every test; writing YAML takes longer than the audit."""
    return _profile(NO_GLIDE)


def _loose(schema: pa.Schema) -> pa.Schema:
    """The types of a contract, with nulls allowed so that a test can put one in."""
    return pa.schema([column.with_nullable(True) for column in schema])


def _dated(limit: Row) -> Row:
    """Tonight is the last change where the limit differs, unless the test says when it was."""
    changed = limit["credit_limit"] != (limit["previous_limit"] or 0)
    return {"last_change_on": limit["as_of"] if changed else None} | limit


def _scores(scores: dict[str, tuple[float, str]]) -> pa.Table:
    """PD and model of some customers, whose tier was that of tonight."""
    return _before({key: (CUSTOMERS[key][2], *given) for key, given in scores.items()})


def _tiers(tiers: dict[str, str]) -> pa.Table:
    """Scores of the release before; only the tiers matter."""
    return _before({key: (tier, 0.01, "m-before") for key, tier in tiers.items()})


def _before(scores: dict[str, tuple[str, float, str]]) -> pa.Table:
    rows = [
        {"customer_key": key, "as_of": BEFORE, "pd_12m": pd_12m, "score": 600.0, "tier": tier, "thin_file": False}
        | {"model_id": model}
        for key, (tier, pd_12m, model) in scores.items()
    ]
    return pa.Table.from_pylist(rows, schema=PUBLISHED["scores"].arrow_schema)


def _lake(name: str, rows: list[Row] | None) -> pa.Table | None:
    return None if rows is None else pa.Table.from_pylist(rows, schema=_loose(LAKE[name].arrow_schema))


def partner(partner_id: str, **other: Any) -> Row:
    row = {"partner_id": partner_id, "licence": "national", "home_region": "310000", "regions": "*"}
    row |= {"net_tier1_capital": Decimal(500_000), "total_loans": Decimal(200_000)}
    row |= {"joint_loan_balance": Decimal(79_000), "commitment": Decimal(121_000), "drawn": Decimal(100_000)}
    return row | {"expires_on": None, "notice_days": 30, "accepted_tiers": "A,B,C"} | other


def night_by_hand() -> NightByHand:
    """Everything in order, with several rules met to the cent or the day."""
    night = NightByHand(tables={name: [] for name in PUBLISHED})
    for key in CUSTOMERS:
        _customer(night, key)
    night.fund("c01", OWN="9000", P1="21000")  # P1: 100,000 + 21,000 of 121,000; 79,000 + 21,000 of 50 % of 200,000
    night.fund("c03", OWN="3703.71", P2="8641.96")  # 30 % of 12,345.67 is 3,703.701
    for tier in REFERENCE_PD:
        for term in (3, 6, 12):
            night.price(tier, term)
    regional = {"licence": "regional", "regions": "310000, 320000", "home_region": "320000", "accepted_tiers": "*"}
    night.partners = [partner("P1"), partner("P2", **regional, expires_on=date(2026, 9, 28))]
    assets = {date(2026, 3, 31): 1, date(2026, 5, 31): 400_000, date(2026, 7, 31): 1}
    night.position = [{"as_of": day, "net_assets": Decimal(amount)} for day, amount in assets.items()]
    day = {"as_of": AS_OF}
    night.tables["portfolio_quality"] = [day | dict.fromkeys(("dimension", "member", "metric"), "m") | {"value": 1.0}]
    night.tables["watch_list"] = [day | {"entity_type": "loan", "entity_id": "l1", "trigger": "t"}]
    return night


def _customer(night: NightByHand, key: str) -> None:
    segment, pd_12m, tier, action, previous, limit, drawn, dpd, streak = CUSTOMERS[key]
    named = {"customer_key": key}
    fact = {"segment": segment, "region_code": "320000" if key == "c03" else "110000", "pd_12m": pd_12m, "dpd": dpd}
    fact |= {"consent_partner_sharing": key in ("c01", "c03"), "in_default": tier == "X", "on_time_streak": streak}
    fact |= {"drawn_balance": Decimal(drawn), "instalment_burden_monthly": Decimal(0), "thin_file": False}
    night.inputs.append(named | fact | {"max_dpd_90d": dpd, "months_on_book": 3})
    named |= {"as_of": AS_OF, "tier": tier}
    score = {"pd_12m": pd_12m, "score": points(pd_12m), "thin_file": False, "model_id": "m"}
    night.tables["scores"].append(named | score)
    before = None if previous is None else Decimal(previous)
    row = {"credit_limit": Decimal(limit), "previous_limit": before, "drawn_balance": Decimal(drawn), "action": action}
    row |= {"policy_arm": "policy", "propensity": 1.0, "policy_id": POLICY_ID}
    night.tables["credit_limits"].append(named | row)
    if Decimal(limit):
        night.fund(key, OWN=limit)
