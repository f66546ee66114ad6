"""Real data as a source: a YAML file with one SELECT per contract table.

Belongs here: what a mapping may say (``spec``), reading its files (``files``), typing its rows (``casts``), judging
them (``check``, ``rules``) and writing the landing zone (``landing``). Does not belong here: any
lender's own column names, which live in a mapping file such as ``superlender.yaml``.
"""

from tierline.sources.mapping.check import TableCheck, check_mapping
from tierline.sources.mapping.landing import write_landing
from tierline.sources.mapping.spec import Mapping, load_mapping

__all__ = ["Mapping", "TableCheck", "check_mapping", "load_mapping", "write_landing"]
