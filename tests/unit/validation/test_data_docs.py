"""The Data Docs site: one page per table in plain words, with counts and without a value of any table."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import LAST, SETTINGS, build

from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.lake import LoadManifest
from tierline.parquet import read_arrow
from tierline.validation import TableVerdict, validate_lake
from tierline.validation.data_docs import KEPT_LOADS, write_data_docs
from tierline.validation.suite import Expected, judge

World = tuple[Home, LoadManifest]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = Home(tmp_path_factory.mktemp("docs"))
    build(home)
    return home, ingest_through(home, SETTINGS, LAST).loads[0]


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    home, load = made
    shutil.copytree(home.lake, tmp_path / "lake")
    return Home(tmp_path), load


def pages(home: Home, table: str) -> list[str]:
    found = sorted((home.root / "data_docs" / "validations" / table).glob("**/*.html"))
    return [path.read_text(encoding="utf-8") for path in found]


def rows(page: str) -> list[list[str]]:
    """Texts of the cells of every row of a page's tables; a status icon counts as its class."""
    found = []
    for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL):
        cells = [re.sub(r'<i class="fas ([\w-]+)[^>]*>', r"\1", cell) for cell in re.findall(r"<td.*?</td>", row, re.S)]
        found.append([" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in cells])
    return found


def test_every_table_has_a_page_in_plain_words_with_its_counts(world: World) -> None:
    home, load = world
    verdicts = validate_lake(home, SETTINGS, load)
    index = write_data_docs(home, verdicts)
    assert index == home.root / "data_docs" / "index.html"
    listed = index.read_text(encoding="utf-8")
    for verdict in verdicts:
        links = [link for link in re.findall(r'href="([^"]+)"', listed) if f"/{verdict.table}/" in link]
        assert links
        assert all((index.parent / link).is_file() for link in links)
        assert len(pages(home, verdict.table)) == 1
    page = rows(pages(home, "transactions")[0])
    assert ["fa-check-circle", "transactions.amount: expect values of at least 0", "0"] in page
    assert ["fa-check-circle", "transactions: expect the 19 rows of the manifest", "19"] in page
    assert ["Evaluated Expectations", str(next(v for v in verdicts if v.table == "transactions").expectations)] in page
    assert all("fas fa-times" not in text for text in [listed, *pages(home, "transactions")])


def test_a_failed_suite_is_red_and_heads_the_index(world: World) -> None:
    home, load = world
    path = sorted((home.lake / "loans" / f"load={load.name}").glob("*.parquet"))[0]
    data = read_arrow(path)
    index = data.schema.get_field_index("annual_rate")
    pq.write_table(data.set_column(index, data.schema.field(index), pa.array([4711.5] * data.num_rows)), path)
    verdicts = validate_lake(home, SETTINGS, load)
    write_data_docs(home, verdicts)
    page = pages(home, "loans")[0]
    bad = ["fa-times", "loans.annual_rate: expect values between 0 and 10", str(data.num_rows)]
    assert bad in rows(page)
    first = next(row for row in rows((home.root / "data_docs" / "index.html").read_text(encoding="utf-8")) if row)
    assert first[0] == "fa-times"
    assert "loans" in first


def test_no_value_of_a_table_and_no_other_host_is_named(world: World) -> None:
    home, load = world
    path = sorted((home.lake / "transactions" / f"load={load.name}").glob("*.parquet"))[0]
    data = read_arrow(path)
    index = data.schema.get_field_index("direction")
    pq.write_table(data.set_column(index, data.schema.field(index), pa.array(["SECRET"] * data.num_rows)), path)
    write_data_docs(home, validate_lake(home, SETTINGS, load))
    text = "".join(path.read_text(encoding="utf-8") for path in (home.root / "data_docs").rglob("*.html"))
    kept = "".join(path.read_text(encoding="utf-8") for path in (home.lake / "validated").rglob("*.json"))
    values = {str(v) for name in ("transaction_id", "customer_key", "amount") for v in data.column(name).to_pylist()}
    for value in ["SECRET", *values]:
        assert not re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", text + kept)
    assert "http" not in text
    assert "<script" not in text


def test_the_site_holds_the_last_verdicts_only_and_stays_without_new_ones(world: World) -> None:
    home, load = world
    verdicts = validate_lake(home, SETTINGS, load)
    assert write_data_docs(home, []) is None
    write_data_docs(home, verdicts)
    loads = [f"2026-02-{day:02d}_2026-02-{day:02d}" for day in range(1, 12)]
    small = {"rows": 1}
    passed = judge("customers", small, [Expected("rows", 1, None, "customers: expect a row: {n} rows")])
    failed = judge("customers", small, [Expected("rows", 2, None, "customers: expect two rows: {n} rows")])
    later = [TableVerdict("customers", True, 1, 1, (), name, passed.results) for name in loads]
    later[0] = TableVerdict("customers", False, 1, 1, failed.failed, loads[0], failed.results)
    index = write_data_docs(home, later)
    assert index is not None
    kept = {path.name for path in (home.root / "data_docs" / "validations" / "customers").iterdir()}
    assert kept == {loads[0], *loads[-KEPT_LOADS + 1 :]}
    assert len(pages(home, "transactions")) == 1
    before = index.stat().st_mtime_ns
    assert write_data_docs(home, []) == index
    assert index.stat().st_mtime_ns == before
    assert not [path for path in home.root.iterdir() if path.name.startswith(".")]
    assert oct(index.stat().st_mode & 0o777) == "0o640"


def test_an_expectation_without_a_result_and_odd_names_are_shown_as_text(tmp_path: Path) -> None:
    home = Home(tmp_path)
    expected = [
        Expected("absent", 0, 0, "t.a: expect nothing: {n} rows"),
        Expected("rows", 0, 0, "t.$x<script>: expect only the contract's columns: {n}"),
    ]
    judged = judge("t", {"rows": 1}, expected)
    write_data_docs(home, [TableVerdict("t", False, 1, 2, judged.failed, "", judged.results)])
    page = pages(home, "t")[0]
    assert "<script" not in page
    assert "Traceback" not in page
    assert str(Path(__file__).parents[3]) not in page
    assert any("t.$x<script>: expect only the contract's columns" in row for row in rows(page))
    assert sum(row[0].startswith("fa-") and "fa-check-circle" not in row[0] for row in rows(page) if len(row) == 3) == 2
