"""Training runs in MLflow, where a site has one: parameters, metrics and the bundle's files.

Belongs here: the one call that logs a finished run. Does not belong here: anything a night or a decision depends on;
the register of models is ``models``.

Nothing is imported or sent unless ``MLFLOW_TRACKING_URI`` is set. A server that does not answer costs a warning: the
model is registered already.
"""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path
from typing import Any

from tierline.errors import ConfigurationError
from tierline.models import ModelBundle

LOGGER = logging.getLogger("tierline.training")
URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"


def require_tracking() -> None:
    """Raise ``ConfigurationError`` where a tracking URI is set but mlflow is missing; to be called before training."""
    _mlflow()


def log_training(bundle: ModelBundle, models: Path, author: str) -> bool:
    """Log one training run with the bundle's directory below ``models``; returns whether it was logged.

    The experiment is ``tierline-<source>`` unless ``MLFLOW_EXPERIMENT_NAME`` names another.
    """
    mlflow = _mlflow()
    if mlflow is None:
        return False
    card = bundle.card
    try:
        mlflow.set_experiment(os.environ.get(EXPERIMENT_VARIABLE) or f"tierline-{card.source}")
        with mlflow.start_run(run_name=bundle.model_id):
            mlflow.set_tags({"model_id": bundle.model_id, "trained_as_of": str(card.trained_as_of), "author": author})
            mlflow.log_params({**card.training, **{f"label_{name}": value for name, value in card.label_spec.items()}})
            mlflow.log_metrics(card.metrics)
            mlflow.log_artifacts(str(models / bundle.model_id), artifact_path="bundle")
    except (mlflow.exceptions.MlflowException, OSError) as error:
        LOGGER.warning("mlflow: %s was not logged: %s", bundle.model_id, " ".join(str(error).split())[:300])
        return False
    LOGGER.info("mlflow: %s logged", bundle.model_id)
    return True


def _mlflow() -> Any:  # Any: its types are not installed where the extra is not
    if not os.environ.get(URI_VARIABLE):
        return None
    try:
        return importlib.import_module("mlflow")
    except ImportError as error:
        raise ConfigurationError(
            f"{URI_VARIABLE} is set but mlflow is not installed: install tierline[mlflow], or unset it"
        ) from error
