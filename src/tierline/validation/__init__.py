"""Validation: Great Expectations suites made from the contracts, over lake tables and tables about to be published.

Belongs here: judging whole tables. Does not belong here: row-level quarantine (``ingest``), or what happens after a
failed verdict (the caller blocks).
"""

from tierline.validation.tables import TableVerdict, validate_lake, validate_published

__all__ = ["TableVerdict", "validate_lake", "validate_published"]
