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


SPELLINGS = (
    "E + exp(a - alpha*log(N)) + exp(b - beta*log(D))",
    "exp(e) + exp(a)*N**-alpha + exp(b)*D**-beta",
    "E + 10**(a - alpha*log10(N)) + 10**(b - beta*log10(D))",
    "E + (N_c/N)**alpha + (D_c/D)**beta",
    "E + exp(a - alpha*(log(N) - 20)) + exp(b - beta*(log(D) - 25))",
    "E + A*exp(-alpha*log(N)) + B*(D/1e9)**-beta",
    "log(exp(E)) + exp(a)/N**alpha + 2**b/D**beta",
)
"""Of the surface E + A*N**-alpha + B*D**-beta, as people write it."""
