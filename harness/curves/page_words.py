"""What the interactive page says of its forms, in formulas and in words, and where they come from."""

from __future__ import annotations

FORMS = (
    {
        "name": "log",
        "tex": "g = \\frac{\\ln\\frac{1+s}{\\tau+s}}{\\ln\\frac{1+s}{s}}",
        "says": "Each further e-fold of progress takes off the same amount. s is the head start: a small s makes the first steps steep and the tail long; a large one makes a straight line.",
        "bounds": "s from 1e-4 to 10",
    },
    {
        "name": "exponential",
        "tex": "g = \\frac{e^{-r\\tau}-e^{-r}}{1-e^{-r}}",
        "says": "The rest shrinks by the same share in each equal step. r is the rate: at 0 a straight line, at 50 all is done after a tenth of the run.",
        "bounds": "r from 0.01 to 50",
    },
    {
        "name": "power",
        "tex": "g = \\frac{(\\tau+s)^{-a}-(1+s)^{-a}}{s^{-a}-(1+s)^{-a}}",
        "says": "A power of progress, shifted. s is the head start, a the steepness: the larger a, the sooner the drop is made; a near 0 is the log form.",
        "bounds": "s from 1e-4 to 10, a from 0.05 to 10",
    },
    {
        "name": "rational",
        "tex": "g = \\frac{h(\\tau)-h(1)}{1-h(1)}, \\qquad h = \\frac{1}{1+(\\tau/t_0)^{b}}",
        "says": "A shoulder: slow, then fast, then slow. t0 is the progress at which h has halved, b how sharp the turn there is; t0 beyond 1 leaves a curve that is still falling at the end.",
        "bounds": "t0 from 0.01 to 10, b from 0.1 to 10",
    },
)

JOINT_FORMS = (
    {
        "name": "exp_drift",
        "tex": "B(\\tau) = e^{-k\\tau}",
        "says": "The bend dies away at rate k; what is left falls steadily.",
    },
    {
        "name": "power_drift",
        "tex": "B(\\tau) = (\\tau+s)^{-a}",
        "says": "The bend has a long tail: s is the head start, a its steepness.",
    },
    {
        "name": "gompertz_shoulder",
        "tex": "B(\\tau) = \\exp(-b\\,e^{-k\\tau})",
        "says": "A shoulder before the bend: b is how long it holds, k how fast it gives way.",
    },
)

NOTES = (
    "Forms, starting grids, bounds, Huber scale, templates, target search, endpoint laws and joint forms are those of the published study of Delphi midtraining "
    "runs (github.com/marin-community/marin). The code is ours: F and A are projected out, θ is searched on a whole grid and refined from its three best cells; "
    "fit_curve(solver=\"original\") is the published procedure from one start.",
    "Only the loss that is shown has parametric fits. Prefixes go from 10 to 90 % in steps of 5; 5 % lies inside the warm-up.",
    "All forms of progress tend to predict too high where the learning rate decays to zero: the last drop is not in what was seen. The predictor knows the rate.",
    "The endpoint law's miss at the largest Delphi scale is mostly not the form's fault: near-duplicates of the validation set in the training data are seen more at "
    "larger scale, and tokens grow with scale, so compute alone mixes two axes.",
    "Best form, and the mean errors by method, look at the ends they are scored on. The line under the table of methods shows what a choice made on the smaller scales "
    "alone gives on the larger ones.",
)  # fmt: skip
