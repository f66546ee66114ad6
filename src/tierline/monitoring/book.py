"""The state of every loan at the end of a day, as it was known that day.

Belongs here: outstanding principal, days past due, the day of default. Does not belong here: classes and rates made
from them (``quality``), features and labels, which have their own point-in-time SQL.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pandas as pd

from tierline.lake import Lake
from tierline.monitoring.thresholds import load_thresholds

_EMPTY_BOOK = 1  # an empty lake has no buckets; one pass gives the empty frame its columns


def previous_month_end(as_of: date) -> date:
    """The last day of the month before that of ``as_of``."""
    return as_of.replace(day=1) - timedelta(days=1)


def loan_state(connection: duckdb.DuckDBPyConnection, lake: Lake, as_of: date, tolerance: int = 0) -> pd.DataFrame:
    """One row per loan known at the end of ``as_of``, sorted by loan_id; void loans (principal 0) are left out.

    Columns: loan_id, customer_key, originated_on, principal (cents), outstanding (principal not yet repaid, cents; null
    if the schedule is unknown), dpd (days; null if unknown), oldest_unpaid_no (instalment the DPD counts from, null if
    none is past due), months_on_book (full months), default_on (first day with DPD at the default level, null if it
    never was), schedule_known, is_open.

    An instalment is settled on the day its cumulative repayments reach principal_due + interest_due less ``tolerance``
    cents. DPD is as_of minus the due day of the oldest unsettled instalment; on the due day it is 0. A repayment covers
    the interest of its instalment first, then the principal; what exceeds the instalment repays nothing. A loan
    without any instalment has an unknown schedule: no DPD, no balance, never in default.
    """
    default_dpd = load_thresholds().default.dpd
    parts = [
        connection.sql(_state_sql(lake, as_of, bucket, tolerance, default_dpd)).df()
        for bucket in range(lake.buckets or _EMPTY_BOOK)
    ]
    state = pd.concat(parts, ignore_index=True)
    types = {
        "loan_id": "str",
        "customer_key": "str",
        "outstanding": "Int64",
        "dpd": "Int64",
        "oldest_unpaid_no": "Int64",
        "months_on_book": "int64",
    }
    ordered: pd.DataFrame = state.astype(types).sort_values("loan_id", ignore_index=True)
    return ordered


def _state_sql(lake: Lake, as_of: date, bucket: int, tolerance: int, default_dpd: int) -> str:
    day = f"DATE '{as_of.isoformat()}'"
    return f"""
    WITH paid AS (
        SELECT loan_id, instalment_no, paid_on, (sum(amount) * 100)::BIGINT AS cents
        FROM ({lake.known_sql("repayments", as_of, bucket)})
        WHERE paid_on <= {day}
        GROUP BY loan_id, instalment_no, paid_on
    ), running AS (
        SELECT loan_id, instalment_no, paid_on, sum(cents) OVER (
            PARTITION BY loan_id, instalment_no ORDER BY paid_on)::BIGINT AS cents
        FROM paid
    ), schedule AS (
        SELECT loan_id, instalment_no, due_on,
            (principal_due * 100)::BIGINT AS principal_due, (interest_due * 100)::BIGINT AS interest_due
        FROM ({lake.known_sql("instalments", as_of, bucket)})
    ), instalment AS (
        SELECT s.loan_id, s.instalment_no, s.due_on,
            least(greatest(coalesce(max(r.cents), 0) - s.interest_due, 0), s.principal_due) AS repaid,
            coalesce(max(r.cents), 0) + {tolerance} >= s.principal_due + s.interest_due AS settled,
            min(r.paid_on) FILTER (r.cents + {tolerance} >= s.principal_due + s.interest_due) AS settled_on
        FROM schedule s LEFT JOIN running r USING (loan_id, instalment_no)
        GROUP BY s.loan_id, s.instalment_no, s.due_on, s.principal_due, s.interest_due
    ), loan AS (
        SELECT loan_id, sum(repaid)::BIGINT AS repaid,
            min(due_on) FILTER (NOT settled AND due_on < {day}) AS unpaid_since,
            arg_min(instalment_no, (due_on, instalment_no)) FILTER (NOT settled AND due_on < {day}) AS oldest_unpaid_no,
            min(due_on + {default_dpd}) FILTER (
                due_on + {default_dpd} <= {day}
                AND (NOT settled OR settled_on > due_on + {default_dpd})) AS default_on
        FROM instalment GROUP BY loan_id
    )
    SELECT l.loan_id, l.customer_key, l.originated_on, (l.principal * 100)::BIGINT AS principal,
        CASE WHEN s.loan_id IS NOT NULL THEN greatest((l.principal * 100)::BIGINT - s.repaid, 0) END AS outstanding,
        CASE WHEN s.loan_id IS NOT NULL THEN coalesce({day} - s.unpaid_since, 0) END AS dpd,
        s.oldest_unpaid_no, datesub('month', l.originated_on, {day}) AS months_on_book,
        s.default_on, s.loan_id IS NOT NULL AS schedule_known,
        s.loan_id IS NULL OR s.repaid < (l.principal * 100)::BIGINT OR s.unpaid_since IS NOT NULL AS is_open
    FROM ({lake.known_sql("loans", as_of, bucket)}) l LEFT JOIN loan s USING (loan_id)
    WHERE l.principal > 0 AND l.originated_on <= {day}
    """
