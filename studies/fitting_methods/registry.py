"""The experiments by number."""

from __future__ import annotations

import importlib

from fitting import BadOption
from studies.fitting_methods.experiment import Experiment

MODULES = {
    0: "exp00_reproductions",
    1: "exp01_range",
    2: "exp02_imbalance",
    3: "exp03_drift",
    4: "exp04_extrapolation",
    5: "exp05_recovery",
    6: "exp06_closed_form",
    7: "exp07_noise",
    8: "exp08_conditioning",
    9: "exp09_efficiency",
    10: "exp10_compounding",
    11: "exp11_cost",
    12: "exp12_residuals",
}


def experiment(number: int) -> Experiment:
    if number not in MODULES:
        raise BadOption(f"no experiment {number}; expected one of {', '.join(map(str, MODULES))}")
    return importlib.import_module(f"studies.fitting_methods.{MODULES[number]}").EXPERIMENT


def experiments() -> list[Experiment]:
    return [experiment(number) for number in MODULES]
