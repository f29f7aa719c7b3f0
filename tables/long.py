"""Long tables, one row a metric (MLflow, Comet, Aim, TensorBoard frames), turned into one row a step."""

from __future__ import annotations

from tables.column import Column, label
from tables.delimited import Parts

KEYS = ("key", "metric", "metricname", "metric_name", "metric.name", "tag", "variable")
VALUES = ("value", "metricvalue", "metric_value", "metric.value", "scalar")
TIMES = ("timestamp", "time", "wall_time", "wall time", "_timestamp", "created", "is_nan", "uploadtime")
CONTEXT = ("runcontext", "context", "metric.context", "context.subset", "subset")


def pivoted(parts: Parts) -> Parts:
    """The same rows with metrics as columns where the names of the columns say that the table is long; else unchanged.

    A metric that stands twice at one step, as after a resume, begins a new row.
    """
    folded = {n.lower(): n for n in parts.columns}
    key = next((folded[k] for k in KEYS if k in folded), None)
    value = next((folded[v] for v in VALUES if v in folded), None)
    if key is None or value is None or len(parts.columns) < 3:
        return parts
    if not any(isinstance(c, str) and c.strip() for c in parts.columns[key].cells()[:50]):
        return parts
    context = next((folded[c] for c in CONTEXT if c in folded), None)
    cells = {n: c.cells() for n, c in parts.columns.items()}
    contexts = {label(c) for c in cells[context]} if context else set()
    index = [n for n in cells if n not in (key, value, context) and n.lower() not in TIMES]
    times = [n for n in cells if n.lower() in TIMES]
    rows: list[dict[str, object]] = []
    places: list[int] = []
    latest: dict[tuple[object, ...], dict[str, object]] = {}
    metrics: dict[str, None] = {}
    for i in range(len(parts.places)):
        metric = label(cells[key][i])
        if metric is None:
            continue
        if context and len(contexts) > 1:
            metric = f"{label(cells[context][i])}/{metric}"
        metrics.setdefault(metric)
        at = tuple(label(cells[n][i]) for n in index)
        row = latest.get(at)
        if row is None or metric in row:
            row = {n: cells[n][i] for n in (*index, *times)}
            latest[at] = row
            rows.append(row)
            places.append(int(parts.places[i]))
        row[metric] = cells[value][i]
    names = [*index, *times, *(m for m in metrics if m not in index and m not in times)]
    columns = {n: Column([[r.get(n) for r in rows]]) for n in names}
    columns = {n: c for n, c in columns.items() if n in metrics or any(x is not None for x in c.cells())}
    shown = ", ".join(list(metrics)[:6]) + (", ..." if len(metrics) > 6 else "")
    note = (
        f"a long table, one row a metric: {len(parts.places)} rows made {len(rows)} with the columns {shown}"
    )
    import numpy as np

    return Parts(columns, np.array(places, dtype=np.int64), parts.unit, [*parts.notes, note], parts.planned)
