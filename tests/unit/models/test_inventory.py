"""The register as a file: old forms, edited forms, two writers at once, and a kill at every call."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from faults.disk_faults import Interceptor, KilledError
from unit.models.registers import APPROVER, AUTHOR, FIRST_NIGHT, with_challenger

from tierline.errors import BlockedError, IntegrityError
from tierline.locks import locked
from tierline.models import Registry
from tierline.models.inventory import INVENTORY, Inventory, RegistryEntry, RegistryEvent, read_inventory

DAY = FIRST_NIGHT + timedelta(days=10)
ROOT = Path(__file__).resolve().parents[3]
CHALLENGERS = 12


def as_before_the_log(models: Path) -> None:
    """Rewrite the register in the form it had before there was a log."""
    old = ("model_id", "role", "trained_as_of", "champion_from")
    entries = json.loads((models / INVENTORY).read_text())["entries"]
    (models / INVENTORY).write_text(json.dumps({"entries": [{name: e[name] for name in old} for e in entries]}))


def test_a_register_without_a_log_is_read_with_documented_defaults(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    as_before_the_log(tmp_path)
    assert [(e.model_id, e.role, e.trained_by, e.bundle_sha256) for e in registry.entries()] == [
        (champion, "champion", "schedule", None),
        (challenger, "challenger", "unknown", None),
    ]
    assert [(e.event, e.on, e.champion_from) for e in registry.log()] == [
        ("registered", FIRST_NIGHT, FIRST_NIGHT),
        ("registered", FIRST_NIGHT, None),
    ]
    with pytest.raises(BlockedError, match="train it again with --author NAME"):
        registry.promote(challenger, APPROVER, "why", DAY)
    registry.retire(challenger, "Cy", "why", DAY)
    assert [event.event for event in registry.log()] == ["registered", "registered", "retired"]
    assert registry.load_champion(DAY).model_id == champion


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["entries"][1].update(role="champion"),
        lambda content: content["entries"][0].update(champion_from="2020-01-01"),
        lambda content: content["log"].pop(),
        lambda content: content.pop("log"),
        lambda content: content["entries"].pop(),
        lambda content: content["entries"].append(content["entries"][0]),
    ],
    ids=["a role", "a date", "log cut short", "no log", "an entry gone", "an entry twice"],
)
def test_entries_that_do_not_follow_from_the_log_are_refused(tmp_path: Path, edit) -> None:
    registry, _, _ = with_challenger(tmp_path)
    content = json.loads((tmp_path / INVENTORY).read_text())
    edit(content)
    (tmp_path / INVENTORY).write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match="do not follow from its log"):
        registry.entries()


RETIRE = """
import sys
from datetime import date
from pathlib import Path
from tierline.models import Registry

models, who, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
for name in names:
    Registry(models).retire(name, who, "tidying up", date(2030, 1, 1))
"""


def test_two_writers_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    names = [f"m-{number:02d}" for number in range(CHALLENGERS)]
    entries = tuple(RegistryEntry(model_id=n, role="challenger", trained_as_of=FIRST_NIGHT) for n in names)
    log = tuple(
        RegistryEvent(event="registered", model_id=n, on=FIRST_NIGHT, who=AUTHOR, why="for the test") for n in names
    )
    (tmp_path / INVENTORY).write_text(Inventory(entries=entries, log=log).model_dump_json())
    shares = {"Cy": names[::2], "Di": names[1::2]}
    writers = [
        subprocess.Popen([sys.executable, "-c", RETIRE, tmp_path, who, *share], env={"PYTHONPATH": str(ROOT / "src")})
        for who, share in shares.items()
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    retired = read_inventory(tmp_path).log[CHALLENGERS:]
    assert sorted(event.model_id for event in retired) == names
    for who, share in shares.items():
        assert [event.model_id for event in retired if event.who == who] == share


def test_a_writer_waits_for_the_other_and_says_who_holds_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, _, challenger = with_challenger(tmp_path)
    monkeypatch.setattr("tierline.models.inventory.LOCK_WAIT_SECONDS", 0.0)
    with (
        locked(tmp_path, 1, "the test"),
        pytest.raises(BlockedError, match="another change of the register of models is under way"),
    ):
        registry.promote(challenger, APPROVER, "why", DAY)
    assert registry.promote(challenger, APPROVER, "why", DAY).model_id == challenger


@pytest.mark.parametrize("mode", ["kill", "after", "error"])
def test_a_fault_at_any_call_leaves_the_old_register_or_the_new(tmp_path: Path, mode: str) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    before = (tmp_path / INVENTORY).read_bytes()
    outcomes: set[str] = set()
    for call in range(1, 100):
        (tmp_path / INVENTORY).write_bytes(before)
        interceptor = Interceptor(mode, call)
        with pytest.MonkeyPatch.context() as patch:
            interceptor.install(patch)
            with contextlib.suppress(KilledError, OSError):
                registry.promote(challenger, APPROVER, "why", DAY)
        reigning = Registry(tmp_path).champion(DAY + timedelta(days=1))
        assert reigning is not None
        outcomes.add(reigning.model_id)
        assert len(registry.log()) == (3 if reigning.model_id == challenger else 2)
        if interceptor.calls < call:
            break
    assert call > 4
    assert outcomes == {champion, challenger}
    assert registry.champion(DAY + timedelta(days=1)) is not None
