"""Evidence on laws: what each predicts for hidden training rows and beyond the rows, gathered once and stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator import Evaluator, Failed
from harness.choosing.ground import Ground
from tasks.split import Fold


@dataclass(frozen=True, slots=True)
class Law:
    """A law to gather evidence on.

    Attributes:
        id: its candidate.
        program: its text.
        together: whether its text is known to keep nothing between fits, so that all may share a child.
        size: terms, factors and constants.
    """

    id: str
    program: str
    together: bool
    n_constants: int
    size: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one law predicts, on the scale of errors.

    Attributes:
        folds: fold name -> (n, T) predictions of every training row, fitted on those that the fold does not hide.
        train: (n, T) predictions of the training rows, fitted on all of them.
        probes, asked: the same fit's predictions of the ground's rows beyond.
        broken: how far the law breaks each prior of the ground.
    """

    id: str
    n_constants: int
    size: int
    folds: dict[str, np.ndarray]
    train: np.ndarray
    probes: np.ndarray
    asked: np.ndarray
    broken: tuple[float, ...] = ()


def gather(
    laws: Sequence[Law],
    ground: Ground,
    folds: Sequence[Fold],
    evaluator: Evaluator,
    each: Callable[..., Iterable] = map,
) -> list[Evidence | str]:
    """Evidence on every law; a sentence in its place where the law fails on one of the fits.

    Args:
        folds: those of the ground to fit again on.
        each: `map`, or the `map` of an executor.
    """
    return list(each(lambda law: _one(law, ground, folds, evaluator), laws))


def _one(law: Law, ground: Ground, folds: Sequence[Fold], evaluator: Evaluator) -> Evidence | str:
    train = ground.train
    priors = ground.priors
    beyond = np.concatenate([train.X, ground.probes, ground.asked, *(p.X for p in priors)])
    beyond_group = np.concatenate(
        [train.group, ground.probe_group, ground.asked_group, *(p.group for p in priors)]
    )
    cuts = [(train, beyond, beyond_group)]
    cuts += [(train.take(fold.train), train.X, train.group) for fold in folds]
    answers = evaluator.predict_cuts(law.program, ground.spec, cuts, law.together)
    if isinstance(answers, Failed):
        return f"{answers.failure.value}: {answers.detail}"
    whole, *folded = [ground.scale.to(y) for y in answers]
    if not all(np.isfinite(z).all() for z in (whole, *folded)):
        return "predicts what is no finite number"
    ends = np.cumsum([len(train), len(ground.probes), len(ground.asked), *(len(p.X) for p in priors)])[:-1]
    at_train, probes, asked, *at_priors = np.split(whole, ends)
    broken = (p.broken(train, ground.scale.back(z)) for p, z in zip(priors, at_priors, strict=True))
    return Evidence(
        law.id,
        law.n_constants,
        law.size,
        {fold.name: z for fold, z in zip(folds, folded, strict=True)},
        at_train,
        probes,
        asked,
        tuple(broken),
    )
