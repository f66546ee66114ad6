"""Ingest: landing files become typed, pseudonymised lake tables; faulty rows are quarantined and counted.

Belongs here: everything that touches identifiers or other personal data in clear. Does not belong here: judging
accepted tables (``validation``), or reading the lake (``tierline.lake``).
"""

from tierline.ingest.run import IngestReport, ingest_through, input_hashes

__all__ = ["IngestReport", "ingest_through", "input_hashes"]
