"""The table of constraints that ``tierline audit`` prints."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tierline.audit import Figure
from tierline.cli_audit import figure_cells, print_figures

YUAN = Fraction(100)


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (
            Figure("partner_commitment", "P1", 1_000 * YUAN, Fraction(123_450_001)),
            ("partner_commitment P1", "1,000.00", "≤ 1,234,500.01", "1,233,500.01", ""),
        ),
        (
            Figure("region_share", "110000", 20 * YUAN, 25 * YUAN, of=100 * YUAN),
            ("region_share 110000", "20.0000%", "≤ 25.0000%", "5.0000%", ""),
        ),
        (
            Figure("inclusive", "book", 6 * YUAN, 5 * YUAN, of=100 * YUAN, floor=True),
            ("inclusive book", "6.0000%", "≥ 5.0000%", "1.0000%", ""),
        ),
        (Figure("leverage", "book", YUAN, YUAN), ("leverage book", "1.00", "≤ 1.00", "0.00", "full")),
        (Figure("leverage", "book", YUAN + 1, YUAN), ("leverage book", "1.01", "≤ 1.00", "-0.01", "BROKEN")),
        (
            Figure("partner_tier1", "P1", 2 * YUAN, YUAN, stood=2 * YUAN),
            ("partner_tier1 P1", "2.00", "≤ 1.00", "-1.00", "full before tonight, nothing new"),
        ),
        (
            Figure("scenario_share", "x", YUAN, YUAN / 2, of=YUAN, judged=False),
            ("scenario_share x", "100.0000%", "≤ 50.0000%", "-50.0000%", "not judged"),
        ),
        (
            Figure("partner_share", "P1", Fraction(0), Fraction(0), of=Fraction(0)),
            ("partner_share P1", "of nothing", "≤ of nothing", "of nothing", "full"),
        ),
    ],
)
def test_a_row_says_how_much_is_left(figure: Figure, cells: tuple[str, ...]) -> None:
    assert figure_cells(figure) == cells


def test_without_figures_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures([])
    assert capsys.readouterr().out == ""
