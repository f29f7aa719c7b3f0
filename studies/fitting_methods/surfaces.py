"""The true surfaces of the simulated experiments, and what follows from them in closed form.

Source: arXiv 2603.22339 and its published code; SODA and Sparse-NMM are multimodal laws it quotes.
"""

from __future__ import annotations

import numpy as np

from fitting import LossSurface

A, B, E = 406.4, 410.7, 1.69
EXPONENT_SUM = 0.62


def ratio(r: float) -> LossSurface:
    """alpha/beta = r with alpha + beta = 0.62 and Chinchilla's amplitudes."""
    beta = EXPONENT_SUM / (1 + r)
    return LossSurface(E=E, A=A, B=B, alpha=r * beta, beta=beta)


SYMMETRIC = LossSurface(E=E, A=400.0, B=400.0, alpha=0.31, beta=0.31)
CHINCHILLA = LossSurface(E=E, A=A, B=B, alpha=0.34, beta=0.28)
ASYMMETRIC = LossSurface(E=E, A=A, B=B, alpha=0.465, beta=0.155)
BALANCED = ratio(1.0)
LLAMA_3 = LossSurface(E=0.604670, A=59.1411, B=155.1142, alpha=0.310006, beta=0.313643)
SODA = LossSurface(E=3.169, A=215886.0, B=4750.0, alpha=0.684, beta=0.439)
SPARSE_NMM = LossSurface(E=2.158, A=381773.0, B=4659.0, alpha=0.710, beta=0.372)

THREE = {"Symmetric": SYMMETRIC, "Chinchilla": CHINCHILLA, "Asymmetric": ASYMMETRIC}
BY_RATIO = {
    "Balanced (1)": BALANCED,
    "Chinchilla (1.21)": CHINCHILLA,
    "ratio 1.5": ratio(1.5),
    "ratio 2": ratio(2.0),
    "ratio 3": ratio(3.0),
    "ratio 9": ratio(9.0),
}
ALL = {**THREE, "Balanced": BALANCED, "Llama 3": LLAMA_3, "SODA": SODA, "Sparse-NMM": SPARSE_NMM}


def intercepts(surface: LossSurface) -> tuple[float, float]:
    """a0, b0 of log10 N_opt = a0 + a log10 C and log10 D_opt = b0 + b log10 C."""
    g = float(np.log10(surface.G))
    six = float(np.log10(6.0))
    return g - surface.a * six, -g - surface.b * six


def best_loss(surface: LossSurface, C):
    """Lowest loss that a budget C (FLOPs) can reach."""
    return surface.loss(surface.N_opt(C), surface.D_opt(C))


def budget_for(surface: LossSurface, loss):
    """Smallest budget (FLOPs) that reaches a loss: the inverse of `best_loss`, in closed form."""
    K = surface.A * surface.G**-surface.alpha + surface.B * surface.G**surface.beta
    power = surface.alpha * surface.beta / (surface.alpha + surface.beta)
    return 6 * ((np.asarray(loss, dtype=float) - surface.E) / K) ** (-1 / power)
