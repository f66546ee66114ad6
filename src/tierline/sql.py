"""Literals and names in SQL text.

Belongs here: quoting. Does not belong here: any query.
"""

from __future__ import annotations


def quoted(text: str) -> str:
    """``text`` as a string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def named(column: str) -> str:
    """``column`` as a name, also where it is a word of SQL (``constraint``)."""
    return '"' + column.replace('"', '""') + '"'
