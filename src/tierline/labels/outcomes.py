"""Labels given from outside: one row per loan with a known outcome, observed on the day of its approval.

Belongs here: the population where repayments are not observable. Does not belong here: labels from repayments
(``labels.performance``).
"""

from __future__ import annotations

from datetime import date

from tierline.engine import session
from tierline.labels.performance import LabelCounts, LabelledPopulation
from tierline.lake import Lake


def application_population(lake: Lake, knowledge: date) -> LabelledPopulation:
    """Label every loan whose outcome is known at the end of ``knowledge``; its observation date is its origination.

    ``observed_at`` is when the loan was recorded, so that a split by time has the order of approvals within a day.
    """
    loans, outcomes = lake.known_sql("loans", knowledge), lake.known_sql("outcomes", knowledge)
    sql = f"""
        SELECT loans.customer_key, originated_on AS as_of, loans.recorded_at AS observed_at, loan_id, defaulted
        FROM ({loans}) AS loans JOIN (SELECT loan_id, defaulted FROM ({outcomes})) USING (loan_id)
        WHERE principal > 0 ORDER BY observed_at, customer_key, loan_id"""
    with session() as connection:
        rows = connection.sql(sql).to_arrow_table()
    return LabelledPopulation(rows, LabelCounts(rows.num_rows, 0, 0, 0))


def customers_in_bad_outcome(lake: Lake, knowledge: date) -> list[str]:
    """Customers with a loan, not void, whose outcome of default is known at the end of ``knowledge``; sorted."""
    loans, outcomes = lake.known_sql("loans", knowledge), lake.known_sql("outcomes", knowledge)
    sql = f"""
        SELECT DISTINCT customer_key FROM ({outcomes}) SEMI JOIN (FROM ({loans}) WHERE principal > 0) USING (loan_id)
        WHERE defaulted ORDER BY customer_key"""
    with session() as connection:
        return [row[0] for row in connection.execute(sql).fetchall()]
