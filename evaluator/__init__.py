"""What a program is worth: a sandbox, the rules, the metric, and the one door to held-out rows."""

from evaluator.errors import BadEvaluation, CallsEnded, EvaluatorError, SandboxError, SandboxTooWeak
from evaluator.evaluate import Evaluator
from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from evaluator.reveal import Report, hindsight, opened, reveal
from evaluator.sandbox.job import Limits
from evaluator.sandbox.local import LocalSandbox, Sandbox
from evaluator.trial import TrialResult

__all__ = [
    "BadEvaluation",
    "CallsEnded",
    "Evaluator",
    "EvaluatorError",
    "Failed",
    "Failure",
    "Limits",
    "LocalSandbox",
    "Outcome",
    "Report",
    "Sandbox",
    "SandboxError",
    "SandboxTooWeak",
    "Scorecard",
    "Scored",
    "TrialResult",
    "hindsight",
    "opened",
    "reveal",
]
