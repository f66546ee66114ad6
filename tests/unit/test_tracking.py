"""Runs in MLflow: what is sent to a stand-in of the module, and what happens where it is missing or fails."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from unit.training.tiny_world import AS_OF, tiny_bundle

from tierline.errors import ConfigurationError
from tierline.models import save_bundle
from tierline.tracking import log_training, require_tracking


class MlflowException(Exception):  # noqa: N818 - its name in mlflow
    pass


class StandIn(ModuleType):
    """The part of mlflow that is used; keeps what it is given."""

    def __init__(self, failing: str = "", error: Exception | None = None) -> None:
        super().__init__("mlflow")
        self.exceptions = SimpleNamespace(MlflowException=MlflowException)
        self.given: dict[str, Any] = {}
        self.ended = 0
        for name in ("set_experiment", "set_tags", "log_params", "log_metrics", "log_artifacts"):
            setattr(self, name, self._keeper(name, error if name == failing else None))

    def _keeper(self, name: str, error: Exception | None) -> Any:
        def keep(*args: Any, **named: Any) -> None:
            if error is not None:
                raise error
            self.given[name] = (*args, *named.values())

        return keep

    @contextmanager
    def start_run(self, run_name: str) -> Iterator[None]:
        self.given["start_run"] = run_name
        try:
            yield
        finally:
            self.ended += 1


def test_without_a_uri_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)  # an import would raise
    require_tracking()
    assert log_training(tiny_bundle(), tmp_path, "Ada") is False


def test_a_uri_without_mlflow_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigurationError, match=r"install tierline\[mlflow\], or unset it"):
        require_tracking()


def test_a_run_is_logged_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    mlflow, bundle = StandIn(), tiny_bundle()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    directory = save_bundle(tmp_path, bundle)
    assert log_training(bundle, tmp_path, "Ada") is True
    (params,), (metrics,), (tags,) = (mlflow.given[name] for name in ("log_params", "log_metrics", "set_tags"))
    assert mlflow.given["set_experiment"] == (f"tierline-{bundle.card.source}",)
    assert mlflow.given["start_run"] == bundle.model_id
    assert params["num_leaves"] == bundle.card.training["num_leaves"]
    assert params["label_dpd_threshold"] == bundle.card.label_spec["dpd_threshold"]
    assert metrics == bundle.card.metrics
    assert tags == {"model_id": bundle.model_id, "trained_as_of": str(AS_OF), "author": "Ada"}
    assert mlflow.given["log_artifacts"] == (str(directory), "bundle")
    assert mlflow.ended == 1


@pytest.mark.parametrize("failing", ["set_experiment", "log_metrics", "log_artifacts"])
@pytest.mark.parametrize("error", [MlflowException("no\nanswer"), ConnectionError("refused")])
def test_a_server_that_fails_costs_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failing: str, error: Exception
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", StandIn(failing, error))
    with caplog.at_level(logging.WARNING, "tierline.training"):
        assert log_training(tiny_bundle(), tmp_path, "Ada") is False
    (record,) = caplog.records
    assert "was not logged" in record.getMessage()
    assert "\n" not in record.getMessage()
