"""Where raw data comes from: the simulated lender, or a mapping file over real data.

Belongs here: everything that fills a landing zone. Does not belong here: reading it (``ingest``).
"""
