"""Laws by name, each with its source."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from fitting.errors import BadLaw
from fitting.law.law import Law


@dataclass(frozen=True, slots=True)
class Preset:
    """A published form: its law, the columns it expects, where it comes from, and a point to begin at and bounds, if need be."""

    text: str
    variables: tuple[str, ...]
    source: str
    start: dict[str, float] | None = None
    bounds: dict[str, tuple[float, float]] | None = None


PRESETS: dict[str, Preset] = {
    "chinchilla": Preset(
        "E + A*N**-alpha + B*D**-beta", ("N", "D"), "Hoffmann et al. 2022, arXiv 2203.15556, equation 10"
    ),
    "tied": Preset(
        "E + A*N**-alpha + B*D**-alpha",
        ("N", "D"),
        "chinchilla with alpha = beta, for designs that can't part them",
    ),
    "kaplan": Preset(
        "((N_c/N)**(alpha_N/alpha_D) + D_c/D)**alpha_D",
        ("N", "D"),
        "Kaplan et al. 2020, arXiv 2001.08361, eq. 1.5",
    ),
    "power": Preset("A*N**-alpha", ("N",), "Hestness et al. 2017, arXiv 1712.00409, without a floor"),
    "power_floor": Preset(
        "E + A*N**-alpha", ("N",), "Rosenfeld et al. 2019, arXiv 1909.12673, in one variable"
    ),
    "broken_power": Preset(
        "E + A*N**-alpha*(1 + (N/N_b)**(1/w))**(-c*w)",
        ("N",),
        "Caballero et al. 2022, arXiv 2210.14891, one break at N_b of width w",
    ),
    "data_repeated": Preset(
        "E + A*N**-alpha + B*(U + U*R*(1 - exp(-(D/U - 1)/R)))**-beta",
        ("N", "D", "U"),
        "Muennighoff et al. 2023, arXiv 2305.16264, eq. 5: U unique tokens, R the worth of repeats",
    ),
    "interaction": Preset(
        "E + A*N**-alpha + B*D**-beta + K*N**-alpha*D**-beta", ("N", "D"), "chinchilla with a cross term"
    ),
    "farseer_like": Preset(
        "exp(e + s*(N/1e9)**gamma) + exp(b0 + b1*(N/1e9)**beta)*(D/1e9)**(-exp(a0 + a1*(N/1e9)**alpha))",
        ("N", "D"),
        "after Li et al. 2025, arXiv 2506.10972 (Farseer): floor, amplitude and exponent of D all move with N",
        {
            "e": 0.5,
            "s": 0.1,
            "gamma": -0.3,
            "b0": 0.2,
            "b1": 0.1,
            "beta": -0.1,
            "a0": -1.3,
            "a1": 0.1,
            "alpha": -0.1,
        },
    ),
    "farseer_light": Preset(
        "E + A*N**-alpha + B*N**k*D**-beta",
        ("N", "D"),
        "a form between chinchilla and Farseer: the amplitude of the data term moves with N, linear in E, A, B",
    ),
    "vocabulary": Preset(
        "E + A*N**-alpha + K*V**-gamma + B*D**-beta",
        ("N", "V", "D"),
        "after Tao et al. 2024, arXiv 2407.13623: a term for the vocabulary size, which may rise or fall with V",
        bounds={"gamma": (-5.0, 5.0)},
    ),
    "precision": Preset(
        "E + A*(N*(1 - exp(-P/gamma)))**-alpha + B*D**-beta",
        ("N", "D", "P"),
        "after Kumar et al. 2024, arXiv 2411.04330: P bits of the weights leave N*(1 - exp(-P/gamma)) parameters",
    ),
    "moe_granularity": Preset(
        "E + (g*G**-gamma + a)*N**-alpha + b*D**-beta",
        ("N", "D", "G"),
        "Krajewski et al. 2024, arXiv 2402.07871: experts of granularity G",
    ),
    "over_trained": Preset(
        "E + (a*M**eta + b*M**-eta)*C**-eta",
        ("C", "M"),
        "Gadre et al. 2024, arXiv 2403.08540: compute C, M tokens per parameter",
    ),
    "shifted": Preset(
        "E + A*(N + S)**-alpha",
        ("N",),
        "Hestness et al. 2017, arXiv 1712.00409, with a shift S that bends the small end",
    ),
}


def preset(name: str) -> Law:
    """The law of a preset.

    Raises:
        BadLaw: no such name; the error lists them.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, 1)
        hint = f"did you mean {near[0]}?" if near else f"presets are {', '.join(PRESETS)}"
        raise BadLaw(f"no preset {name!r}; {hint}")
    chosen = PRESETS[name]
    return Law.parse(chosen.text, chosen.variables)
