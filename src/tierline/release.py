"""What stands between a night's staged tables and the release: totals, facts, and the independent audit.

Belongs here: gathering what the manifest says of the night, and the inputs of the checks. Does not belong here: writing
the release (``publishing``) or the checks themselves (``validation``, ``audit``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from tierline.audit import AuditContext, Audited, Finding, audit_with_figures
from tierline.decide import Known
from tierline.engine import session
from tierline.errors import BlockedError
from tierline.features import feature_set_hash
from tierline.home import replace_file
from tierline.ingest import input_hashes
from tierline.money import to_cents
from tierline.night import Night
from tierline.policy import load_policy, require_in_force
from tierline.publishing import SnapshotFacts, previous_snapshot
from tierline.schemas import LANDING, PUBLISHED
from tierline.scoring import load_reasons
from tierline.version import code_version

LOOKED_BACK = ("scores", "credit_limits", "funding_allocation")


def known_or_none(night: Night, table: str) -> pa.Table | None:
    """A lake table as known at the end of the night's day; None where the source does not deliver it."""
    if table not in night.info.tables:
        return None
    with session() as connection:
        return connection.sql(night.lake.known_sql(table, night.as_of)).to_arrow_table()


def known_of(night: Night) -> Known:
    """What the decisions of a night know besides the customers."""
    before = previous_snapshot(night.home, night.as_of)
    return Known(
        as_of=night.as_of,
        partners=known_or_none(night, "funding_partners"),
        position=known_or_none(night, "lender_position"),
        previous={name: before.read(name) for name in LOOKED_BACK} if before else {},
    )


def staged_tables(night: Night) -> dict[str, Path]:
    """The staged file of every published table."""
    return {name: night.staged_path(name) for name in PUBLISHED}


def record_verdict(night: Night, tables: Mapping[str, Path], passed: bool) -> None:
    """Keep which files passed the checks that guard the release; a verdict of failure leaves no such record."""
    record = _verdict_path(night)
    record.unlink(missing_ok=True)
    if passed:
        replace_file(record, json.dumps(_digests(tables), indent=1, sort_keys=True).encode())


def require_passed(night: Night, tables: Mapping[str, Path]) -> None:
    """Raise ``BlockedError`` unless exactly these files passed: one step run by hand must not go round the checks."""
    record = _verdict_path(night)
    passed = json.loads(record.read_bytes()) if record.exists() else {}
    changed = sorted(name for name, digest in _digests(tables).items() if passed.get(name) != digest)
    if changed:
        raise BlockedError(
            f"night of {night.as_of}: {changed[0]} has not passed the checks as it stands: run the whole night again"
        )


def _verdict_path(night: Night) -> Path:
    return night.home.work(night.as_of) / "passed.json"


def _digests(tables: Mapping[str, Path]) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in tables.items() if path.exists()}


def audit_night(night: Night, tables: Mapping[str, Path]) -> list[Finding]:
    """What the independent checker finds in the written tables of a night, beside those of the release before it."""
    return audited_night(night, tables).findings


def audited_night(night: Night, tables: Mapping[str, Path]) -> Audited:
    """The same with the constraints of the book as the checker recomputes them."""
    before = previous_snapshot(night.home, night.as_of)
    context = AuditContext(
        as_of=night.as_of,
        policy=night.policy_name,
        inputs=night.staged_path("decision_inputs"),
        partners=known_or_none(night, "funding_partners"),
        position=known_or_none(night, "lender_position"),
        previous=None if before is None else {name: before.path(name) for name in LOOKED_BACK},
    )
    return audit_with_figures(tables, context)


def control_totals(night: Night) -> dict[str, JsonValue]:
    """Rows and cents known per input table, and the totals of the decisions; money in integer cents."""
    totals: dict[str, JsonValue] = {}
    with session() as connection:
        for name in sorted(night.info.tables):
            sums = "".join(
                f", coalesce(sum({column}) * 100, 0)::HUGEINT AS {column}" for column in LANDING[name].money_columns
            )
            sql = f"SELECT count(*) AS rows{sums} FROM ({night.lake.known_sql(name, night.as_of)})"
            totals[name] = {
                key: int(value[0]) for key, value in connection.sql(sql).to_arrow_table().to_pydict().items()
            }
    limits, allocation = night.staged("credit_limits"), night.staged("funding_allocation")
    own = allocation.filter(pc.equal(allocation.column("funder_id"), "OWN"))
    totals["decisions"] = {
        "customers": limits.num_rows,
        "credit_limit": int(to_cents(limits.column("credit_limit")).sum()),
        "funded": int(to_cents(allocation.column("amount")).sum()),
        "funded_own": int(to_cents(own.column("amount")).sum()),
        "drawn_balance": int(to_cents(limits.column("drawn_balance")).sum()),
    }
    return totals


def snapshot_facts(night: Night) -> SnapshotFacts:
    """Everything the manifest says of the night that the publisher cannot see for itself."""
    bundle = night.registry.load_champion(night.as_of)
    _require_scored_by(night, bundle.model_id)
    before = previous_snapshot(night.home, night.as_of)
    return SnapshotFacts(
        as_of=night.as_of,
        source=night.info.name,
        model={
            "model_id": bundle.model_id,
            "trained_as_of": bundle.trained_on.isoformat(),
            "label": bundle.card.label_hash,
            "reasons": {code: dict(texts) for code, texts in load_reasons().items()},
        },
        policy_id=require_in_force(load_policy(night.policy_name, night.effective_on)).policy_id,
        feature_set=feature_set_hash(),
        code_version=code_version(),
        input_hashes=input_hashes(night.home, night.as_of),
        control_totals=control_totals(night),
        previous_snapshot=before.name if before else None,
        notes=[*night.info.notes, *(f"{name} is not delivered" for name in night.info.left_out)],
    )


def _require_scored_by(night: Night, model_id: str) -> None:
    """Raise ``BlockedError`` if the champion was changed while the night ran: its tables are of two models."""
    scored_by = pc.unique(night.staged("scores").column("model_id")).to_pylist()
    if scored_by != [model_id]:
        raise BlockedError(
            f"night of {night.as_of}: its scores are of {', '.join(map(str, scored_by))}, but its champion is"
            f" {model_id}: run the whole night again"
        )
