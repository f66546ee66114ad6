"""One contract per table: the only place where columns are declared.

Belongs here: names, types, keys, nullability, ranges and descriptions of the landing, lake and published tables, and
their translation to Arrow types. Does not belong here: reading, checking or writing a table.
"""

from tierline.schemas.contract import Column, Feed, Kind, Table, Versioning
from tierline.schemas.decision import DECISION_INPUTS
from tierline.schemas.lake import LAKE, lake_table
from tierline.schemas.landing import LANDING
from tierline.schemas.published import PUBLISHED
from tierline.schemas.shadow import SHADOW_SCORES
from tierline.schemas.whatif import WHATIF

__all__ = [
    "DECISION_INPUTS",
    "LAKE",
    "LANDING",
    "PUBLISHED",
    "SHADOW_SCORES",
    "WHATIF",
    "Column",
    "Feed",
    "Kind",
    "Table",
    "Versioning",
    "lake_table",
]
