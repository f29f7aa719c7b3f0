"""Laws of the field by name, for the features that a task has; a model knows more of them than a line can say."""

from __future__ import annotations

import re

from tasks.spec import TaskSpec

KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"unique|repeat|epoch",
        "Muennighoff 2023 (repeated data: effective tokens U + k*U*(1 - exp((1 - D/U)/k)))",
    ),
    (r"vocab", "Tao 2024 (vocabulary: E + A/N**a + B/D**b + C/V**c with N, D, V interacting)"),
    (
        r"expert|moe|sparsity",
        "Clark 2022 (routed: log L bilinear in log N and log of saturating experts), Krajewski 2024, Abnar 2025",
    ),
    (
        r"\blr\b|learning.?rate",
        "Step Law (Li 2025: best lr and batch are power laws of N and D; loss a bowl in log lr), Bjorck 2024",
    ),
    (r"\bbs(z|)\b|batch", "McCandlish 2018 (critical batch: terms in (1 + B_crit/B))"),
    (r"proportion|mixture|share|ratio", "Ye 2024 (mixing: c + k*exp(sum t_j r_j)), BiMix 2024, RegMix 2024"),
    (r"parallel|stream", "ParScale (Chen 2025: (A/(N*(k*log(P) + 1)))**a + E)"),
    (r"precision|\bbits?\b", "Kumar 2024 (precision: effective N*(1 - exp(-P/g)))"),
    (
        r"sft|fine.?tun",
        "Zhang 2024 (fine-tuning: multiplicative joint law), Lin 2024 (rectified: B/(D**b + D0) + E)",
    ),
    (r"flop|compute", "Kaplan 2020 (L ~ C**-a), broken neural scaling (Caballero 2023)"),
    (r"param|\bN\b|model.?size", "Kaplan 2020, Chinchilla (Hoffmann 2022: E + A/N**a + B/D**b)"),
    (
        r"token|char|data|\bD\b",
        "data-size powers with shift (D + s)**-b, M4 (Alabdulmohsin 2022), BNSL (Caballero 2023)",
    ),
    (
        r"log_flops|accuracy|brier",
        "U-shaped and double-descent curves (Wei 2022; sum of a falling and a rising sigmoid)",
    ),
)
MOST = 4


def known_laws(spec: TaskSpec) -> str:
    """Names of laws for such features, the most special first; "" for none."""
    words = " ".join(
        [spec.title, *(f"{c.name} {c.unit} {c.meaning}" for c in (*spec.features, *spec.targets))]
    )
    words = words.replace("_", " ")
    found = [line for pattern, line in KNOWN if re.search(pattern, words, re.I)]
    return "; ".join(found[:MOST])
