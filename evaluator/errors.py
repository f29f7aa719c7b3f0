"""Errors of the evaluator. None of these is ever charged to a program.

EvaluatorError
├── BadEvaluation          what we asked for makes no sense (rows, folds, labels)
└── SandboxError           the machine or the sandbox failed
    ├── SandboxTooWeak     the machine offers less than the minimum level
    └── CallsEnded         a call was ended because nobody waits for its answer any more
"""

from __future__ import annotations


class EvaluatorError(Exception):
    """Base of every error this package raises."""


class BadEvaluation(EvaluatorError):
    """The caller's rows, folds or labels do not fit together."""


class SandboxError(EvaluatorError):
    """The sandbox did not start, died, or lost its machine's help."""


class SandboxTooWeak(SandboxError):
    """This machine lacks the layers that keep a program away from files and targets."""


class CallsEnded(SandboxError):
    """A call that was ended because nobody waits for its answer any more."""
