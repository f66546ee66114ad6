"""Making one load: every table staged, judged and written aside, then moved into the lake with its manifest last.

Belongs here: the order of the tables, the block on too much quarantine, and the atomic step. Does not belong here:
which loads to make (``ingest.plan``), or any rule.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tierline.config import Settings
from tierline.errors import BlockedError
from tierline.home import Home, make_directory, replace_file
from tierline.ingest.files import SourceFile
from tierline.ingest.judge import Surroundings, add_references, judge_table, make_references
from tierline.ingest.plan import PlannedLoad
from tierline.ingest.stage import stage_table
from tierline.ingest.write import reconcile, write_accepted, write_quarantine
from tierline.lake import Lake, LandingFile, LoadManifest, TableTotals
from tierline.schemas import LANDING, Table

STAGING = ".staging"
LISTED_WORDS = 10

log = logging.getLogger("tierline")


@dataclass(frozen=True)
class LoadJob:
    """What one load is made from and with."""

    home: Home
    settings: Settings
    load: PlannedLoad
    key: bytes
    vocabulary: dict[str, str]

    @property
    def staging(self) -> Path:
        """Where the load is written before it exists; not on any path a reader takes."""
        return self.home.lake / STAGING / self.load.name

    @property
    def failed(self) -> Path:
        """Where the quarantine of a blocked load is kept for people to look at."""
        return self.home.lake / "quarantine" / "failed" / f"load={self.load.name}"


def clean_up(lake: Path) -> None:
    """Remove what an interrupted ingest left: staged files, and files of loads that have no manifest."""
    if (lake / STAGING).exists():
        shutil.rmtree(lake / STAGING)
    complete = {path.stem for path in (lake / "loads").glob("*.json")}
    for table in LANDING:
        for directory in sorted((lake / table).glob("load=*")):
            if directory.name.removeprefix("load=") not in complete:
                log.warning("ingest: removing %s, left by an interrupted run", directory.relative_to(lake))
                shutil.rmtree(directory)
        for path in sorted((lake / "quarantine" / table).glob("load=*.parquet")):
            if path.stem.removeprefix("load=") not in complete:
                path.unlink()


def make_load(connection: duckdb.DuckDBPyConnection, job: LoadJob, sources: list[SourceFile]) -> list[str]:
    """Ingest ``sources`` as one load; return warnings. Raises before the lake shows any of it."""
    around = Surroundings(Lake(job.home.lake), job.load.name, job.key, job.settings.buckets)
    make_references(connection, around)
    totals: dict[str, TableTotals] = {}
    warnings: list[str] = []
    worst: dict[str, str] = {}
    for contract in (table for table in LANDING.values() if any(s.file.table == table.name for s in sources)):
        stage_table(
            connection,
            contract,
            [source for source in sources if source.file.table == contract.name],
            job.settings.business_timezone,
        )
        judge_table(connection, contract, around)
        add_references(connection, contract)
        totals[contract.name] = _write_table(connection, contract, job)
        worst[contract.name] = _worst_rule(connection)
        warnings += _unmapped_words(connection, contract, job.vocabulary)
    for table, total in totals.items():
        if total.rows_quarantined:
            warnings.append(f"{table}: {total.rows_quarantined} rows quarantined, most often for {worst[table]}")
    _block(job, totals, worst)
    _commit(job, sources, totals)
    return warnings


def _write_table(connection: duckdb.DuckDBPyConnection, contract: Table, job: LoadJob) -> TableTotals:
    timezone = job.settings.business_timezone
    quarantine = job.staging / "quarantine" / f"{contract.name}.parquet"
    accepted = write_accepted(connection, contract, job.staging / contract.name, timezone, job.settings.buckets)
    write_quarantine(connection, contract, quarantine, timezone)
    totals = reconcile(connection, contract, accepted, quarantine)
    log.info("ingest: %s: %s", contract.name, describe(totals))
    return totals


def describe(totals: TableTotals) -> str:
    """Totals as one line."""
    return (
        f"{totals.rows_in:,} rows in = {totals.rows_used:,} used + {totals.rows_duplicate:,} duplicate"
        f" + {totals.rows_quarantined:,} quarantined"
    )


def _worst_rule(connection: duckdb.DuckDBPyConnection) -> str:
    found = connection.execute("SELECT rule FROM faulty GROUP BY rule ORDER BY count(*) DESC, rule LIMIT 1").fetchall()
    return str(found[0][0]) if found else ""


def _unmapped_words(connection: duckdb.DuckDBPyConnection, contract: Table, vocabulary: dict[str, str]) -> list[str]:
    """One warning with the categories that no role is given for; their rows have role ``other``."""
    if "category" not in contract.column_names:
        return []
    counted = connection.execute(
        "SELECT category, count(*) AS n FROM staged WHERE category IS NOT NULL GROUP BY category"
        " ORDER BY n DESC, category"
    ).fetchall()
    unmapped = [(word, count) for word, count in counted if word not in vocabulary]
    if not unmapped:
        return []
    listed = ", ".join(f"{word} ({count:,})" for word, count in unmapped[:LISTED_WORDS])
    more = f" and {len(unmapped) - LISTED_WORDS} more words" if len(unmapped) > LISTED_WORDS else ""
    return [f"{contract.name}.category: no role for {listed}{more}: treated as other; name them in the vocabulary"]


def _block(job: LoadJob, totals: dict[str, TableTotals], worst: dict[str, str]) -> None:
    """Refuse the load if any table has too large a share in quarantine; keep the quarantine for people to look at."""
    shares = {table: total.rows_quarantined / total.rows_in for table, total in totals.items() if total.rows_in}
    blocked = [table for table, share in shares.items() if share > job.settings.quarantine_threshold]
    if not blocked:
        return
    if job.failed.exists():
        shutil.rmtree(job.failed)
    make_directory(job.failed.parent)
    (job.staging / "quarantine").rename(job.failed)
    table = blocked[0]
    also = f"; also too many in {', '.join(blocked[1:])}" if blocked[1:] else ""
    raise BlockedError(
        f"{table}: {totals[table].rows_quarantined:,} of {totals[table].rows_in:,} rows quarantined"
        f" ({shares[table]:.2%}, threshold {job.settings.quarantine_threshold:.2%}), most often for {worst[table]}:"
        f" look at {job.failed / f'{table}.parquet'}, mend the input or raise quarantine_threshold{also}"
    )


def _commit(job: LoadJob, sources: list[SourceFile], totals: dict[str, TableTotals]) -> None:
    """Move the staged files into place and write the manifest, after which the load exists."""
    lake, name = job.home.lake, job.load.name
    manifest = LoadManifest(
        first_day=job.load.first_day,
        last_day=job.load.last_day,
        buckets=job.settings.buckets,
        files=sorted(
            (LandingFile(path=s.file.name, sha256=s.file.sha256, rows=s.rows) for s in sources),
            key=lambda file: file.path,
        ),
        totals=totals,
    )
    path = lake / "loads" / f"{name}.json"
    path.unlink(missing_ok=True)
    for table in LANDING:
        _replace(job.staging / table, lake / table / f"load={name}")
        _replace(job.staging / "quarantine" / f"{table}.parquet", lake / "quarantine" / table / f"load={name}.parquet")
    if job.failed.exists():
        shutil.rmtree(job.failed)
    replace_file(path, (manifest.model_dump_json(indent=1) + "\n").encode())


def _replace(staged: Path, target: Path) -> None:
    """Put a staged file or directory in place of what an earlier making of the same load left there."""
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if staged.exists():
        make_directory(target.parent)
        staged.rename(target)
