from __future__ import annotations

import pytest
from pydantic import ValidationError

from tierline.monitoring import Thresholds, load_thresholds


def test_every_figure_has_a_source() -> None:
    rules = load_thresholds()
    assert rules.five_category.source.startswith("商业银行金融资产风险分类办法")
    assert [band.label_zh for band in rules.five_category.bands] == ["正常", "关注", "次级", "可疑", "损失"]
    tables = rules.provisions.tables.values()
    assert all(table.source and table.status and table.confidence for table in tables)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("buckets", "bands", 0, "from_dpd"), 1, "must rise from 0"),
        (("stages", "bands", 2, "from_dpd"), 31, "must rise from 0"),
        (("provisions", "selected"), "none", "is not among"),
        (("provisions", "tables", "caijin_2012_20", "by_class"), {"pass": 0.01}, "must give a rate to each"),
        (("five_category", "non_performing"), ["bad"], "must be among"),
        (("default", "dpd"), "ninety", "valid integer"),
        (("default", "extra"), 1, "Extra inputs"),
    ],
)
def test_a_wrong_figure_is_refused(path: tuple[str | int, ...], value: object, says: str) -> None:
    data = load_thresholds().model_dump(mode="json")
    place = data
    for part in path[:-1]:
        place = place[part]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    with pytest.raises(ValidationError, match=says):
        Thresholds.model_validate(data)
