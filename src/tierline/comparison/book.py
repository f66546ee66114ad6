"""Two models on tonight's book: who would change tier, who would newly be accepted or refused.

Belongs here: figures that need no outcome. Does not belong here: whether a change is for the better (``outcomes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tierline.errors import TierlineError
from tierline.stability import PsiResult, psi

MOVERS = 20
_FINITE = 1e-6  # PD of 0 or 1 has no finite log-odds
SIDES = ("champion", "challenger")


@dataclass(frozen=True)
class BookSide:
    """One model's view of the book: customer_key, pd_12m (1 in default), tier, in_default; one row per customer."""

    model_id: str
    scores: pd.DataFrame


@dataclass(frozen=True)
class BookComparison:
    """What would be different tonight.

    ``psi``: of the challenger's PD against the champion's, customers in default for neither. ``migration``:
    champion_tier, challenger_tier, customers, every pair of tiers. ``changes``: customers whose tier differs, sorted by
    customer_key: both tiers and PDs, and ``swap``: ``in`` newly accepted, ``out`` newly refused, else None.
    ``movers``: the customers whose log-odds differ most, largest first, with ``log_odds`` = challenger - champion.
    """

    customers: int
    psi: PsiResult
    migration: pd.DataFrame
    changes: pd.DataFrame
    movers: pd.DataFrame

    @property
    def swapped(self) -> dict[str, int]:
        """Customers newly accepted (``in``) and newly refused (``out``)."""
        return {side: int((self.changes["swap"] == side).sum()) for side in ("in", "out")}


def compare_books(
    champion: BookSide, challenger: BookSide, tiers: Sequence[str], accepted: Sequence[str], bins: int
) -> BookComparison:
    """Hold two views of one book side by side.

    ``tiers``: all of them, best first, the tier of customers in default last. ``accepted``: tiers that are offered a
    price tonight; the cut-off is the worst of them. ``bins``: of the PSI. Raises ``TierlineError`` unless both hold
    the same customers, once each.
    """
    both = _both(champion, challenger)
    performing = both[~(both["champion_in_default"] | both["challenger_in_default"])]
    if performing.empty:
        raise TierlineError(f"{challenger.model_id}: no customer is out of default in both books: nothing to compare")
    drift = psi(performing["champion_pd"].to_numpy(), performing["challenger_pd"].to_numpy(), bins)
    pairs = pd.MultiIndex.from_product([tiers, tiers], names=["champion_tier", "challenger_tier"])
    migration = both.groupby(["champion_tier", "challenger_tier"]).size().reindex(pairs, fill_value=0)
    return BookComparison(
        customers=len(both),
        psi=drift,
        migration=migration.rename("customers").reset_index(),
        changes=_changes(both, accepted),
        movers=_movers(performing),
    )


def _both(champion: BookSide, challenger: BookSide) -> pd.DataFrame:
    frames = [
        side.scores[["customer_key", "tier", "pd_12m", "in_default"]].rename(
            columns={"tier": f"{name}_tier", "pd_12m": f"{name}_pd", "in_default": f"{name}_in_default"}
        )
        for name, side in zip(SIDES, (champion, challenger), strict=True)
    ]
    both = frames[0].merge(frames[1], on="customer_key", validate="one_to_one")
    if not len(both) == len(frames[0]) == len(frames[1]):
        raise TierlineError(
            f"{challenger.model_id}: scored {len(frames[1])} customers, {champion.model_id} {len(frames[0])}, and"
            f" {len(both)} of them are the same: score the night again"
        )
    return both.sort_values("customer_key", ignore_index=True)


def _changes(both: pd.DataFrame, accepted: Sequence[str]) -> pd.DataFrame:
    before, after = both["champion_tier"].isin(list(accepted)), both["challenger_tier"].isin(list(accepted))
    swap = np.select([~before & after, before & ~after], ["in", "out"], default="")
    columns = ["customer_key", "champion_tier", "challenger_tier", "champion_pd", "challenger_pd", "swap"]
    changed = both.assign(swap=pd.Series(swap, index=both.index).where(swap != "", None))[columns]
    return changed[both["champion_tier"] != both["challenger_tier"]].reset_index(drop=True)


def _movers(performing: pd.DataFrame) -> pd.DataFrame:
    known = [np.clip(performing[f"{side}_pd"].to_numpy(dtype=float), _FINITE, 1 - _FINITE) for side in SIDES]
    old, new = (np.log(pd_12m / (1 - pd_12m)) for pd_12m in known)
    moved = performing.assign(log_odds=new - old, size=np.abs(new - old))
    columns = ["customer_key", "champion_tier", "challenger_tier", "champion_pd", "challenger_pd", "log_odds"]
    ranked = moved.sort_values(["size", "customer_key"], ascending=[False, True], kind="stable")
    return ranked[columns].head(MOVERS).reset_index(drop=True)
