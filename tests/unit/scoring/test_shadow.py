"""A challenger's scores are those it would have as champion."""

from __future__ import annotations

import pytest
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake

from tierline.features import build_features, customer_spine
from tierline.scoring import score_book, shadow, shadow_scores


@pytest.mark.parametrize("rows_at_once", [7, 100_000])
def test_shadow_scores_are_the_scores_of_the_book(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "ROWS_AT_ONCE", rows_at_once)
    features = build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)
    calm = next(r for r in features.to_pylist() if r["dpd_now"] == 0)["customer_key"]
    scored = score_book(tiny_bundle(), [features], [calm], AS_OF)
    found = shadow_scores(tiny_bundle(), features, [calm], AS_OF)
    assert 0 < sum(scored["in_default"].to_pylist()) < scored.num_rows
    for name in found.column_names:
        assert found[name].to_pylist() == scored[name].to_pylist(), name
    none = shadow_scores(tiny_bundle(), features.slice(0, 0), [], AS_OF)
    assert (none.num_rows, none.schema.names) == (0, found.schema.names)
