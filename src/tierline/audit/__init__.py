"""An independent checker of a night's tables: recomputes the rules from the files and says what does not hold.

Belongs here: reading the published Parquet and the profile's YAML, and judging them. Does not belong here: any import
of the packages that decide (``policy``, ``tiers``, ``pricing``, ``limits``, ``funding``), so that a fault there cannot
hide itself here; nor the shape of files, which ``publishing`` admits, or the quality of the PD (``monitoring``).
"""

from tierline.audit.capacity import Figure
from tierline.audit.finding import Finding
from tierline.audit.night import AuditContext
from tierline.audit.run import Audited, audit_tables, audit_with_figures

__all__ = ["AuditContext", "Audited", "Figure", "Finding", "audit_tables", "audit_with_figures"]
