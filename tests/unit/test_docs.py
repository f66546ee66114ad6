"""What the documentation and the layering promise, held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from small_lender import current

from tierline.config import Settings
from tierline.errors import BlockedError, ConfigurationError, InputError, IntegrityError, TierlineError
from tierline.reporting.dictionary import data_dictionary

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "tierline"
MODULES = sorted(SOURCES.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module a file imports, at any depth of it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_domain_library_never_imports_the_orchestrator() -> None:
    assert len(MODULES) > 100
    for path in MODULES:
        guilty = {name for name in imported(path) if name.split(".")[0] in ("dagster", "dagster_project")}
        assert not guilty, path


def test_no_stage_can_read_the_truth() -> None:
    """Outside the simulator only the command line knows it, after the night, to print the two figures."""
    readers = []
    for path in MODULES:
        if path.is_relative_to(SOURCES / "sources" / "simulated"):
            continue
        text = path.read_text(encoding="utf-8")
        names = {name for name in imported(path) if name.endswith("simulated.truth")}
        if names or "true_pd" in text or 'truth"' in text:
            readers.append(path.relative_to(SOURCES).as_posix())
    assert readers == ["cli.py"]
    for path in sorted((ROOT / "dagster_project").rglob("*.py")):
        assert "truth" not in path.read_text(encoding="utf-8"), path


def test_the_data_dictionary_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary()


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = {key: line for line in text.splitlines() if line.startswith("|") for key in re.findall(r"`(\w+)`", line)}
    for name, field in Settings.model_fields.items():
        assert name in rows, name
        default = field.get_default(call_default_factory=True)
        assert (str(default) if default else "none") in rows[name], name


def test_the_readme_tells_the_exit_codes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for error, word in (
        (TierlineError, "other"),
        (ConfigurationError, "configuration"),
        (InputError, "input"),
        (BlockedError, "blocked"),
        (IntegrityError, "damaged"),
    ):
        assert re.search(rf"{error.exit_code} [a-z ]*{word}", text), word


def readme_blocks() -> dict[str, str]:
    """The README's Python blocks by their first line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return {block.splitlines()[0].strip("# "): block for block in blocks}


@pytest.mark.parametrize("index", range(3))
def test_the_reading_lines_of_the_readme_run(index: int, first_night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = {name: block for name, block in readme_blocks().items() if "spark." not in block}
    assert len(blocks) == 3, list(blocks)
    root = first_night.parent / "readme"
    root.mkdir(exist_ok=True)
    if not (root / "data").exists():
        (root / "data").symlink_to(first_night)
    monkeypatch.chdir(root)
    names: dict[str, object] = {}
    exec(compile(list(blocks.values())[index], "README.md", "exec"), names)
    assert any(current(first_night) in str(value) for value in names.values()) or any(
        hasattr(value, "columns") and len(value) > 100 for value in names.values()
    )


@pytest.mark.parametrize("path", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
