"""Literals in SQL text.

Belongs here: quoting. Does not belong here: any query.
"""

from __future__ import annotations


def quoted(text: str) -> str:
    """``text`` as a string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
