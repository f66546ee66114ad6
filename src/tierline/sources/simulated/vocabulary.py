"""The simulated lender's own words: categories with their role and habit, channels, scenarios.

Belongs here: words and the numbers that describe ordinary spending. Does not belong here: drawing a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = ("app", "qr_code", "card", "bank_transfer", "auto_debit")
APP, QR, CARD, TRANSFER, AUTO = range(len(CHANNELS))

SCENARIOS = tuple(f"S{number:02d}" for number in range(1, 21))


@dataclass(frozen=True)
class Habit:
    """Ordinary spending of one category: ``rate`` purchases a month, together ``share`` of income.

    ``stress``: factor on the rate by stress state; ``weekend``: weight of Saturday and Sunday against 1; ``season``:
    factor on the rate by calendar month where it is not 1; ``scenarios``: first and last index it comes through.
    """

    category: str
    rate: float
    share: float
    stress: tuple[float, float, float] = (1.0, 1.0, 0.9)
    weekend: float = 1.0
    season: tuple[tuple[int, float], ...] = ()
    channel: int = QR
    scenarios: tuple[int, int] | None = None
    spread: float = 0.6  # sigma of the lognormal amount


HABITS = (
    Habit("grocery", 1.8, 0.13, (1.0, 1.0, 0.95), weekend=1.6, season=((1, 1.2), (2, 1.2))),
    Habit("dining", 1.15, 0.08, (1.0, 1.15, 0.6), weekend=1.8, scenarios=(0, 4)),
    Habit("transport", 0.65, 0.05, (1.0, 1.0, 0.7), weekend=0.7, season=((2, 1.5), (10, 1.3)), scenarios=(5, 7)),
    Habit("shopping", 0.85, 0.12, (1.0, 1.3, 0.6), 1.2, ((6, 1.5), (11, 2.0), (12, 1.2)), APP, (8, 14), 0.8),
    Habit("entertainment", 0.4, 0.03, (1.0, 1.3, 0.6), 2.0, ((7, 1.3), (8, 1.3)), APP, (15, 17)),
    Habit("medical", 0.12, 0.02, channel=CARD, spread=0.9),
    Habit("education", 0.08, 0.02, (1.0, 0.9, 0.6), 0.6, ((2, 2.5), (9, 3.0)), APP, (18, 19), 0.7),
    Habit("mobile_top_up", 0.3, 0.01, channel=APP, spread=0.3),
)

ROLES = {
    "salary": "income",
    "bonus": "income",
    "business_income": "income",
    "own_transfer_in": "own_transfer",
    "own_transfer_out": "own_transfer",
    "loan_disbursement": "loan_flow",
    "loan_repayment": "loan_flow",
    "other_lender_disbursement": "loan_flow",
    "other_lender_repayment": "loan_flow",
    "cash_withdrawal": "cash",
    "cash_advance": "cash",
    "gaming_bet": "gambling",
    "lottery": "gambling",
    "rent": "essential",
    "utilities": "essential",
    "grocery": "essential",
    "transport": "essential",
    "medical": "essential",
    "education": "essential",
    "mobile_top_up": "essential",
    "dining": "discretionary",
    "shopping": "discretionary",
    "entertainment": "discretionary",
    "refund": "refund",
    "late_fee": "fee",
    "service_fee": "fee",
    "peer_transfer_in": "other",
    "peer_transfer_out": "other",
}
"""Every category and its role; the order is that of the category codes."""
CATEGORIES = tuple(ROLES)
CODE = {category: code for code, category in enumerate(CATEGORIES)}
