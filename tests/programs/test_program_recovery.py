"""On a noise-free surface of its own form a program finds the surface again, inside the rows and beyond."""

import numpy as np
import pytest
from program_cases import PROGRAMS, SEED, SURFACES, drawn, fitted, predicted, task_of

ROWS = {"lr_bsz": 400, "finetune_vocab": 300, "data_constrained": 160, "moe": 120, "sft": 24, "u_shape": 40,
        "parallel": 36, "domain_mixture": 40}  # fmt: skip

# A plain descent from ones stops in a side valley of these surfaces; that is what the seed is for.
SIDE_VALLEY = {
    f"seeds/{task}/power_law.py" for task in ("data_constrained", "finetune_vocab", "lr_bsz", "parallel")
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_noise_free_surface_is_recovered(program):
    print(f"seed {SEED}")
    task = task_of(program)
    X = drawn(task, ROWS[task])
    y = SURFACES[program](X)
    constants = fitted(program, X, y)
    if program in SIDE_VALLEY:
        error = ((predicted(program, X, constants, 1) - y) ** 2).mean() / y.var()
        assert error < 0.02
        return
    np.testing.assert_allclose(predicted(program, X, constants, y.shape[1]), y, rtol=1e-6)
    beyond = drawn(task, 200, seed=SEED + 1, stretch=1.2)
    np.testing.assert_allclose(
        predicted(program, beyond, constants, y.shape[1]), SURFACES[program](beyond), rtol=1e-6
    )


IDENTIFIED = {
    "programs/parallel/human_law.py": [0.75, 1e7 / 1e9, 0.35, 0.2],
    "programs/sft/human_law.py": [1.1, 600.0, 170.0, 0.5],
    "programs/u_shape/human_law.py": [-0.4, 0.1, -0.2, 0.05, 0.04, -0.01],
    "programs/data_constrained/human_law.py": [
        1.9,
        520.0 / 1e9**0.36,
        1500.0 / 1e9**0.34,
        0.36,
        0.34,
        15.0,
        5.3,
    ],
    "programs/moe/human_law.py": [
        2.7 - 0.09 * np.log(1e8),
        -0.09,
        -0.13 + 0.005 * np.log(1e8),
        0.005,
        3.5,
        300.0,
    ],
    "seeds/sft/vpnls.py": [1.1, 2.5, 3000.0 / 1e4, 0.4],
    "seeds/parallel/vpnls.py": [0.8, 40 * 1e9**-0.2, 0.2, 0.08],
    "seeds/u_shape/vpnls.py": [0.2, 0.1, 0.3, 0.6, 0.8, 0.5],
}


@pytest.mark.parametrize("program", IDENTIFIED)
def test_constants_are_recovered_where_the_rows_identify_them(program):
    print(f"seed {SEED}")
    X = drawn(task_of(program), ROWS[task_of(program)])
    np.testing.assert_allclose(fitted(program, X, SURFACES[program](X)), IDENTIFIED[program], rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["seeds/finetune_vocab/vpnls.py", "programs/finetune_vocab/additive_power.py"]
)
def test_vocabulary_fits_count_in_fixed_units(name):
    """bias, amplitudes in units of 1e8 parameters, 1e4 words and 1e10 characters, exponents."""
    print(f"seed {SEED}")
    X = drawn("finetune_vocab", 300)
    expected = [-5.8, 12.0 * 1e8**-0.3, 2e-3 * 1e4**0.5, 5e3 * 1e10**-0.37, 0.3, -0.5, 0.37]
    np.testing.assert_allclose(fitted(name, X, SURFACES[name](X)), expected, rtol=1e-6)
