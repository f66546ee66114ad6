"""Macro overlay: a scenario's shift of the log-odds, off unless asked for, recorded always.

Belongs here: the overlay and its scenarios (``overlays.yaml``). Does not belong here: forecasting the economy.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tierline.errors import ConfigurationError

LARGEST = 3.0  # odds times 20: more is a unit mistaken, not a scenario


class _Scenario(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shift: float = Field(0.0, ge=-LARGEST, le=LARGEST)
    source: str = Field("no overlay", min_length=1)
    status: Literal["in_force", "draft", "superseded", "convention", "own_choice"] = "convention"
    confidence: Literal["text_seen", "secondary", "unverified"] = "text_seen"


class MacroOverlay(_Scenario):
    """A named scenario: ``shift`` is added to the log-odds of every PD. ``none`` shifts nothing."""

    scenario: str = Field("none", min_length=1)

    @model_validator(mode="after")
    def _none_is_zero(self) -> Self:
        if self.scenario == "none" and self.shift != 0:
            raise ValueError("the scenario none has no shift: give the scenario a name")
        return self


def load_overlay(scenario: str, path: Path | None = None) -> MacroOverlay:
    """The overlay of a scenario in ``path`` (default: the package's ``overlays.yaml``); ``none`` is always known.

    Raises ``ConfigurationError`` for an unknown scenario and for a file that does not hold scenarios.
    """
    if scenario == "none":
        return MacroOverlay()
    name = path.name if path else "overlays.yaml"
    try:
        text = (path or resources.files("tierline.calibration") / "overlays.yaml").read_text(encoding="utf-8")
        known = TypeAdapter(dict[str, _Scenario]).validate_python(yaml.safe_load(text))
        if scenario not in known:
            raise ConfigurationError(
                f"{name}: no scenario {scenario}: use one of {', '.join(['none', *sorted(known)])}"
            )
        return MacroOverlay(scenario=scenario, **known[scenario].model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigurationError(f"{name}: {where}: {first['msg']}: each scenario needs shift and source") from None
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"{name}: cannot be read as YAML ({type(error).__name__}): mend or restore it"
        ) from None
