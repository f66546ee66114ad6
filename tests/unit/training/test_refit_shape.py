"""The shape of the refit: chosen again where rows have no time, that of the test where they have."""

from __future__ import annotations

import pytest
from unit.training.credit_tables import QUICK, credit_table, plain_table

from tierline.reporting.model_card.limits import limits_of_use
from tierline.training import TrainingConfig, fit, train
from tierline.training.booster import Shape
from tierline.training.panel import Panel


class Chooser:
    """Stands for ``choose_shape``: counts the rows it is shown, and answers with another number of trees each time."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, panel: Panel, _config: TrainingConfig) -> Shape:
        self.rows.append(int(panel.learning.sum()))
        return Shape(3, (11, 17)[len(self.rows) - 1], random_thresholds=len(self.rows) == 1)


def test_without_time_the_shape_is_chosen_again_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = Chooser()
    monkeypatch.setattr(train, "choose_shape", chooser)
    table = plain_table()
    bundle = fit(table, target="bad", config=QUICK)
    assert chooser.rows == [len(table) - bundle.test_rows.num_rows, len(table)]
    assert bundle.booster.num_trees() == 17
    card = bundle.card
    assert (card.training["trees"], card.training["random_thresholds"]) == (17, False)
    assert "tested: 11 trees of 3 random leaves" in str(card.refit["rule"])
    assert "in a shape chosen again, from all rows" in " ".join(limits_of_use(bundle))


def test_with_time_or_without_a_refit_it_is_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for table, time, config in (
        (credit_table(), "day", QUICK),
        (plain_table(), None, QUICK.model_copy(update={"refit": False})),
    ):
        chooser = Chooser()
        monkeypatch.setattr(train, "choose_shape", chooser)
        bundle = fit(table, target="bad", time=time, config=config)
        assert len(chooser.rows) == 1
        assert bundle.booster.num_trees() == bundle.card.training["trees"] == 11
        assert "chosen again" not in " ".join(limits_of_use(bundle))
