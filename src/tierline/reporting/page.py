"""A page of titled parts, as Markdown and as one self-contained HTML file.

Belongs here: the form of a page and its two spellings; every value is escaped here. Does not belong here: what a page
says (``model_card``, ``whatif_page``).

Pictures stand in the HTML as data, so that it needs neither network nor files, and cannot run what an SVG may hold; the
Markdown links to files beside it.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Words:
    """Paragraphs, or a list of points."""

    lines: Sequence[str]
    points: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; the first column is left-aligned, and so are those named in ``left``, the others right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[str] = ()

    def is_left(self, index: int) -> bool:
        """Whether a column is left-aligned."""
        return index == 0 or self.columns[index] in self.left


@dataclass(frozen=True)
class Picture:
    """A chart: ``name`` is its file's stem, ``words`` what it shows for those who cannot see it.

    Two stand beside each other, unless ``alone``.
    """

    name: str
    svg: str
    words: str
    alone: bool = False


Block = Words | Grid | Picture


@dataclass(frozen=True)
class Part:
    """One titled part of a page."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A page: a title and its parts in order."""

    title: str
    parts: Sequence[Part]

    @property
    def pictures(self) -> list[Picture]:
        """Every picture, in order."""
        return [block for part in self.parts for block in part.blocks if isinstance(block, Picture)]


def to_markdown(page: Page, pictures: str) -> str:
    """The page as GitHub Markdown; ``pictures`` is the folder of its SVG files, relative to it."""
    lines = [f"# {_plain(page.title)}", ""]
    for part in page.parts:
        lines += [f"## {_plain(part.title)}", ""]
        for block in part.blocks:
            lines += [*_markdown_block(block, pictures), ""]
    return "\n".join(lines)


def _markdown_block(block: Block, pictures: str) -> list[str]:
    if isinstance(block, Words):
        if block.points:
            return [f"- {_plain(line)}" for line in block.lines]
        return "\n\n".join(_plain(line) for line in block.lines).splitlines()
    if isinstance(block, Picture):
        return [f"![{_plain(block.words)}]({pictures}/{block.name}.svg)"]
    rule = [":---" if block.is_left(index) else "---:" for index in range(len(block.columns))]
    rows = [[_plain(cell) for cell in row] for row in (block.columns, *block.rows)]
    return [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]


_MARKUP = re.compile(r"[\\|<>*`\[\]&~]|(?<!\w)_|_(?!\w)|^(?=[#+-])|(?<=^\d)[.)](?=\s)")


def _plain(text: str) -> str:
    """One line in which nothing is markup; an underscore inside a word is none."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))


def to_html(page: Page) -> str:
    """The page as one HTML document that refers to nothing outside itself."""
    style = (resources.files(__package__) / "page.css").read_text(encoding="utf-8")
    anchors = [f"part-{number}" for number in range(1, len(page.parts) + 1)]
    links = [
        f'<li><a href="#{anchor}">{html.escape(part.title)}</a></li>'
        for anchor, part in zip(anchors, page.parts, strict=True)
    ]
    sections = [
        f'<section id="{anchor}"><h2>{html.escape(part.title)}</h2>\n{_blocks(part)}\n</section>'
        for anchor, part in zip(anchors, page.parts, strict=True)
    ]
    title = html.escape(page.title)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>\n{style}</style></head><body>",
            f"<h1>{title}</h1>",
            f"<nav><ul>{''.join(links)}</ul></nav>",
            *sections,
            "</body></html>\n",
        ]
    )


def _blocks(part: Part) -> str:
    return "\n".join(_html_block(block) for block in part.blocks)


def _html_block(block: Block) -> str:
    if isinstance(block, Words):
        tag = "li" if block.points else "p"
        made = "".join(f"<{tag}>{html.escape(line)}</{tag}>" for line in block.lines)
        return f"<ul>{made}</ul>" if block.points else made
    if isinstance(block, Picture):
        data = base64.b64encode(block.svg.encode()).decode("ascii")
        words = html.escape(block.words)
        kind = ' class="alone"' if block.alone else ""
        return f'<figure{kind}><img alt="{words}" src="data:image/svg+xml;base64,{data}"></figure>'
    head = "".join(_cell("th", block, index, name) for index, name in enumerate(block.columns))
    rows = "\n".join(
        f"<tr>{''.join(_cell('td', block, index, cell) for index, cell in enumerate(row))}</tr>" for row in block.rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'


def _cell(tag: str, grid: Grid, index: int, text: str) -> str:
    side = ' class="left"' if grid.is_left(index) else ""
    return f"<{tag}{side}>{html.escape(text)}</{tag}>"
