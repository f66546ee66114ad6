"""What the command line prints: a line per step while it works, and tables at the end.

Belongs here: rendering for a terminal. Does not belong here: computing what is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

_WIDTH = None if Console().is_terminal else 140  # a log file has no width of its own
CONSOLE = Console(highlight=False, soft_wrap=True, width=_WIDTH)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


class _StageHandler(logging.Handler):
    """Prints each record of the ``tierline`` loggers as one line with the seconds since the start."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._start = monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else "default"
        seconds = monotonic() - self._start
        CONSOLE.print(f"[dim]{seconds:7.1f} s[/dim]  [{style}]{escape(record.getMessage())}[/{style}]")


def show_progress() -> None:
    """Send the ``tierline`` loggers to the terminal, with seconds counted from now."""
    logger = logging.getLogger("tierline")
    logger.setLevel(logging.INFO)
    for handler in [handler for handler in logger.handlers if isinstance(handler, _StageHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(_StageHandler())


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One table; the first column is left-aligned, the others right."""
    table = RichTable(title=title, title_justify="left", title_style="bold", header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    CONSOLE.print(table)


def print_line(text: str) -> None:
    """One plain line."""
    CONSOLE.print(escape(text))


def print_error(text: str) -> None:
    """One error line, to standard error."""
    ERRORS.print(f"[red]error:[/red] {escape(text)}")
