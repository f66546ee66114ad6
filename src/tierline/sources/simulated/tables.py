"""The landing tables of customers, loans, instalments, repayments and macro, as Arrow tables in order of recording.

Belongs here: how what happened is written down. Does not belong here: transactions (``statement``), partners
(``funding``), files (``landing``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tierline.schemas import LANDING
from tierline.sources.simulated.columns import counts, dates, instants, money, numbered, table_of, words
from tierline.sources.simulated.loans import Instalments, Loans
from tierline.sources.simulated.macro import INDUSTRIES, REGIONS, Published
from tierline.sources.simulated.persons import Persons
from tierline.sources.simulated.recording import (
    LATE_REPAYMENTS,
    PHANTOMS,
    WRONG_REPAYMENTS,
    Accuracy,
    phantoms,
    record,
)
from tierline.sources.simulated.repayments import Changes, Payments
from tierline.sources.simulated.rows import NOBODY
from tierline.sources.simulated.timeline import DAY, Ints, Timeline
from tierline.sources.simulated.vocabulary import SCENARIOS

CUSTOMER_PREFIX, LOAN_PREFIX, REPAYMENT_PREFIX, HOUSEHOLD_PREFIX = "C", "L", "R", "H"
CHANGED_SHARE = 0.04  # customers that state another income or consent once
LOAN_PRODUCTS = ("instalment_loan", "short_loan")


@dataclass(frozen=True)
class Dated:
    """An Arrow table sorted by the landing day of its rows, and those days."""

    table: pa.Table
    day: Ints


def customers_table(persons: Persons, household: Ints, timeline: Timeline, rng: np.random.Generator) -> Dated:
    """First versions on the day of registration (founders in one load on the first day), a few changed later.

    ``household`` numbers those who live with another customer; it is stated from the first version on.
    """
    count = len(persons)
    stated = np.rint(persons.income * np.exp(rng.normal(0.05, 0.2, count)) / 100) * 10_000
    silent, unknown = rng.random(count) < 0.10, rng.random(count) < 0.08
    consent, born = rng.random(count) < 0.85, _births(persons, rng)
    first = persons.active_from * DAY + rng.integers(600, 3000, count)
    moved = np.flatnonzero(rng.random(count) < CHANGED_SHARE)
    room = (timeline.last_day - persons.active_from[moved]).clip(min=1)
    later = (persons.active_from[moved] + 1 + (rng.random(len(moved)) * room).astype(np.int64)) * DAY + 36_000
    moved, later = moved[later // DAY <= timeline.last_day], later[later // DAY <= timeline.last_day]
    who = np.concatenate([np.arange(count), moved])
    recorded = np.concatenate([first, later])
    changed = np.arange(len(who)) >= count
    order = np.lexsort((recorded, who, recorded // DAY))
    who, recorded, changed = who[order], recorded[order], changed[order]
    income = np.where(changed, np.rint(stated[who] * 1.15 / 10_000) * 10_000, stated[who]).astype(np.int64)
    identity = pa.array(np.char.add("000000", np.datetime_as_string(born.astype("datetime64[D]")).astype(str)))
    columns = {
        "customer_id": numbered(CUSTOMER_PREFIX, who + 1),
        "registered_on": dates(persons.registered[who]),
        "birth_date": dates(born[who]),
        "full_name": numbered("invented ", who + 1),
        "id_number": identity.take(pa.array(who)),  # six zeros are no region: not the number of a real person
        "phone": numbered("000", who + 1, 8),
        "region_code": words(persons.region[who], REGIONS),
        "segment": words(persons.proprietor[who].astype(np.int64), ("consumer", "sole_proprietor")),
        "industry_code": words(
            np.where(unknown[who] & ~persons.proprietor[who], -1, persons.industry[who]), INDUSTRIES
        ),
        "household_id": _households(household[who]),
        "declared_income_monthly": _nullable_money(income, silent[who] & ~changed),
        "consent_partner_sharing": pa.array(consent[who] ^ (changed & (who % 3 == 0))),
        "recorded_at": instants(recorded),
    }
    return Dated(table_of(LANDING["customers"], columns), recorded // DAY)


def _births(persons: Persons, rng: np.random.Generator) -> Ints:
    """Between 20 and 60 years old at registration."""
    return persons.registered - (365.25 * (20 + 40 * rng.beta(1.6, 2.4, len(persons)))).astype(np.int64)


def _households(household: Ints) -> pa.Array:
    named = numbered(HOUSEHOLD_PREFIX, np.maximum(household, 0) + 1)
    return pa.compute.if_else(pa.array(household >= 0), named, pa.scalar(None, pa.string()))


def _nullable_money(cents: Ints, missing: np.typing.NDArray[np.bool_]) -> pa.Array:
    values = money(cents)
    return pa.compute.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def preferred_scenario(loans: Loans, rng: np.random.Generator) -> Ints:
    """The scenario through which each loan was drawn: mostly the customer's own, for some none."""
    own = loans.customer * 11 % len(SCENARIOS)
    pick = np.where(rng.random(len(loans)) < 0.7, own, rng.integers(0, len(SCENARIOS), len(loans)))
    return np.where(rng.random(len(loans)) < 0.85, pick, NOBODY)


def loans_table(loans: Loans, numbers: Ints, scenario: Ints) -> Dated:
    """One row per loan, recorded a moment after the drawing."""
    order = np.argsort(numbers)
    recorded = (loans.drawn_at + 5)[order]
    columns = {
        "loan_id": numbered(LOAN_PREFIX, numbers[order]),
        "customer_id": numbered(CUSTOMER_PREFIX, loans.customer[order] + 1),
        "product": words((loans.term[order] == 1).astype(np.int64), LOAN_PRODUCTS),
        "originated_on": dates(loans.drawn_at[order] // DAY),
        "principal": money(loans.principal[order]),
        "annual_rate": pa.array(loans.rate[order]),
        "term_months": counts(loans.term[order]),
        "repayment_method": words(loans.bullet[order].astype(np.int64), ("equal_instalment", "bullet")),
        "scenario_id": words(scenario[order], SCENARIOS),
        "recorded_at": instants(recorded),
    }
    return Dated(table_of(LANDING["loans"], columns), recorded // DAY)


def loan_numbers(loans: Loans) -> Ints:
    """Loan numbers in the order of drawing."""
    numbers = np.empty(len(loans), dtype=np.int64)
    numbers[np.lexsort((loans.customer, loans.drawn_at))] = np.arange(1, len(loans) + 1)
    return numbers


def instalments_table(
    loans: Loans, numbers: Ints, plan: Instalments, changes: Changes, world: tuple[Persons, Timeline]
) -> Dated:
    """The first schedules, recorded with the loan, and the new versions of restructured and settled instalments."""
    persons, timeline = world
    first_due = timeline.month_first[plan.due_month] + persons.due_day[loans.customer[plan.loan]] - 1
    row = np.concatenate([np.arange(len(plan.loan)), changes.instalment])
    due_on = np.concatenate([first_due, changes.due_on])
    interest = np.concatenate([plan.interest, changes.interest])
    recorded = np.concatenate([loans.drawn_at[plan.loan] + 5, changes.recorded])
    order = np.lexsort((recorded, plan.number[row], numbers[plan.loan[row]], recorded // DAY))
    order = order[recorded[order] // DAY <= timeline.last_day]
    row, recorded = row[order], recorded[order]
    columns = {
        "loan_id": numbered(LOAN_PREFIX, numbers[plan.loan[row]]),
        "instalment_no": counts(plan.number[row]),
        "due_on": dates(due_on[order]),
        "principal_due": money(plan.principal[row]),
        "interest_due": money(interest[order]),
        "recorded_at": instants(recorded),
    }
    return Dated(table_of(LANDING["instalments"], columns), recorded // DAY)


def repayments_table(
    payments: Payments, plan: Instalments, numbers: Ints, timeline: Timeline, rng: np.random.Generator
) -> Dated:
    """Every payment; ordinary ones are now and then recorded late, wrongly at first, or were none at all.

    A payment of arrears is recorded rightly and at once: days past due reach 90 on the same
    day by event and by knowledge time.
    """
    end = (timeline.last_day + 1) * DAY
    echo = phantoms(payments.paid_at, end, PHANTOMS, rng)
    echo = echo[payments.late_days[echo] == 0]
    instalment = np.concatenate([payments.instalment, payments.instalment[echo]])
    paid_at = np.concatenate([payments.paid_at, payments.paid_at[echo] + 2])
    cents = np.concatenate([payments.amount, np.zeros(len(echo), dtype=np.int64)])
    arrears = np.concatenate([payments.late_days > 0, np.zeros(len(echo), dtype=bool)])
    versions = record(paid_at, cents, end, Accuracy(LATE_REPAYMENTS, WRONG_REPAYMENTS, arrears), rng)
    number = np.empty(len(paid_at), dtype=np.int64)
    number[np.argsort(paid_at, kind="stable")] = np.arange(1, len(paid_at) + 1)
    order = np.lexsort((versions.recorded, number[versions.row], versions.recorded // DAY))
    row, recorded = versions.row[order], versions.recorded[order]
    columns = {
        "repayment_id": numbered(REPAYMENT_PREFIX, number[row]),
        "loan_id": numbered(LOAN_PREFIX, numbers[plan.loan[instalment[row]]]),
        "instalment_no": counts(plan.number[instalment[row]]),
        "paid_at": instants(paid_at[row]),
        "amount": money(np.abs(versions.cents[order])),
        "recorded_at": instants(recorded),
    }
    return Dated(table_of(LANDING["repayments"], columns), recorded // DAY)


def macro_table(published: Published) -> Dated:
    """Every published value, by day of publication, series and period."""
    names = np.array(published.series)
    day = published.published // DAY
    order = np.lexsort((published.period, names, day))
    columns = {
        "series_id": pa.array(names[order]),
        "period": dates(published.period[order]),
        "value": pa.array(published.value[order]),
        "published_at": instants(published.published[order]),
    }
    return Dated(table_of(LANDING["macro"], columns), day[order])
