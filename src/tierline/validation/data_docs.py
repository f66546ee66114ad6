"""Great Expectations Data Docs of the last verdicts: a static site below ``<home>/data_docs``.

Belongs here: which results are kept, and the site made of them. Does not belong here: judging (``validation.suite``)
or how a page looks (``validation.docs_views``).

Of each table the results of the loads judged last are kept, failed ones first and ``KEPT_LOADS`` at most, so that the
site does not grow with the nights. It is built beside and renamed into place.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tierline.home import DIRECTORY_MODE, FILE_MODE, Home, make_directory, replace_file
from tierline.validation.suite import context
from tierline.validation.tables import TableVerdict

KEPT_LOADS = 5
VIEWS = "tierline.validation.docs_views"
Record = dict[str, Any]


def write_data_docs(home: Home, verdicts: Iterable[TableVerdict]) -> Path | None:
    """Keep the results of ``verdicts`` and build the site anew; returns its index, None before the first verdict.

    Without new verdicts a site that is there stays as it is.
    """
    index = home.root / "data_docs" / "index.html"
    judged = [verdict for verdict in verdicts if verdict.results]
    if judged or not index.exists():
        _keep(_results(home), judged)
        records = [json.loads(path.read_bytes()) for path in sorted(_results(home).glob("*.json"))]
        if not records:
            return None
        _replace_site(index.parent, records)
    return index


def _results(home: Home) -> Path:
    return home.lake / "validated" / "results"


def _keep(results: Path, judged: list[TableVerdict]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    for table in dict.fromkeys(verdict.table for verdict in judged):
        mine = [verdict for verdict in reversed(judged) if verdict.table == table]
        latest_first = sorted(mine, key=lambda verdict: verdict.success)[:KEPT_LOADS]
        for verdict in latest_first:
            content = json.dumps(_record(verdict, moment), indent=1)
            replace_file(results / f"{table}@{verdict.load}.json", content.encode())
        names = {f"{table}@{verdict.load}.json" for verdict in latest_first}
        for path in results.glob(f"{table}@*.json"):
            if path.name not in names:
                path.unlink()


def _record(verdict: TableVerdict, moment: str) -> Record:
    """The results, under the table's and its columns' names instead of the metrics frame's, in the order of the rules.

    Tracebacks go: they name paths of the machine.
    """
    record = deepcopy(verdict.results)
    record["results"] = sorted(record["results"], key=lambda result: result["expectation_config"]["meta"]["order"])
    for result in record["results"]:
        config = result["expectation_config"]
        words = config["description"]
        config["meta"] = {"metric": config["kwargs"]["column"]}
        config["kwargs"] |= {"column": _as_text(words.partition(":")[0])}
        config["description"] = _as_text(words)
        result["exception_info"] = _without_traceback(result["exception_info"])
    record["meta"] = {
        "great_expectations_version": record["meta"]["great_expectations_version"],
        "batch_spec": {"data_asset_name": verdict.table},
        "active_batch_definition": record["meta"]["active_batch_definition"] | {"data_asset_name": verdict.table},
        "run_id": {"run_name": verdict.load or verdict.table, "run_time": moment},
    }
    return record


def _as_text(words: str) -> str:
    """Great Expectations puts descriptions into its pages unescaped, and doubles a dollar sign."""
    return html.escape(words).replace("$", "&#36;")


def _without_traceback(found: Record) -> Record:
    infos = [info for info in found.values() if isinstance(info, dict)] or [found]
    raised = next((info for info in infos if info.get("raised_exception")), None)
    message = str(raised["exception_message"]) if raised else None
    return {"raised_exception": raised is not None, "exception_traceback": None, "exception_message": message}


def _replace_site(site: Path, records: list[Record]) -> None:
    make_directory(site.parent)
    staged, old = (site.with_name(f".{site.name}.{state}") for state in ("partial", "old"))
    for left in (staged, old):
        shutil.rmtree(left, ignore_errors=True)
    _build(staged, records)
    pages = len(list(staged.glob("validations/**/*.html")))
    if pages != len(records) or not (staged / "index.html").exists():
        # Great Expectations logs what it cannot render, and goes on
        raise RuntimeError(f"Data Docs: {len(records)} results, but {pages} pages were rendered: see the log")
    shutil.rmtree(staged / "static", ignore_errors=True)  # fonts and pictures that no page of ours names
    for path in staged.rglob("*"):
        path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)
    staged.chmod(DIRECTORY_MODE)
    if site.exists():
        site.rename(old)
    staged.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _build(site: Path, records: list[Record]) -> None:
    """Put suites and results into the context's stores, and let Great Expectations' site builder read them there."""
    made = context()
    from great_expectations.core import ExpectationSuite, RunIdentifier
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )
    from great_expectations.render.renderer.site_builder import SiteBuilder

    suites, results = made.expectations_store, made.validation_results_store
    try:
        for record in records:
            suite = ExpectationSuiteIdentifier(record["suite_name"])
            configs = [deepcopy(result["expectation_config"]) for result in record["results"]]
            suites.add_or_update(suite, ExpectationSuite(name=suite.name, expectations=configs))
            run = RunIdentifier(
                run_name=record["meta"]["run_id"]["run_name"],
                run_time=datetime.fromisoformat(record["meta"]["run_id"]["run_time"]),
            )
            found = expectationSuiteValidationResultSchema.load(record)
            results.add_or_update(ValidationResultIdentifier(suite, run, "counts"), found)
        SiteBuilder(made, **_site_config(site)).build()
    finally:
        for store in (suites, results):
            for key in store.list_keys():
                store.remove_key(key)


def _site_config(site: Path) -> Record:
    page = {"module_name": VIEWS, "class_name": "OfflinePageView"}
    return {
        "site_name": "validation",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
        "site_index_builder": {
            "class_name": "DefaultSiteIndexBuilder",
            "view": {"module_name": VIEWS, "class_name": "OfflineIndexPageView"},
        },
        "site_section_builders": {"expectations": {"view": page}, "validations": {"view": page}, "profiling": "none"},
    }
