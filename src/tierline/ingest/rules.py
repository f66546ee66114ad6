"""Rules that one row keeps or breaks by itself, as SQL over typed columns.

Belongs here: nulls, ranges, vocabularies, finiteness, order of times, partition date. Does not belong here: rules that
look at other rows (``ingest.judge``) or at a file as a whole (``ingest.files``).

A rule is a word and a condition under which the row *breaks* it; conditions are never NULL. Words are
``null:<column>``, ``unparseable:<column>``, ``not_finite:<column>``, ``range:<column>``, ``allowed:<column>``,
``event_after_knowledge`` and ``wrong_partition``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tierline.schemas import Column, Kind, Table

PLANS = frozenset({"instalments"})
"""Tables whose event time is a plan (a due day): it lies after the knowledge time by its nature."""
FIRST_DATE, LAST_DATE = "1900-01-01", "9999-12-31"
BIRTH_YEARS = (1900, 2100)
_COUNT_RANGE = (-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Rule:
    """One rule: its word, and the SQL condition of a row that breaks it."""

    word: str
    broken: str


def business_day(timestamp: str, timezone: str) -> str:
    """SQL of the business day of a ``TIMESTAMPTZ`` expression."""
    return f"({timestamp} AT TIME ZONE '{timezone}')::DATE"


def row_rules(contract: Table, unreadable: dict[str, str], timezone: str) -> list[Rule]:
    """Every rule of a landing table; ``unreadable`` maps columns to the SQL of "this value could not be read"."""
    rules: list[Rule] = []
    for column in contract.columns:
        rules += _column_rules(column, unreadable.get(column.name, ""))
    return rules + _time_rules(contract, timezone)


def _column_rules(column: Column, unreadable: str) -> list[Rule]:
    name = column.name
    rules: list[Rule] = []
    if unreadable:
        rules.append(Rule(f"unparseable:{name}", unreadable))
    if not column.nullable:
        readable = f" AND NOT ({unreadable})" if unreadable else ""
        rules.append(Rule(f"null:{name}", f"{name} IS NULL{readable}"))
    if column.kind is Kind.RATE:
        rules.append(Rule(f"not_finite:{name}", f"coalesce(NOT isfinite({name}), false)"))
    inside = _inside(column)
    if inside:
        rules.append(Rule(f"range:{name}", f"coalesce(NOT ({inside}), false)"))
    if column.allowed:
        words = ", ".join(f"'{word}'" for word in column.allowed)
        rules.append(Rule(f"allowed:{name}", f"coalesce({name} NOT IN ({words}), false)"))
    return rules


def _inside(column: Column) -> str:
    name, low, high = column.name, column.minimum, column.maximum
    if name == "birth_date":
        return f"year({name}) BETWEEN {BIRTH_YEARS[0]} AND {BIRTH_YEARS[1]}"
    if column.kind is Kind.DATE:
        return f"{name} BETWEEN DATE '{FIRST_DATE}' AND DATE '{LAST_DATE}'"
    if column.kind is Kind.TIMESTAMP:
        return f"{name} BETWEEN TIMESTAMPTZ '{FIRST_DATE} 00:00:00Z' AND TIMESTAMPTZ '{LAST_DATE} 00:00:00Z'"
    if column.kind is Kind.COUNT:
        low = _COUNT_RANGE[0] if low is None else low
        high = _COUNT_RANGE[1] if high is None else high
    bounds = [f"{name} >= {_number(low, column)}"] if low is not None else []
    bounds += [f"{name} <= {_number(high, column)}"] if high is not None else []
    inside = " AND ".join(bounds)
    # DuckDB orders NaN above every number: it is reported as not finite, not also as out of range.
    return f"({inside}) OR NOT isfinite({name})" if inside and column.kind is Kind.RATE else inside


def _number(bound: float, column: Column) -> str:
    return repr(bound) if column.kind is Kind.RATE else str(int(bound))


def _time_rules(contract: Table, timezone: str) -> list[Rule]:
    known = contract.knowledge_time
    day = business_day(known, timezone)
    rules = []
    if contract.event_time and contract.name not in PLANS:
        event = contract.event_time
        later = f"{event} > {known}" if contract[event].kind is Kind.TIMESTAMP else f"{event} > {day}"
        rules.append(Rule("event_after_knowledge", f"coalesce({later}, false)"))
    return [*rules, Rule("wrong_partition", f"coalesce({day} <> partition_day, false)")]
