"""Reading a mapping file: every fault is one line that names the file and the key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tierline.errors import ConfigurationError
from tierline.sources.mapping import Mapping, load_mapping

MINIMAL: dict[str, Any] = {
    "name": "tiny",
    "description": "two tables",
    "as_of": "2024-01-31",
    "knowledge": "observed",
    "label": "outcomes",
    "files": {"people": {"file": "people.csv"}},
    "tables": {name: {"select": "SELECT * FROM people"} for name in ("customers", "loans", "outcomes")},
}


def write(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_minimal_mapping_loads_with_its_defaults(tmp_path: Path) -> None:
    mapping = load_mapping(write(tmp_path / "tiny.yaml", MINIMAL))
    assert mapping.delivered == ["customers", "loans", "outcomes"]
    assert (mapping.observation, mapping.pseudonym_key, mapping.policy) == ("month_end", "file", None)


def test_comments_and_layout_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.yaml", MINIMAL)
    noted = tmp_path / "noted.yaml"
    noted.write_text("# why\n" + plain.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_mapping(plain).fingerprint == load_mapping(noted).fingerprint
    other = Mapping.model_validate({**MINIMAL, "as_of": "2024-02-29"})
    assert other.fingerprint != load_mapping(plain).fingerprint


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        (("surprise",), 1, "surprise"),
        (("as_of",), "soon", "as_of"),
        (("timezone",), "Africa/Atlantis", "timezone"),
        (("vocabulary",), {"SALARY": "wages"}, "wages is not a role"),
        (("files", "people", "file"), "../people.csv", "files.people.file"),
        (("files", "people", "file"), "/elsewhere/people.csv", "files.people.file"),
        (("files", "people", "types"), {"born": "DATE; DROP TABLE x"}, "files.people.types.born"),
        (("files", "people", "delimiter"), ";;", "files.people.delimiter"),
        (("files", "People"), {"file": "p.csv"}, "files.People"),
        (("files", "spare"), {"file": "spare.csv"}, "spare is used by no SELECT"),
        (("tables", "clients"), {"select": "SELECT 1 FROM people"}, "clients is not a contract table"),
        (("tables", "loans", "select"), "SELEC * FROM people", "tables.loans.select"),
        (("tables", "loans", "select"), "SELECT * FROM people; SELECT 1", "exactly one SELECT"),
        (("tables", "loans", "select"), "DROP TABLE people", "exactly one SELECT"),
        (("tables", "loans", "select"), "COPY people TO 'out.csv'", "exactly one SELECT"),
        (("tables", "loans", "rows"), [{"loan_id": "1"}], "give either select or rows"),
        (("tables", "loans", "constants"), {"colour": "red"}, "colour is not in the contract"),
        (("tables", "macro"), {"rows": []}, "rows is empty"),
        (("tables", "macro"), {"rows": [{"value": 1}, {"period": "x"}]}, "every row must name the same columns"),
        (("label",), "repayments", "instalments, repayments needed"),
        (("knowledge",), "assumed", "assumption"),
        (("first_day",), "2024-02-01", "first_day"),
    ],
)
def test_fault_names_file_and_key(tmp_path: Path, where: tuple[str, ...], value: Any, named: str) -> None:
    content = copy.deepcopy(MINIMAL)
    part = content
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    path = write(tmp_path / "tiny.yaml", content)
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize("content", ["", "- a list", "a: [1", "name: x: y"])
def test_a_file_that_is_no_mapping_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"bad\.yaml: ") as caught:
        load_mapping(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name an existing mapping file"):
        load_mapping(tmp_path / "nowhere.yaml")
