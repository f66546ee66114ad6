"""The simulated lender: a world with causes that fills a landing zone like a real feed, and keeps its truth apart.

Belongs here: everything invented. Does not belong here: reading a landing zone (``ingest``).
"""

from tierline.sources.simulated.run import simulate
from tierline.sources.simulated.spec import SimulationSpec, SimulationSummary

__all__ = ["SimulationSpec", "SimulationSummary", "simulate"]
