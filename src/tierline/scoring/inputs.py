"""The inputs of the decisions: scores beside the few facts a decision may look at.

Belongs here: assembling ``DECISION_INPUTS``. Does not belong here: deciding.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from tierline.engine import session
from tierline.lake import Lake
from tierline.parquet import conform
from tierline.schemas import DECISION_INPUTS

_SQL = """
SELECT customer_key, segment, region_code, industry_code, household_key, newest.scenario_id, consent_partner_sharing,
       pd_12m, in_default, thin_file,
       round(income_recurring_monthly, 2)::DECIMAL(18,2) AS income_recurring_monthly,
       customer.declared_income_monthly,
       round(coalesce(instalments_next_30d, 0), 2)::DECIMAL(18,2) AS instalment_burden_monthly,
       round(coalesce(outstanding_principal, 0), 2)::DECIMAL(18,2) AS drawn_balance,
       coalesce(dpd_now, 0)::INTEGER AS dpd,
       coalesce(max_dpd_90d, 0)::INTEGER AS max_dpd_90d,
       coalesce(on_time_streak, 0)::INTEGER AS on_time_streak,
       coalesce(months_on_book, 0)::INTEGER AS months_on_book
FROM scored JOIN feature USING (customer_key) JOIN ({customers}) AS customer USING (customer_key)
LEFT JOIN (
    SELECT customer_key, arg_max(scenario_id, (originated_on, loan_id)) AS scenario_id
    FROM ({loans}) WHERE originated_on <= DATE '{as_of}' AND scenario_id IS NOT NULL GROUP BY customer_key
) AS newest USING (customer_key)
"""


def decision_inputs(lake: Lake, scored: pa.Table, features: pa.Table, as_of: date) -> pa.Table:
    """Join scores, features and customer master data as known at the end of ``as_of``; returns ``DECISION_INPUTS``."""
    with session() as connection:
        connection.register("scored", scored)
        connection.register("feature", features)
        known = {name: lake.known_sql(name, as_of) for name in ("customers", "loans")}
        joined = connection.sql(_SQL.format(**known, as_of=as_of.isoformat())).to_arrow_table()
    return conform(joined, DECISION_INPUTS)
