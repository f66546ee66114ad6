"""The model card: figures against pandas and scipy, words that follow from facts, pages that hold only themselves."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import beta
from sklearn.metrics import roc_auc_score
from unit.training.tiny_world import AS_OF, tiny_bundle

from tierline.models import ModelBundle, save_bundle
from tierline.reporting.model_card import card_page, segment_rows, to_html, to_markdown, write_model_card
from tierline.reporting.model_card.limits import limits_of_use
from tierline.reporting.model_card.segments import merged
from tierline.reporting.page import Grid, Page, Part, Picture, Words

PARTS = [
    "At a glance",
    "Limits of use",
    "Data, splits, exclusions",
    "Label",
    "Figures out of time",
    "Calibration",
    "Ranking",
    "Segments",
    "Features",
    "Parameters of the training",
    "Hashes",
]
PICTURES = {"calibration", "gains", "ks_curves", "importance"}


def described(rows: int = 900, seed: int = 5) -> pa.Table:
    """Test rows of a lake: every combination of segment, region, age and length of history."""
    rng = np.random.default_rng(seed)
    pd_12m = rng.beta(1, 7, rows)
    return pa.table(
        {
            "customer_key": [f"k{row:04d}" for row in range(rows)],
            "as_of": pa.array([AS_OF] * rows, pa.date32()),
            "defaulted": rng.random(rows) < pd_12m,
            "pd_12m": pd_12m,
            "observed_at": pa.nulls(rows, pa.timestamp("us", tz="UTC")),
            "loan_id": pa.nulls(rows, pa.string()),
            "segment": rng.choice(["consumer", "sole_proprietor"], rows, p=[0.9, 0.1]),
            "region_code": rng.choice(["R1", "R2", "R3", "R4"], rows, p=[0.6, 0.37, 0.02, 0.01]),
            "birth_year": rng.integers(1955, 2006, rows),
            "history_months": rng.choice([0.0, 2.0, 3.0, 11.0], rows),
        }
    )


def with_rows(rows: pa.Table, **card: object) -> ModelBundle:
    bundle = tiny_bundle()
    return replace(bundle, test_rows=rows, card=bundle.card.model_copy(update=card))


def test_segments_are_those_of_pandas() -> None:
    rows = described()
    frame = rows.to_pandas()
    age = AS_OF.year - frame["birth_year"]
    frame["age band"] = pd.cut(
        age, [0, 24, 34, 44, 54, 200], labels=["24 and under", "25 to 34", "35 to 44", "45 to 54", "55 and over"]
    ).astype(str)
    frame["thin file"] = frame["history_months"].lt(3).map({True: "under 3 months known", False: "3 months or more"})
    frame["region"] = frame["region_code"].replace({"R3": "R3 + R4", "R4": "R3 + R4"})
    frame["all"] = "all test rows"
    found = {(row.grouping, row.group): row for row in segment_rows(with_rows(rows))}
    expected = {
        (grouping, name): group
        for grouping in ("all", "segment", "region", "thin file", "age band")
        for name, group in frame.groupby(grouping)
    }
    assert (frame["region_code"].value_counts().loc[["R3", "R4"]] < 30).all()
    assert set(found) == set(expected)
    for key, group in expected.items():
        row, n, d = found[key], len(group), int(group["defaulted"].sum())
        assert (row.rows, row.defaults) == (n, d), key
        assert (row.mean_pd, row.observed) == pytest.approx((group["pd_12m"].mean(), d / n)), key
        assert (row.low, row.high) == pytest.approx(tuple(beta.ppf([0.025, 0.975], d + 0.5, n - d + 0.5))), key
        if min(d, n - d) < 10:
            assert row.auc is None, key
        else:
            assert row.auc == pytest.approx(roc_auc_score(group["defaulted"], group["pd_12m"])), key
        outside = "too low" if row.mean_pd < row.low else "too high" if row.mean_pd > row.high else ""
        assert row.level == outside


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": 50, "b": 40}, {"a": 50, "b": 40}),
        ({"a": 50, "b": 20, "c": 15}, {"a": 50, "b + c": 35}),
        ({"a": 50, "b": 40, "c": 5}, {"a": 50, "b": 40, "c": 5}),  # with nothing to be taken together with
        ({"a": 50, "b": 4, "c": 3, "d": 30}, {"a": 50, "b + c": 7, "d": 30}),
        ({"a": 12, "b": 11, "c": 10, "d": 9, "e": 99}, {"4 small groups together": 42, "e": 99}),
        ({"a": 7}, {"a": 7}),
    ],
)
def test_small_groups_are_taken_together(counts: dict[str, int], expected: dict[str, int]) -> None:
    names = np.array([name for name, count in counts.items() for _ in range(count)], dtype=object)
    assert pd.Series(merged(names)).value_counts().to_dict() == expected


def test_what_is_not_known_is_a_group_of_its_own() -> None:
    rows = described()
    for name in ("segment", "region_code", "birth_year", "history_months"):
        column = rows.column(name).to_pylist()
        rows = rows.set_column(rows.column_names.index(name), name, pa.array([None] * 50 + column[50:]))
    groups = {(row.grouping, row.group): row.rows for row in segment_rows(with_rows(rows))}
    for grouping in ("segment", "region", "thin file", "age band"):
        assert groups[grouping, "not known"] == 50


def test_the_card_has_every_part_and_the_figures_of_the_bundle() -> None:
    bundle = tiny_bundle()
    page = card_page(bundle)
    assert [part.title for part in page.parts] == PARTS
    assert {picture.name for picture in page.pictures} >= PICTURES
    text = to_markdown(page, "pictures")
    card = bundle.card
    low, high = card.intervals["auc"]
    test = card.slices["test"]
    for word in (
        bundle.model_id,
        f"| {card.metrics['auc']:.3f} | {low:.3f} | {high:.3f} |",
        f"{test['rows']:,} rows with {test['defaults']:,} defaults, observed on {test['first']}",
        "30 days past due or worse on any loan within 3 months",
        f"| in default on the observation date already | {card.exclusions['already_default']:,} |",
        card.data_hash,
        card.label_hash,
        card.feature_set,
        card.code_version,
        "| thin file |",
        max(card.importance, key=lambda name: card.importance[name]),
    ):
        assert word in text, word


def test_the_hashes_are_those_of_the_saved_files(tmp_path: Path) -> None:
    text = to_markdown(card_page(tiny_bundle()), "x")
    saved = save_bundle(tmp_path, tiny_bundle())
    for name in ("booster.txt", "card.json"):
        assert f"| SHA-256 of {name} | {hashlib.sha256((saved / name).read_bytes()).hexdigest()} |" in text


def test_the_limits_follow_from_the_facts() -> None:
    bundle = tiny_bundle()
    text = " ".join(limits_of_use(bundle))
    assert "accepted customers only" in text
    assert f"known at the end of {AS_OF}" in text
    assert "not themselves tested" in text
    silent = sum(not why.startswith("unstable") for why in bundle.card.dropped_features.values())
    assert f"{silent} more features could not be used" in text

    kept = limits_of_use(with_rows(bundle.test_rows, refit={}))
    assert any("are those that were tested" in line for line in kept)
    assert not any("not themselves tested" in line for line in kept)

    moved = {"x": "unstable: CSI 0.40 over the learning dates"}
    unstable = limits_of_use(with_rows(bundle.test_rows, dropped_features=moved, instability={}))
    assert any(line.startswith("1 features whose distribution moved") for line in unstable)
    assert any("was not measured" in line for line in unstable)

    wide = with_rows(bundle.test_rows, intervals={"calibration_slope": (0.5, 0.8)})
    narrow = with_rows(bundle.test_rows, intervals={"calibration_slope": (1.2, 1.8)})
    fine = with_rows(bundle.test_rows, intervals={"calibration_slope": (0.8, 1.2)})
    assert "spread too widely" in " ".join(limits_of_use(wide))
    assert "too close together" in " ".join(limits_of_use(narrow))
    assert "calibration slope" not in " ".join(limits_of_use(fine))

    everyone: dict[str, str | int | float | None] = {"grouping": "all", "low": 0.05, "high": 0.07, "mean_pd": 0.03}
    assert "mean PD of 3.00% is outside 5.00% to 7.00%" in " ".join(
        limits_of_use(with_rows(bundle.test_rows, reliability=[everyone]))
    )


def test_a_group_whose_level_is_wrong_is_named() -> None:
    rows = described()
    wrong = np.where(np.array(rows.column("region_code").to_pylist()) == "R2", 0.9, rows.column("pd_12m"))
    rows = rows.set_column(rows.column_names.index("pd_12m"), "pd_12m", pa.array(wrong))
    assert any("too high for region R2 (PD 90.00%" in line for line in limits_of_use(with_rows(rows)))


@pytest.mark.parametrize("kind", ["flat table", "application"])
def test_other_populations_are_told(kind: str) -> None:
    rows = described()
    if kind == "flat table":
        rows = rows.select(["customer_key", "as_of", "defaulted", "pd_12m"])
        label, population = "the target column of the table", "fitted on a table"
    else:
        loans = pa.array([f"L{row}" for row in range(len(rows))])
        rows = rows.set_column(rows.column_names.index("loan_id"), "loan_id", loans)
        label, population = "the outcome delivered with each loan", "loans that were paid out"
    bundle = with_rows(rows)
    text = to_markdown(card_page(bundle), "x")
    assert label in text
    assert population in text
    assert "days past due or worse" not in text
    missing = "Not shown: the test rows lack segment, region_code, birth_year, history_months"
    assert (missing in text.replace("\\", "")) == (kind == "flat table")


def test_outcomes_of_one_kind_still_give_a_card() -> None:
    rows = described()
    rows = rows.set_column(rows.column_names.index("defaulted"), "defaulted", pa.array([False] * len(rows)))
    bundle = with_rows(rows, metrics={}, intervals={}, reliability=[], reliability_bins=[(900, 0.0, 0.0)])
    page = card_page(bundle)
    assert {picture.name for picture in page.pictures} == {"importance"}
    assert "outcomes of one kind only" in to_html(page)


class Reader(HTMLParser):
    """Text, open tags, and every address of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_html_is_whole_and_refers_to_nothing_outside() -> None:
    reader = Reader()
    html = to_html(card_page(with_rows(described())))
    reader.feed(html)
    assert reader.open == []
    assert len([link for link in reader.links if link.startswith("data:image/svg+xml;base64,")]) >= len(PICTURES)
    inside = [link for link in reader.links if not link.startswith("data:")]
    assert inside == [f"#part-{number}" for number in range(1, len(PARTS) + 1)]
    assert all(f'id="{link[1:]}"' in html for link in inside)
    assert "@import" not in html
    assert "url(" not in html
    assert not re.search(r"https?://", html)


NASTY = '<script>alert("x")</script> & | *b* `c` _d_ [e](f)'


def test_every_value_is_escaped() -> None:
    blocks = [
        Words([NASTY]),
        Words([NASTY], points=True),
        Grid((NASTY, "n"), [(NASTY, NASTY)]),
        Picture("p", "", NASTY),
    ]
    page = Page(NASTY, [Part(NASTY, blocks)])
    reader = Reader()
    reader.feed(to_html(page))
    assert "script" not in reader.tags
    assert reader.open == []
    assert reader.text.count(NASTY) == 9
    markdown = to_markdown(page, "p")
    assert not re.search(r"(?<!\\)(<script|\*b|`c|_d|\[e)", markdown)
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}


def test_a_bundle_with_such_names_gives_a_card() -> None:
    bundle = with_rows(described(), source=NASTY, dropped_features={NASTY: NASTY})
    reader = Reader()
    reader.feed(to_html(card_page(bundle)))
    assert "script" not in reader.tags
    assert reader.text.count(NASTY) >= 3


def test_the_same_bundle_gives_the_same_files(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    path = write_model_card(bundle, tmp_path / "one")
    assert path == tmp_path / "one" / f"{bundle.model_id}.html"
    write_model_card(bundle, tmp_path / "two")
    one, two = (
        {file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}
        for root in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    markdown = one[f"{bundle.model_id}.md"].decode()
    linked = re.findall(r"\]\((.*?\.svg)\)", markdown)
    assert set(linked) == {name for name in one if name.endswith(".svg")}
    assert {Path(name).stem for name in linked} >= PICTURES
    assert date.fromisoformat(path.name[2:12]) == AS_OF
