"""The DuckDB session and the map over customer buckets.

Belongs here: how table work is executed. Does not belong here: any table's SQL.
"""

from tierline.engine.ahead import map_while_reading
from tierline.engine.buckets import bucket_session, map_buckets, worker_count
from tierline.engine.session import session

__all__ = ["bucket_session", "map_buckets", "map_while_reading", "session", "worker_count"]
