"""What a fit says in one table, as text and for notebooks."""

from __future__ import annotations

import html

import numpy as np

from fitting.arrays import Array
from fitting.law.expression import text_of
from fitting.law.latex import latex, symbol
from fitting.solve.solution import Solution
from fitting.uncertainty.covariance import degrees
from fitting.uncertainty.diagnose import warnings_of
from fitting.uncertainty.intervals import intervals
from fitting.uncertainty.sandwich import sandwich

NOTABLE = 0.9  # correlations above it are named


def information(result: Solution) -> dict[str, float]:
    """AIC, AICc and BIC of normal noise (for a robust loss: of the double exponential that its tails stand for), RMSE."""
    rows, loss = result.problem.rows, result.loss
    r = loss.residual(rows.y, result.fitted)
    w = np.ones(rows.n) if rows.weights is None else rows.weights
    n, P = int((w > 0).sum()), len(result.constants)
    cost = float(np.average(loss.rows(r), weights=w))
    k = P + 1  # and the size of the noise
    with np.errstate(divide="ignore"):
        if loss.huber_delta == np.inf:
            fit = n * (np.log(2 * np.pi * cost) + 1)
        else:
            fit = 2 * n * (np.log(2 * float(np.average(np.abs(r), weights=w))) + 1)
    if loss.log:  # densities of L itself, so that log and plain losses compare
        fit += 2 * float(np.average(np.log(rows.y), weights=w)) * n
    aic = float(fit + 2 * k)
    return {
        "n_constants": float(P),
        "aic": aic,
        "aicc": aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else float("inf"),
        "bic": float(fit + k * np.log(n)),
        "rmse": float(np.sqrt(np.average(np.square(rows.y - result.fitted), weights=w))),
    }


def table(result: Solution, level: float, method: str) -> list[tuple[str, str, str, str, str]]:
    """Rows of name, value, standard error, interval and note."""
    error = np.sqrt(np.diagonal(sandwich(result)))
    found = intervals(result, level, method)
    out = []
    for i, (name, value) in enumerate(result.constants.items()):
        low, high = result.problem.low[i], result.problem.high[i]
        note = "" if low < value < high or low == high else "on its bound"
        band = "" if np.isnan(found[name].low) else f"{found[name].low:.6g} to {found[name].high:.6g}"
        out.append((name, f"{value:.8g}", f"{error[i]:.3g}" if error[i] > 0 else "", band, note))
    return out


def correlated(result: Solution, covariance: Array) -> list[str]:
    """Pairs of constants that hang together."""
    error = np.sqrt(np.diagonal(covariance))
    names = list(result.constants)
    out = []
    for i in range(len(names)):
        for j in range(i):
            if error[i] > 0 and error[j] > 0:
                r = covariance[i, j] / error[i] / error[j]
                if abs(r) > NOTABLE:
                    out.append(f"{names[j]}, {names[i]} {r:+.3f}")
    return out


def _head(result: Solution) -> list[str]:
    facts = information(result)
    return [
        f"{result.n_points} rows, {len(result.constants)} constants, {degrees(result)} degrees of freedom; loss "
        f"{result.loss.describe()} {result.objective:.6g}; {result.status}: {result.status_message}",
        f"R2 {result.r2:.6f}, RMSE {facts['rmse']:.4g}, AIC {facts['aic']:.2f}, AICc {facts['aicc']:.2f}, BIC {facts['bic']:.2f}",
    ]


def summary(result: Solution, level: float = 0.95, method: str = "sandwich") -> str:
    """Constants with sandwich standard errors and intervals, goodness of fit, correlations, warnings."""
    head = ("constant", "value", "std. error", f"{100 * level:g} % {method}", "")
    rows = [head, *table(result, level, method)]
    width = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [f"{result.problem.rows.target} = {text_of(result.law.tree)}", *_head(result), ""]
    lines += [
        "  ".join(
            cell.rjust(w) if 0 < i < 3 else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]
    together = correlated(result, sandwich(result))
    if together:
        lines += ["", f"correlations above {NOTABLE}: {'; '.join(together)}"]
    lines += [f"! {warning}" for warning in warnings_of(result)]
    return "\n".join(lines)


def as_html(result: Solution) -> str:
    """The summary for a notebook, the law typeset by MathJax."""
    law = f"{symbol(result.problem.rows.target)} = {latex(result.law.tree)}"
    head = "".join(f"<th>{t}</th>" for t in ("constant", "value", "std. error", "95 % interval", ""))
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in table(result, 0.95, "sandwich")
    )
    notes = "".join(f"<li>{html.escape(w)}</li>" for w in warnings_of(result))
    lines = "<br>".join(map(html.escape, _head(result)))
    listed = f"<ul>{notes}</ul>" if notes else ""
    return f"<div>$${html.escape(law)}$$<p>{lines}</p><table><tr>{head}</tr>{rows}</table>{listed}</div>"
