"""The lake's bookkeeping: a damaged load manifest is one clear line, never a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from tierline.errors import IntegrityError
from tierline.lake import Lake


@pytest.mark.parametrize("content", ["", "{", '{"first_day": "2026-07-01"}'])
def test_a_damaged_manifest_names_the_file_and_the_remedy(content: str, tmp_path: Path) -> None:
    (tmp_path / "loads").mkdir()
    (tmp_path / "loads" / "2026-07-01_2026-07-01.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"2026-07-01_2026-07-01\.json: damaged: remove it") as refused:
        Lake(tmp_path).loads()
    assert "\n" not in str(refused.value)
