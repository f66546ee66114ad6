"""The order of a card's parts, and its files.

Belongs here: which parts there are and where they are written. Does not belong here: what a part says.
"""

from __future__ import annotations

from pathlib import Path

from tierline.home import replace_file
from tierline.models import ModelBundle
from tierline.reporting.model_card import judgement, sections
from tierline.reporting.model_card.limits import limits_of_use
from tierline.reporting.page import Page, Part, Words, to_html, to_markdown


def card_page(bundle: ModelBundle) -> Page:
    """The card of a bundle."""
    return Page(
        f"Model card {bundle.model_id}",
        [
            sections.at_a_glance(bundle),
            Part("Limits of use", [Words(limits_of_use(bundle), points=True)]),
            sections.data_part(bundle),
            sections.label_part(bundle),
            judgement.figures_part(bundle.card),
            judgement.calibration_part(bundle),
            judgement.ranking_part(bundle),
            judgement.segments_part(bundle),
            sections.features_part(bundle),
            sections.parameters_part(bundle.card),
            sections.hashes_part(bundle),
        ],
    )


def write_model_card(bundle: ModelBundle, target: Path) -> Path:
    """Write ``<model_id>.html``, ``.md`` and the Markdown's charts below ``target``; returns the HTML's path.

    The same bundle gives the same bytes.
    """
    page, name = card_page(bundle), bundle.model_id
    for picture in page.pictures:
        replace_file(target / name / f"{picture.name}.svg", picture.svg.encode())
    replace_file(target / f"{name}.md", to_markdown(page, name).encode())
    html = target / f"{name}.html"
    replace_file(html, to_html(page).encode())
    return html
