"""The minimal mapping in docs/sources.md works as printed."""

from __future__ import annotations

import re
from pathlib import Path

from tierline.sources.mapping import check_mapping, load_mapping

DOCS = Path(__file__).resolve().parents[3] / "docs" / "sources.md"


def test_the_documented_example_is_ok(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    path = tmp_path / "my_lender.yaml"
    path.write_text(found.group(1), encoding="utf-8")
    (tmp_path / "people.csv").write_text("id,joined_at,born\np1,2024-01-02 08:30:00,1988-03-04\n", encoding="utf-8")
    credits_ = (
        "number;person;paid_out;sum;status;closed_at\nk1;p1;2024-02-03 14:00:00;500.00;GOOD;2024-03-04 09:00:00\n"
    )
    (tmp_path / "credits.csv").write_text(credits_, encoding="utf-8")
    # Business days in UTC here: the times above fall on the same day there.
    states = {check.table: (check.status, check.problems) for check in check_mapping(load_mapping(path), tmp_path)}
    assert [states[name] for name in ("customers", "loans", "outcomes")] == [("ok", ())] * 3
