"""A random small world with everything that makes features hard: corrections, voids, late records, same-day versions,
keys that come back after just under and just over the gap that makes them new, customers who fell silent.

Belongs here: rows for the comparison with the reference. Does not belong here: hand-made cases.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import lakes
from lakes import Row

START = date(2023, 1, 1)
DAYS = 600
VOCABULARY = {
    "salary": "income",
    "bonus": "income",
    "own": "own_transfer",
    "loan": "loan_flow",
    "atm": "cash",
    "bets": "gambling",
    "food": "essential",
    "fun": "discretionary",
    "return": "refund",
    "fee": "fee",
    "goods": "other",
}
CATEGORIES = [*VOCABULARY, "a word nobody mapped"]


def random_world(seed: int, customers: int = 30, transactions: int = 200) -> dict[str, list[Row]]:
    """Every table of a customer's history; some customers have no transaction, some no loan, one nothing at all."""
    rng = random.Random(seed)
    world: dict[str, list[Row]] = {
        name: [] for name in ("customers", "transactions", "loans", "instalments", "repayments")
    }
    for number in range(customers):
        key = lakes.key(number)
        silent = number % 10 == 9
        registered = START + timedelta(days=rng.randrange(0, 100 if silent else 300))
        world["customers"] += _customer(rng, key, registered)
        if number % 10 == 7:
            world["transactions"] += _regulars(rng, number, registered)
        if silent:
            world["transactions"] += _transactions(rng, number, registered, rng.randrange(1, 20), days=20)
        elif number % 10 != 3:
            world["transactions"] += _transactions(rng, number, registered, rng.randrange(1, transactions))
        if number % 10 not in (3, 5):
            for index in range(rng.randrange(1, 7)):
                _add_loan(rng, world, f"L{number}-{index}", key, registered)
    world["macro"] = _macro(rng)
    for rows in world.values():
        rng.shuffle(rows)
    return world


def _macro(rng: random.Random) -> list[Row]:
    """Monthly series, published weeks later, some revised, some periods never published."""
    rows = []
    for series in ("unemployment_R1", "unemployment_R2", "unemployment_R3", "industry_index_A", "industry_index_C"):
        for number in range(36):
            period = date(2022 + number // 12, number % 12 + 1, 1)
            published = lakes.at(max(period + timedelta(days=rng.randrange(40, 70)), START))
            row = {"series_id": series, "period": period, "value": rng.randrange(300, 900) / 100}
            if rng.random() < 0.9:
                rows.append(row | {"published_at": published})
                if rng.random() < 0.3:
                    later = published + timedelta(days=rng.randrange(1, 60))
                    rows.append(row | {"value": row["value"] + 0.25, "published_at": later})
    return rows


def _customer(rng: random.Random, key: str, registered: date) -> list[Row]:
    first = lakes.customer(
        key,
        registered,
        segment=rng.choice(["consumer", "sole_proprietor"]),
        region_code=rng.choice(["R1", "R2", "R3", "R9"]),
        industry_code=rng.choice([None, "A", "C"]),
        declared_income_monthly=rng.choice([None, lakes.money(0), lakes.money(rng.randrange(2_000, 9_000))]),
    )
    if rng.random() < 0.3:
        later = lakes.at(registered + timedelta(days=rng.randrange(1, 200)))
        change = {"segment": "sole_proprietor", "region_code": "R1", "declared_income_monthly": lakes.money(4_321)}
        return [first, first | change | {"recorded_at": later}]
    return [first]


def _moment(rng: random.Random, first: date, days: int) -> datetime:
    whole = lakes.at(first + timedelta(days=rng.randrange(days)), rng.randrange(24))
    return whole if rng.random() < 0.5 else whole + timedelta(minutes=rng.randrange(60))


def _recorded(rng: random.Random, moment: datetime) -> datetime:
    """Mostly at once, sometimes days later."""
    return moment + timedelta(days=rng.choice([0] * 12 + [1, 2, 9, 40]), seconds=rng.randrange(7200))


def _regulars(rng: random.Random, number: int, registered: date) -> list[Row]:
    """Counterparties, payers, scenarios and categories that are gone for just about 30, 90 or 120 days."""
    rows = []
    for kind in range(8):
        word = f"K{number}-{kind}"
        day = registered + timedelta(days=rng.randrange(40))
        while day < START + timedelta(days=DAYS):
            row = lakes.transaction(f"{word}-{day}", lakes.key(number), lakes.at(day, rng.randrange(24)), 20)
            payer = {"direction": "credit", "category": "salary"}
            rows.append(row | {"counterparty_key": lakes.key(2_000 + kind)} | (payer if kind % 4 == 1 else {}))
            if kind % 4 >= 2:
                rows[-1] |= {"scenario_id": word} if kind % 4 == 2 else {"category": word}
            day += timedelta(days=rng.choice([1, 29, 30, 31, 88, 89, 90, 91, 118, 119, 120, 121, 150]))
    return rows


def _transactions(rng: random.Random, number: int, registered: date, count: int, days: int | None = None) -> list[Row]:
    rows = []
    for index in range(count):
        when = _moment(rng, registered, days or DAYS - (registered - START).days)
        balance = None if rng.random() < 0.2 else lakes.money(rng.randrange(-5_000, 90_000) / 100)
        row = lakes.transaction(
            f"T{number}-{index:04d}",
            lakes.key(number),
            when,
            rng.randrange(1, 500_000) / 100,
            direction=rng.choice(["credit", "debit", "debit"]),
            category=rng.choice(CATEGORIES),
            balance_after=balance,
            recorded_at=_recorded(rng, when),
            counterparty_key=rng.choice([None, *(lakes.key(1_000 + other) for other in range(15))]),
            scenario_id=rng.choice([None, None, *(f"S{other}" for other in range(6))]),
        )
        rows.append(row)
        if rng.random() < 0.15:
            rows.append(_corrected(rng, row, {"amount": lakes.money(rng.choice([0, rng.randrange(1, 9_999) / 100]))}))
        if rng.random() < 0.05:
            rows.append(_corrected(rng, row, {"category": rng.choice(CATEGORIES), "scenario_id": None}))
        if rng.random() < 0.05:
            rows.append(_corrected(rng, row, {"occurred_at": when + timedelta(days=rng.randrange(-30, 30))}))
        if rng.random() < 0.03:
            change = {"counterparty_key": lakes.key(1_000), "direction": "credit", "balance_after": lakes.money(77)}
            rows.append(_corrected(rng, row, change))
    return rows


def _corrected(rng: random.Random, row: Row, change: Row) -> Row:
    """A later version: minutes after (often the same day) or weeks after."""
    gap = rng.choice([timedelta(seconds=rng.randrange(1, 600)), timedelta(days=rng.randrange(1, 60), seconds=7)])
    return row | change | {"recorded_at": row["recorded_at"] + gap}


def _add_loan(rng: random.Random, world: dict[str, list[Row]], loan_id: str, key: str, registered: date) -> None:
    drawn = registered + timedelta(days=rng.randrange(0, DAYS - (registered - START).days))
    term = rng.choice([1, 3, 6, 12])
    principal = rng.randrange(50_000, 900_000) / 100
    row = lakes.loan(loan_id, key, drawn, principal, annual_rate=rng.choice([0.1, 0.155, 0.24]), term_months=term)
    world["loans"].append(row)
    if rng.random() < 0.1:
        world["loans"].append(_corrected(rng, row, {"principal": lakes.money(rng.choice([0, 1234]))}))
    for number in range(1, term + 1):
        due = lakes.instalment(
            loan_id,
            number,
            drawn + timedelta(days=30 * number),
            round(principal / term, 2),
            lakes.at(drawn),
            interest_due=lakes.money(rng.randrange(0, 3_000) / 100),
        )
        world["instalments"].append(due)
        if rng.random() < 0.15:
            change = rng.choice(
                [
                    {"interest_due": lakes.money(0)},
                    {"due_on": due["due_on"] + timedelta(days=45)},
                    {"principal_due": lakes.money(0), "interest_due": lakes.money(0)},
                ]
            )
            later = lakes.at(drawn + timedelta(days=rng.randrange(0, 30 * term)), 13)
            world["instalments"].append(due | change | {"recorded_at": later})
        world["repayments"] += _payments(rng, f"{loan_id}-{number}", due)


def _payments(rng: random.Random, stem: str, due: Row) -> list[Row]:
    """Early, punctual, late, partial, surplus or none."""
    owed = float(due["principal_due"] + due["interest_due"])
    parts = rng.choice([[1.0], [1.0], [1.0], [0.4, 0.6], [0.5, 0.5, 0.3], [0.7], []])
    delay = rng.choice([-40, -3, 0, 0, 0, 0, 1, 5, 29, 30, 31, 89, 90, 91, 150])
    rows = []
    for index, part in enumerate(parts):
        day = due["due_on"] + timedelta(days=delay + index * rng.choice([0, 0, 3]))
        paid = lakes.at(max(day, due["recorded_at"].date() + timedelta(days=1)), rng.randrange(24))
        amount = owed - round(0.4 * owed, 2) if parts == [0.4, 0.6] and index == 1 else round(part * owed, 2)
        row = lakes.repayment(
            f"P{stem}-{index}", due["loan_id"], due["instalment_no"], paid, amount, recorded_at=_recorded(rng, paid)
        )
        rows.append(row)
        if rng.random() < 0.08:
            rows.append(_corrected(rng, row, {"amount": lakes.money(rng.choice([0, round(owed, 2)]))}))
    return rows
