"""Items of the reporting checklist that rows can't tell: the user says them with `--note`."""

from __future__ import annotations

ASKED_OF_THE_USER = {
    "counting": "how N, D and C are counted (embeddings, 6ND or exact)",
    "tuning": "hyper-parameters and schedule of the runs",
    "checkpoints": "final losses or checkpoints",
    "metric": "what the loss is, and on which text",
    "code": "where code and data can be had",
}
