"""Charts as pictures, without a browser or a network (vl-convert).

Belongs here: SVG, PNG and Markdown. Does not belong here: what is drawn (``charts``).
"""

from __future__ import annotations

import base64

import altair as alt
import vl_convert as vlc

Chart = alt.Chart | alt.LayerChart | alt.FacetChart  # what Altair's own functions promise to return
SCALE = 1.5  # pixels per point: sharp on a screen


def to_svg(chart: Chart) -> str:
    """The chart as one self-contained SVG document."""
    svg: str = vlc.vegalite_to_svg(chart.to_json(), vl_version=_version())
    return svg


def to_png(chart: Chart, scale: float = SCALE) -> bytes:
    """The chart as a PNG, ``scale`` pixels per point."""
    png: bytes = vlc.vegalite_to_png(chart.to_json(), vl_version=_version(), scale=scale)
    return png


def markdown_image(chart: Chart, alt_text: str = "chart") -> str:
    """The chart as a Markdown image that holds its own PNG, for ``MetadataValue.md``; needs no file beside it.

    One pixel per point, because every run keeps its pictures in the event log.
    """
    data = base64.b64encode(to_png(chart, scale=1)).decode("ascii")
    return f"![{alt_text}](data:image/png;base64,{data})"


def _version() -> str:
    """The Vega-Lite version Altair wrote the chart for, as vl-convert spells it (major.minor)."""
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
