"""How far tonight's customers are from the sample the model was trained on.

Belongs here: the stability index of many figures at once. Does not belong here: the index itself (``stability``), or
what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from numpy.typing import ArrayLike

from tierline.stability import psi


def drift_frame(expected: Mapping[str, ArrayLike], actual: Mapping[str, ArrayLike], bins: int) -> pd.DataFrame:
    """PSI of each named figure in ``expected``: member, psi, p_value, customers (in ``actual``); sorted by member.

    ``actual`` must hold every name of ``expected`` (``KeyError``).
    """
    rows = []
    for name in sorted(expected):
        result = psi(expected[name], actual[name], bins)
        rows.append((name, result.psi, result.p_value, result.n_actual))
    return pd.DataFrame(rows, columns=["member", "psi", "p_value", "customers"])
