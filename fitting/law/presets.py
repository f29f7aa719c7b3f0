"""Laws by name, each with its source."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from fitting.errors import BadLaw
from fitting.law.law import Law


@dataclass(frozen=True, slots=True)
class Preset:
    """A published form: its law, the columns it expects, where it comes from, and a point to begin at and bounds, if need be.

    `published` has constants as the source gives them, for raw counts; tests hold numbers that the source draws from them.
    """

    text: str
    variables: tuple[str, ...]
    source: str
    start: dict[str, float] | None = None
    bounds: dict[str, tuple[float, float]] | None = None
    published: dict[str, float] | None = None


PRESETS: dict[str, Preset] = {
    "chinchilla": Preset(
        "E + A*N**-alpha + B*D**-beta",
        ("N", "D"),
        "Hoffmann et al. 2022, arXiv 2203.15556, equation 10",
        published={"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
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
        published={"N_c": 6.4e13, "alpha_N": 0.076, "D_c": 1.8e13, "alpha_D": 0.103},
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
        published={"E": 1.87, "A": 521.0, "alpha": 0.353, "B": 1488.0, "R": 15.39, "beta": 0.353},
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
        "Krajewski et al. 2024, arXiv 2402.07871: experts of granularity G, N with all experts",
        published={"E": 0.47, "g": 2.1, "gamma": 0.58, "a": 18.1, "alpha": 0.115, "b": 30.8, "beta": 0.147},
    ),
    "over_trained": Preset(
        "E + (a*M**eta + b*M**-eta)*C**-eta",
        ("C", "M"),
        "Gadre et al. 2024, arXiv 2403.08540: compute C, M tokens per parameter; constants of RedPajama",
        published={"E": 1.84, "a": 212.0, "eta": 0.136, "b": 367.0},
    ),
    "shifted": Preset(
        "E + A*(N + S)**-alpha",
        ("N",),
        "Hestness et al. 2017, arXiv 1712.00409, with a shift S that bends the small end",
    ),
    "shifted_surface": Preset(
        "E + A*(N + S)**-alpha + B*(D + T)**-beta",
        ("N", "D"),
        "chinchilla with shifts, after Zhai et al. 2022, arXiv 2106.04560: finite loss at no size and no data",
    ),
    "bounded": Preset(
        "(E + I*A*N**-alpha)/(1 + A*N**-alpha)",
        ("N",),
        "Alabdulmohsin et al. 2022, arXiv 2209.06640 (M4 with shape 1): a ceiling I at the small end, a floor E at the large",
        bounds={"A": (0.0, float("inf"))},
    ),
    "skaling": Preset(
        "E + (A*N**-alpha + B*D**-beta)**k",
        ("N", "D"),
        "Videau et al. 2026, arXiv 2608.07222: chinchilla's terms coupled by k, kaplan's form with exponents set free",
        bounds={"A": (0.0, float("inf")), "B": (0.0, float("inf")), "k": (0.05, 2.0)},
    ),
    "moe_experts": Preset(
        "10**(a*log10(N) + b*log10(1/(1/(X - 1 + 1/(1/X_s - 1/X_m)) + 1/X_m)) + "
        "c*log10(N)*log10(1/(1/(X - 1 + 1/(1/X_s - 1/X_m)) + 1/X_m)) + d)",
        ("N", "X"),
        "Clark et al. 2022, arXiv 2202.01169, eq. 1 and 2: X experts beside N dense parameters; constants of S-BASE",
        start={"a": -0.08, "b": -0.1, "c": 0.01, "d": 1.1, "X_s": 2.0, "X_m": 300.0},
        bounds={"b": (-5.0, 5.0), "c": (-1.0, 1.0), "X_s": (1.0, 20.0), "X_m": (30.0, 1e5)},
        published={"a": -0.082, "b": -0.108, "X_s": 1.847, "X_m": 314.478, "c": 0.009, "d": 1.104},
    ),
    "distillation": Preset(
        "T + T**-c0*(1 + (T/(d1*S))**(1/f1))**(-c1*f1)*(A*N**-alpha + B*D**-beta)**gamma",
        ("N", "D", "T", "S"),
        "Busbridge et al. 2025, arXiv 2502.08606, eq. 8: a student of N parameters and D tokens, the teacher's loss T, and the "
        "loss S of such a student without a teacher",
        start={
            "c0": 2.5,
            "d1": 1.3,
            "f1": 0.1,
            "c1": 10.0,
            "A": 2e3,
            "alpha": 0.3,
            "B": 2e4,
            "beta": 0.6,
            "gamma": 0.8,
        },
        bounds={
            "d1": (0.5, 3.0),
            "f1": (0.01, 2.0),
            "c1": (0.0, 1e3),
            "A": (0.0, float("inf")),
            "B": (0.0, float("inf")),
        },
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
