"""What ``tierline audit`` prints beside its findings: each constraint of the book, what it uses and what is left.

Belongs here: rendering the checker's figures. Does not belong here: computing or judging them (``tierline.audit``).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tierline.audit import Figure
from tierline.console import print_table


def print_figures(figures: Sequence[Figure]) -> None:
    """One row a constraint and member; nothing where the tables could not be read."""
    if figures:
        columns = ("constraint", "used", "bound", "slack", "")
        print_table("constraints, recomputed (yuan, or share of all limits)", columns, map(figure_cells, figures))


def figure_cells(figure: Figure) -> tuple[str, str, str, str, str]:
    """Name, used, bound, slack as text, and a word where the bound is not simply kept with room."""
    name = f"{figure.constraint} {figure.member}"
    amounts = (figure.used, figure.bound, figure.slack)
    used, bound, slack = (_shown(amount, figure.of) for amount in amounts)
    return name, used, f"{'≥' if figure.floor else '≤'} {bound}", slack, _word(figure)


def _shown(cents: Fraction, of: Fraction | None) -> str:
    if of is None:
        return f"{float(cents) / 100:,.2f}"
    return f"{float(cents / of):.4%}" if of else "of nothing"


def _word(figure: Figure) -> str:
    if not figure.judged:
        return "not judged"
    if not figure.kept:
        return "BROKEN"
    if figure.slack < -figure.tolerance:
        return "full before tonight, nothing new"
    return "full" if figure.slack <= 0 else ""
