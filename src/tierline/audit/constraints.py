"""Rules of ``portfolio_constraints``: every figure is the recomputed one, and prices stand only where a bound is tight.

Belongs here: the published table. Does not belong here: whether the book keeps the bounds (``audit.capacity``).
"""

from __future__ import annotations

from collections.abc import Sequence

from tierline.audit.capacity import Figure
from tierline.audit.finding import Finding, finding
from tierline.audit.night import Night

_TABLE = "portfolio_constraints"
_SHARE = 1e-9
_YUAN = 0.006  # a cent is a fault; half a cent is how figures are rounded
_PRICED = 1e-9
_LOOSE = 0.05
_LOANS = 10


def audit_constraints(night: Night, of_book: Sequence[Figure]) -> list[Finding]:
    """Judge used, bound, slack and shadow price row by row, and that no row is missing or of a rule nobody knows.

    A row may be missing where nothing is used, or the rule is waived.

    Slack is clearly positive, and the price must be 0, where it exceeds 5 % of the bound and ten of the largest limits:
    rounding to whole customers leaves some room below a bound that is tight in the relaxed problem.
    """
    if not night.has(_TABLE):
        return []
    largest = int(night.tables["credit_limits"].frame["credit_limit"].max() or 0)
    stated: list[dict[str, object]] = night.tables[_TABLE].frame.to_dict("records")  # type: ignore[assignment]
    rows = {(str(row["constraint"]), str(row["member"])): row for row in stated}
    lines: dict[str, list[str]] = {}
    for figure in of_book:
        key = (figure.constraint, figure.member)
        if key in rows:
            for rule, line in _differ(figure, rows.pop(key), largest):
                lines.setdefault(rule, []).append(f"{key[0]} {key[1]}: {line}")
        elif figure.judged and figure.used:
            lines.setdefault("missing_row", []).append(f"{key[0]} {key[1]}")
    if rows:
        lines["unknown_row"] = [f"{constraint} {member}" for constraint, member in sorted(rows)]
    must = "figures must be the recomputed ones, shadow prices 0 or above and 0 where there is room"
    return [
        finding(rule, _TABLE, len(some), f"{must}; {len(some)} are not, first {some[0]}")
        for rule, some in sorted(lines.items())
    ]


def _differ(figure: Figure, row: dict[str, object], largest: int) -> list[tuple[str, str]]:
    bound, used, slack, price = (float(str(row[name])) for name in ("bound", "used", "slack", "shadow_price"))
    unit = figure.of if figure.of is not None else 100
    scale = float(unit) or 1.0  # a book without limits uses 0 of every share
    off = _YUAN if figure.of is None else _SHARE
    right_bound, right_used = float(figure.bound) / scale, float(figure.used) / scale
    if figure.of == 0:
        right_bound = bound  # a share of nothing
    found = []
    if not abs(bound - right_bound) <= off:
        found.append(("bound", f"bound {bound:.10g}, recomputed {right_bound:.10g}"))
    if not abs(used - right_used) <= off:
        found.append(("used", f"used {used:.10g}, recomputed {right_used:.10g}"))
    left = used - bound if figure.floor else bound - used
    if not abs(slack - left) <= off:
        found.append(("slack", f"slack {slack:.10g}, of bound and used {left:.10g}"))
    room = _LOOSE * right_bound + _LOANS * largest / scale
    if not (price >= 0 and (price <= _PRICED or slack <= room)):
        found.append(("shadow_price", f"shadow price {price:.10g} at slack {slack:.10g}"))
    return found
