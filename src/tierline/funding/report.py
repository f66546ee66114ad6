"""The portfolio of a night in a few lines for a person.

Belongs here: words for the log. Does not belong here: figures that are not in the result.
"""

from __future__ import annotations

from tierline.funding.outcome import Measure
from tierline.funding.portfolio import FundingResult

TOP = 5


def report_lines(result: FundingResult) -> list[str]:
    """Exposure and RAROC in all and per tier, use of partners, profit with its gap, and the dearest constraints."""
    book = result.outcome.book
    plan = "last night's plan stands" if result.kept else "new plan"
    lines = [
        f"{plan}: risk-adjusted profit {result.objective:,.0f} a year, {max(result.gap, 0):.3%} below the optimum over"
        f" cells; {result.cut:,} limits lowered",
        f"all tiers: {_measure(book)}",
        *(f"tier {tier}: {_measure(one)}" for tier, one in result.outcome.tiers.items()),
    ]
    for partner, yuan in result.outcome.partners.items():
        lines.append(
            f"partner {partner}: funds {yuan:,.0f}, {yuan / book.limit if book.limit else 0:.1%} of all limits"
        )
    rows = [row for row in result.constraints.to_pylist() if row["shadow_price"] > 0]
    dearest = sorted(rows, key=lambda row: (-_worth_of_a_hundredth(row), row["constraint"], row["member"]))
    return lines + [f"shadow price: {row['text_en']}" for row in dearest[:TOP]]


def _worth_of_a_hundredth(row: dict[str, float]) -> float:
    """Yuan a year of a bound wider by a hundredth of itself, which compares yuan with percentage points."""
    unit = 1.0 if row["bound"] > 1 else 100.0
    return float(row["shadow_price"] * row["bound"] * unit / 100)


def _measure(one: Measure) -> str:
    raroc = "none" if one.raroc is None else f"{one.raroc:.1%}"
    return (
        f"limits {one.limit:,.0f}, exposure {one.exposure:,.0f}, expected loss {one.loss:,.0f},"
        f" profit {one.profit:,.0f}, RAROC {raroc}"
    )
