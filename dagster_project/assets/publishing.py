"""publish: the checks that guard the release, and the release itself."""

import logging
from typing import Any

import dagster as dg

from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.publishing import publish
from tierline.release import audit_night, record_verdict, require_passed, snapshot_facts, staged_tables
from tierline.schemas import PUBLISHED
from tierline.validation import validate_published

LOGGER = logging.getLogger("tierline.publishing")
AUDIT = "independent_audit"


@dg.asset(
    group_name="publish",
    partitions_def=nightly_partitions,
    deps=list(PUBLISHED),
    check_specs=[
        *(
            dg.AssetCheckSpec(f"{name}_keeps_its_contract", asset="release_candidate", blocking=True)
            for name in PUBLISHED
        ),
        dg.AssetCheckSpec(AUDIT, asset="release_candidate", blocking=True, description="tierline.audit over the files"),
    ],
    kinds={"great_expectations"},
)
def release_candidate(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Every staged table against its contract, and all of them against the rules; any failure blocks the release."""
    night = tierline_home.night(context.partition_key)
    tables = staged_tables(night)
    results = []
    for name, contract in PUBLISHED.items():
        verdict = validate_published(tables[name], contract)
        for line in verdict.failed:
            LOGGER.error("publish: %s", line)
        metadata: dict[str, Any] = {
            "rows": verdict.rows,
            "expectations": verdict.expectations,
            "failed": list(verdict.failed),
        }
        results.append(
            dg.AssetCheckResult(check_name=f"{name}_keeps_its_contract", passed=verdict.success, metadata=metadata)
        )
    findings = [str(finding) for finding in audit_night(night, tables)]
    for line in findings:
        LOGGER.error("audit: %s", line)
    results.append(dg.AssetCheckResult(check_name=AUDIT, passed=not findings, metadata={"findings": findings}))
    record_verdict(night, tables, all(result.passed for result in results))
    LOGGER.info("publish: %d tables judged, audit has %d findings", len(tables), len(findings))
    return dg.MaterializeResult(check_results=results)


@dg.asset(
    group_name="publish",
    partitions_def=nightly_partitions,
    deps=["release_candidate"],
)
def release(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """The night as downstream sees it: one snapshot, all tables or none."""
    night = tierline_home.night(context.partition_key)
    tables = staged_tables(night)
    require_passed(night, tables)
    facts = snapshot_facts(night)
    result = publish(night.home, tables, facts)
    return dg.MaterializeResult(
        metadata={
            "snapshot": result.name,
            "path": dg.MetadataValue.path(str(result.path)),
            "became_current": result.became_current,
            "control_totals": dg.MetadataValue.json(facts.control_totals),
            "input_hashes": dg.MetadataValue.json(facts.input_hashes),
        }
    )
