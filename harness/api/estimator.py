"""`ScalingLaw().fit(X, y).predict(X)`: a law as an estimator that scikit-learn takes, and that needs no scikit-learn."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fitting import FittedLaw, fit
from harness.errors import BadOption


class ScalingLaw:
    """A law fitted by variable projection, with scikit-learn's interface.

    Where scikit-learn is installed (extra `sklearn`), pipelines, `GridSearchCV` and `cross_val_score` take it.

    Args:
        law: one line, as "E + A*N**-alpha + B*D**-beta", over names of `features`; None for E plus a power of every
            column (a column with values <= 0 enters linearly).
        features: names of the columns; None takes those of a data frame, else x0, x1, ...
        loss: "mse", "huber:1e-3", "log_squared", ...: as `fitting.fit` takes them.
        bounds: constant -> (low, high).

    Attributes:
        result_: the `fitting.FittedLaw`: intervals, bootstraps, allocations.
        law_: text of the law. constants_: name -> value.
        n_features_in_, feature_names_in_: of the rows it was fitted on.

    Example:
        >>> import numpy as np
        >>> N = np.geomspace(1e6, 1e9, 8)
        >>> model = ScalingLaw("E + A*N**-alpha", features=["N"]).fit(N[:, None], 1.7 + 400 * N**-0.34)
        >>> round(model.constants_["alpha"], 4)
        0.34
    """

    def __init__(
        self,
        law: str | None = None,
        features: list[str] | None = None,
        loss: str = "mse",
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    ) -> None:
        self.law = law
        self.features = features
        self.loss = loss
        self.bounds = bounds

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ScalingLaw:
        """Fit the constants.

        Args:
            X: (n, F) rows. y: (n,) targets. sample_weight: (n,) weights.

        Raises:
            ValueError: what is wrong with the rows, in scikit-learn's words.
            BadLaw, BadData, BadOption: the law, or too few rows for it.
        """
        names = _names_of(X)
        rows, target = _matrix(X), _target(y)
        if len(rows) != len(target):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: {[len(rows), len(target)]}"
            )
        if len(rows) < 2:
            raise ValueError(
                f"Found array with n_samples = {len(rows)} while a minimum of 2 is required: 1 sample is no fit"
            )
        self.n_features_in_ = rows.shape[1]
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._columns = self._named(names)
        self.law_ = self.law if self.law is not None else _powers(self._columns, rows)
        self.result_ = self._fitted(rows, target, sample_weight)
        self.constants_ = dict(self.result_.constants)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(n,) values at rows X (n, F)."""
        self._check_fitted()
        names, rows = _names_of(X), _matrix(X)
        self._check_names(names)
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but ScalingLaw is expecting {self.n_features_in_} features as input"
            )
        values = np.asarray(self.result_.predict(dict(zip(self._columns, rows.T, strict=True))), dtype=float)
        return np.broadcast_to(values, (len(rows),)).copy()

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2, 1 at best."""
        target = _target(y)
        w = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        residual = float((w * (target - self.predict(X)) ** 2).sum())
        return 1.0 - residual / float((w * (target - np.average(target, weights=w)) ** 2).sum())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments, by name."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> ScalingLaw:
        """Change arguments.

        Raises:
            ValueError: there is none of that name.
        """
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator ScalingLaw; it takes {', '.join(_PARAMETERS)}"
                )
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
        )

    def __repr__(self) -> str:
        given = [f"{n}={getattr(self, n)!r}" for n in _PARAMETERS if getattr(self, n) != _DEFAULTS[n]]
        return f"ScalingLaw({', '.join(given)})"

    def _named(self, names: list[str] | None) -> list[str]:
        """Names of the columns inside the law."""
        given = self.features or names or [f"x{j}" for j in range(self.n_features_in_)]
        if len(given) != self.n_features_in_:
            raise ValueError(f"features: expected {self.n_features_in_} names, got {len(given)}")
        return [re.sub(r"\W+", "_", str(n), flags=re.ASCII) for n in given]

    def _fitted(self, rows: np.ndarray, target: np.ndarray, weight: Any) -> FittedLaw:
        columns: dict[str, Any] = dict(zip(self._columns, rows.T, strict=True))
        if weight is not None:
            weights = np.broadcast_to(np.asarray(weight, dtype=float), target.shape)
            keep = weights > 0
            if not keep.any():
                raise ValueError("sample_weight: every weight is zero; give some row a weight > 0")
            columns = {n: c[keep] for n, c in columns.items()}
            target, weight = target[keep], weights[keep]
        if "y" in columns:
            raise BadOption(
                "features: a column can't be called 'y', which is the target here; name it otherwise"
            )
        return fit(
            self.law_,
            {**columns, "y": target},
            target="y",
            loss=self.loss,
            bounds=dict(self.bounds or {}),
            weights=weight,
        )

    def _check_fitted(self) -> None:
        if not hasattr(self, "result_"):
            text = "This ScalingLaw instance is not fitted yet. Call 'fit' with appropriate arguments before using it."
            try:
                from sklearn.exceptions import NotFittedError
            except ImportError:
                raise ValueError(text) from None
            raise NotFittedError(text)

    def _check_names(self, names: list[str] | None) -> None:
        """Refuse a data frame whose columns are others, or in another order, than those of the fit."""
        known = getattr(self, "feature_names_in_", None)
        if names is None or known is None or list(known) == names:
            return
        unseen = [n for n in names if n not in set(known)]
        missing = [n for n in known if n not in set(names)]
        text = "The feature names should match those that were passed during fit.\n"
        if unseen:
            text += "Feature names unseen at fit time:\n" + "".join(f"- {n}\n" for n in sorted(unseen))
        if missing:
            text += "Feature names seen at fit time, yet now missing:\n" + "".join(
                f"- {n}\n" for n in sorted(missing)
            )
        if not unseen and not missing:
            text += "Feature names must be in the same order as they were in fit.\n"
        raise ValueError(text)


_SIGNATURE = inspect.signature(ScalingLaw.__init__).parameters
_PARAMETERS = [n for n in _SIGNATURE if n != "self"]
_DEFAULTS = {n: _SIGNATURE[n].default for n in _PARAMETERS}


def _powers(names: list[str], rows: np.ndarray) -> str:
    """E plus a power of every column that is positive, a multiple of every other."""
    terms = ["E_"]
    for j, (name, column) in enumerate(zip(names, rows.T, strict=True), start=1):
        terms.append(f"A_{j}*{name}**-alpha_{j}" if column.min() > 0 else f"A_{j}*{name}")
    return " + ".join(terms)


def _names_of(X: Any) -> list[str] | None:
    """Column names of a data frame; None where there are none, or they are no text."""
    names = list(X.columns) if hasattr(X, "columns") else []
    return names if names and all(isinstance(n, str) for n in names) else None


def _matrix(X: Any) -> np.ndarray:
    """(n, F) float64.

    Raises:
        ValueError, TypeError: what is wrong, in the words that scikit-learn's users know.
    """
    if hasattr(X, "toarray"):
        raise TypeError("Sparse data was passed, but dense data is required. Use '.toarray()' to convert it.")
    rows = np.asarray(X)
    if rows.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    rows = rows.astype(float)
    if rows.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {rows.ndim}D array instead. Reshape your data using X.reshape(-1, 1) for one feature or "
            "X.reshape(1, -1) for one sample."
        )
    for n, what in zip(rows.shape, ("sample", "feature"), strict=True):
        if n == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={rows.shape}) while a minimum of 1 is required."
            )
    if not np.isfinite(rows).all():
        raise ValueError("Input X contains NaN or infinity.")
    return rows


def _target(y: Any) -> np.ndarray:
    """(n,) float64, checked as `_matrix`."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    target = np.asarray(y)
    if target.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if target.ndim == 2 and target.shape[1] == 1:
        _warn_column()
        target = target[:, 0]
    if target.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {target.shape} instead.")
    target = target.astype(float)
    if not np.isfinite(target).all():
        raise ValueError("Input y contains NaN or infinity.")
    return target


def _warn_column() -> None:
    import warnings

    text = "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,)."
    try:
        from sklearn.exceptions import DataConversionWarning as kind
    except ImportError:
        kind = UserWarning
    warnings.warn(text, kind, stacklevel=3)
