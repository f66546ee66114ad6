"""Great Expectations' page views with templates that need no network, loaded by its site builder by name.

Belongs here: the two view classes; their templates are in ``templates/`` beside. Does not belong here: what is shown
(``validation.data_docs``). Imports Great Expectations: only the site builder imports this module.

The original pages take style sheets, scripts and a logo from seven hosts and the index is empty without them. Here
four templates are ours: one plain style sheet, tables without scripts; everything else is rendered as it comes.
"""

from __future__ import annotations

from typing import Any

from great_expectations.render.view.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import ChoiceLoader, PackageLoader


def _ours_first(loader: Any) -> ChoiceLoader:
    return ChoiceLoader([PackageLoader("tierline.validation", "templates"), loader])


class OfflinePageView(DefaultJinjaPageView):
    """A suite or a verdict."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.env.loader = _ours_first(self.env.loader)


class OfflineIndexPageView(DefaultJinjaIndexPageView):
    """The list of suites and verdicts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.env.loader = _ours_first(self.env.loader)
