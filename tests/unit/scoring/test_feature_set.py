"""A model scores only features made as those it learned from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
from unit.training.tiny_world import tiny_bundle

from tierline.errors import TierlineError
from tierline.scoring import score_book


def test_a_model_of_another_feature_set_is_refused() -> None:
    bundle = tiny_bundle()
    other = replace(bundle, card=bundle.card.model_copy(update={"feature_set": "0" * 12}))
    with pytest.raises(TierlineError, match="another feature set than tonight's: train again"):
        score_book(other, [pa.table({})], [], date(2026, 6, 30))
