"""tierline: the nightly credit decision for an online consumer lender, from raw rows to a published night."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tierline.publishing import open_snapshot as open_snapshot

__all__ = ["open_snapshot"]


def __getattr__(name: str) -> object:
    # On first use only: the reader needs pandas and pyarrow, which a command that prints its help need not wait for.
    if name == "open_snapshot":
        from tierline.publishing import open_snapshot

        return open_snapshot
    raise AttributeError(f"module tierline has no attribute {name}")
