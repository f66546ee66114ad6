"""A bundle on disk: what is read is what was written, or it is refused before LightGBM sees it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake

from tierline.errors import IntegrityError, TierlineError
from tierline.features import build_features, customer_spine
from tierline.models import ModelBundle, load_bundle, save_bundle

FILES = ["SHA256SUMS", "booster.txt", "card.json", "reference_rows.parquet", "test_rows.parquet"]


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    return tiny_bundle()


@pytest.fixture(scope="module")
def features():
    return build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)


@pytest.fixture
def saved(tmp_path: Path, bundle: ModelBundle) -> Path:
    return save_bundle(tmp_path, bundle)


def test_a_loaded_bundle_is_the_saved_one(saved: Path, bundle: ModelBundle, features) -> None:
    loaded = load_bundle(saved)
    assert sorted(path.name for path in saved.iterdir()) == FILES
    assert loaded.model_id == bundle.model_id == saved.name
    assert loaded.card == bundle.card
    assert loaded.test_rows.equals(bundle.test_rows)
    assert loaded.reference_rows.equals(bundle.reference_rows)
    assert np.array_equal(loaded.predict_pd(features), bundle.predict_pd(features))
    assert np.array_equal(loaded.predict_margin(features), bundle.predict_margin(features))


def test_the_calibrated_pd_is_that_of_the_margin(bundle: ModelBundle, features) -> None:
    calibration = bundle.card.calibration
    calibrator = calibration.calibrator
    assert calibrator.kind == "shift"
    odds = np.exp(bundle.predict_margin(features) + calibrator.shift)
    assert bundle.predict_pd(features) == pytest.approx(np.maximum(odds / (1 + odds), calibration.floor), rel=1e-12)


def test_columns_are_found_by_name_and_a_missing_one_is_named(bundle: ModelBundle, features) -> None:
    turned = features.select(features.column_names[::-1])
    assert np.array_equal(bundle.predict_pd(turned), bundle.predict_pd(features))
    gone = bundle.card.features[3]
    with pytest.raises(TierlineError, match=f"column {gone} is missing"):
        bundle.predict_pd(features.drop_columns([gone]))


def test_rows_and_their_order_do_not_change_a_prediction(bundle: ModelBundle, features) -> None:
    order = np.random.default_rng(0).permutation(features.num_rows)[:50]
    assert np.array_equal(bundle.predict_pd(features.take(order)), bundle.predict_pd(features)[order])


@pytest.mark.parametrize("name", [name for name in FILES if name != "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["a flipped byte", "cut short", "gone"])
def test_a_damaged_file_is_refused_before_lightgbm_reads_it(
    saved: Path, name: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    {
        "a flipped byte": lambda: path.write_bytes(content),
        "cut short": lambda: path.write_bytes(content[:-7]),
        "gone": path.unlink,
    }[damage]()
    _forbid_lightgbm(monkeypatch)
    with pytest.raises(IntegrityError, match=name):
        load_bundle(saved)


@pytest.mark.parametrize("content", ["", "0" * 64 + "  card.json\n", "no digest here\n", "\x00\x01"])
def test_hashes_that_do_not_cover_every_file_are_refused(
    saved: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of hashes cut short by a full disk must not let an unchecked model through."""
    (saved / "SHA256SUMS").write_text(content)
    _forbid_lightgbm(monkeypatch)
    with pytest.raises(IntegrityError):
        load_bundle(saved)


def test_a_list_that_is_right_but_leaves_out_the_model_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (saved / "SHA256SUMS").read_text().splitlines(keepends=True)
    (saved / "SHA256SUMS").write_text("".join(line for line in lines if "booster" not in line))
    _forbid_lightgbm(monkeypatch)
    with pytest.raises(IntegrityError):
        load_bundle(saved)


@pytest.mark.parametrize(
    "damage",
    [
        lambda sums: sums[:-1],
        lambda sums: sums + b"\n",
        lambda sums: sums + b"0" * 64 + b"  another.txt\n",
        lambda sums: sums.replace(b"\n", b"\r\n"),
        lambda sums: b"".join(sums.splitlines(keepends=True)[::-1]),
        lambda sums: sums + sums,
    ],
    ids=["no last line feed", "one line feed more", "a file more", "other line ends", "other order", "twice"],
)
def test_a_list_with_every_right_line_but_not_as_written_is_refused(
    saved: Path, damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (saved / "SHA256SUMS").write_bytes(damage((saved / "SHA256SUMS").read_bytes()))
    _forbid_lightgbm(monkeypatch)
    with pytest.raises(IntegrityError, match="SHA256SUMS: not as it was written"):
        load_bundle(saved)


def _forbid_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise AssertionError("LightGBM was given an unchecked file")

    monkeypatch.setattr(lgb, "Booster", refuse)


def damaged(rng: np.random.Generator, path: Path, foreign: Path) -> bytes:
    """A file's content with one of its bits turned, cut off, gone on with, or that of another bundle's file."""
    content = bytearray(path.read_bytes())
    at = int(rng.integers(len(content)))
    match int(rng.integers(5)):
        case 0 | 1:
            content[at] ^= 1 << int(rng.integers(8))
        case 2:
            del content[at:]
        case 3:
            content[at:at] = rng.bytes(int(rng.integers(1, 9)))
        case _:
            content[:] = foreign.read_bytes()
    return bytes(content)


def test_five_hundred_damaged_bundles_are_all_refused(
    tmp_path: Path, saved: Path, bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always before LightGBM sees a byte: a damaged model aborts the process."""
    fewer = lgb.Booster(model_str=bundle.booster.model_to_string(num_iteration=3))
    card = bundle.card.model_copy(update={"source": "another"})
    other = replace(bundle, card=card, booster=fewer, test_rows=bundle.test_rows.slice(1))
    foreign = save_bundle(tmp_path, replace(other, reference_rows=bundle.reference_rows.slice(1)))
    whole = {name: (saved / name).read_bytes() for name in FILES}
    rng = np.random.default_rng(17)
    _forbid_lightgbm(monkeypatch)
    for round_ in range(500):
        name = FILES[round_ % len(FILES)]
        broken = damaged(rng, saved / name, foreign / name)
        assert broken != whole[name]
        (saved / name).write_bytes(broken)
        with pytest.raises(IntegrityError):
            load_bundle(saved)
        (saved / name).write_bytes(whole[name])
    with pytest.raises(AssertionError, match="unchecked"):  # what stands there now is whole, and would be read
        load_bundle(saved)


def test_without_hashes_there_is_no_bundle(saved: Path) -> None:
    (saved / "SHA256SUMS").unlink()
    with pytest.raises(IntegrityError, match="incomplete"):
        load_bundle(saved)


def test_saving_again_changes_nothing_and_checks_what_stands(tmp_path: Path, saved: Path, bundle: ModelBundle) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert save_bundle(tmp_path, bundle) == saved
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    (saved / "card.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"card\.json"):
        save_bundle(tmp_path, bundle)


def test_an_interrupted_save_leaves_no_bundle_and_can_be_repeated(tmp_path: Path, bundle: ModelBundle) -> None:
    partial = tmp_path / f".{bundle.model_id}.partial"
    partial.mkdir()
    (partial / "booster.txt").write_text("half")
    assert load_bundle(save_bundle(tmp_path, bundle)).card == bundle.card
    assert not partial.exists()


def test_the_id_follows_trees_and_card(bundle: ModelBundle) -> None:
    card = bundle.card.model_copy(update={"source": "another"})
    fewer = lgb.Booster(model_str=bundle.booster.model_to_string(num_iteration=3))
    ids = {bundle.model_id, replace(bundle, card=card).model_id, replace(bundle, booster=fewer).model_id}
    assert len(ids) == 3
    assert all(one.startswith(f"m-{AS_OF}-") for one in ids)


def test_a_bundle_moved_to_another_place_still_loads(tmp_path: Path, saved: Path, bundle: ModelBundle) -> None:
    shutil.move(saved, tmp_path / "elsewhere")
    assert load_bundle(tmp_path / "elsewhere").model_id == bundle.model_id
