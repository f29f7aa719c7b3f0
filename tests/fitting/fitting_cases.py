"""Simulated rows that several tests share."""

from fitting import simulate_isoflop_data

SURFACES = {  # alpha, beta, A, B, E
    "symmetric": (0.31, 0.31, 400.0, 400.0, 1.69),
    "chinchilla": (0.34, 0.28, 406.4, 410.7, 1.69),
    "asymmetric": (0.465, 0.155, 406.4, 410.7, 1.69),
}


def simulated(name="chinchilla", **options):
    alpha, beta, A, B, E = SURFACES[name]
    N, D, L = simulate_isoflop_data(**{**dict(alpha=alpha, beta=beta, A=A, B=B, E=E), **options})
    return {"N": N, "D": D, "L": L}
