"""The errors a user meets: one clear line each, and the exit code that goes with it.

Belongs here: exception types whose message is ready to be shown. Does not belong here: handling; the command line and
the assets decide what to do with them.
"""

from __future__ import annotations

from dataclasses import dataclass


class TierlineError(Exception):
    """Anything the user can act on; ``str(error)`` is one line that says what is wrong and what to do."""

    exit_code = 1


class ConfigurationError(TierlineError):
    """A setting, mapping or policy that cannot be used as it stands."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where, which rule it breaks, and what would mend it.

    ``file`` is a path relative to the landing zone (or a table name), ``column`` may be empty for a fault of the file
    as a whole, ``rule`` is a short stable word such as ``missing_column``.
    """

    file: str
    column: str
    rule: str
    action: str

    def __str__(self) -> str:
        where = f"{self.file}: column {self.column}" if self.column else self.file
        return f"{where}: {self.rule}: {self.action}"


class InputError(TierlineError):
    """Input that stops the night before anything is written; carries every fault found, shows the first."""

    exit_code = 3

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        more = f" (and {len(faults) - 1} more like it)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")


class BlockedError(TierlineError):
    """A check that guards publication or the choice of champion failed: release and champion stay what they were."""

    exit_code = 4


class IntegrityError(TierlineError):
    """A file of ours does not have the content its hash promises."""

    exit_code = 5
