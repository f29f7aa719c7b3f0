"""fit_vpnls: recovery, parity with vpnls, one objective for all methods, bounds, laws of nature, errors."""

import numpy as np
import pytest
from fitting_cases import SURFACES, simulated

import fitting
from fitting import FitStatus, bounds, fit_vpnls, huber, simulate_isoflop_data
from fitting.vpnls.grid import axis

NAMES = ("E", "A", "B", "alpha", "beta")
VPNLS_SURFACES = {  # those of vpnls's own tests
    "symmetric": (0.31, 0.31, 400.0, 400.0, 1.69),
    "chinchilla": (0.34, 0.28, 406.4, 410.7, 1.69),
    "asymmetric": (0.50, 0.20, 200.0, 800.0, 1.50),
}


def rows(name="chinchilla", **options):
    data = simulated(name, **options)
    return data["N"], data["D"], data["L"]


def values(result):
    return np.array([getattr(result, name) for name in NAMES])


@pytest.mark.parametrize("loss", [None, huber(1e-3), huber(0.01)])
@pytest.mark.parametrize("surface", [*SURFACES, "vpnls_asymmetric"])
def test_noise_free_surfaces_come_back_to_ten_digits(surface, loss):
    alpha, beta, A, B, E = SURFACES.get(surface, VPNLS_SURFACES["asymmetric"])
    N, D, L = simulate_isoflop_data(alpha=alpha, beta=beta, A=A, B=B, E=E, noise_std=0)
    result = fit_vpnls(N, D, L, loss=loss)
    assert result.status == FitStatus.CONVERGED
    assert [result.alpha, result.beta] == pytest.approx([alpha, beta], rel=1e-10)
    assert pytest.approx([E, A, B], rel=1e-9) == [result.E, result.A, result.B]


@pytest.mark.parametrize("loss", [None, huber(0.01)])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("surface", VPNLS_SURFACES)
def test_the_grid_at_0_005_is_as_good_as_its_step(surface, workers, loss):
    alpha, beta, A, B, E = VPNLS_SURFACES[surface]
    N, D, L = simulate_isoflop_data(alpha=alpha, beta=beta, A=A, B=B, E=E, noise_std=0)
    wide = bounds(alpha=(0.15, 0.55), beta=(0.15, 0.55))
    result = fit_vpnls(N, D, L, method="grid", resolution=0.005, num_workers=workers, loss=loss, bounds=wide)
    assert [result.alpha, result.beta] == pytest.approx([alpha, beta], rel=0.01)
    assert pytest.approx([A, B, E], rel=0.05) == [result.A, result.B, result.E]


# Values measured with vpnls 0.1.0 on its README's simulated set (8 budgets 1e17..1e22, 16 points)
def test_the_simulated_set_of_the_vpnls_readme_gives_the_same_numbers():
    N, D, L = rows(compute_budgets=np.logspace(17, 22, 8), n_points_per_budget=16)
    grid = fit_vpnls(N, D, L, method="grid")
    assert (grid.alpha, grid.beta) == pytest.approx((0.34, 0.28), abs=1e-12)
    assert grid.loss_value == pytest.approx(2.468624802e-06, rel=1e-9)
    assert fit_vpnls(N, D, L).loss_value == pytest.approx(2.466602328e-06, rel=1e-9)
    robust = fit_vpnls(N, D, L, loss=huber(1e-3))
    assert robust.loss_value == pytest.approx(8.470452059e-07, rel=1e-9)


def test_a_huber_grid_cell_is_solved_to_its_optimum():
    N, D, L = rows(compute_budgets=np.logspace(17, 22, 8), n_points_per_budget=16)
    near = bounds(alpha=(0.31, 0.37), beta=(0.25, 0.31))
    grid = fit_vpnls(N, D, L, method="grid", loss=huber(1e-3), bounds=near)
    # vpnls: 8.543104246e-07 at the same cell
    assert grid.loss_value == pytest.approx(8.543104245e-07, rel=2e-10)


METHODS = ["newton", "grid", "scipy", "jax"]


@pytest.mark.parametrize("loss", [None, huber(1e-3)])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_reports_the_same_objective(method, loss):
    if method == "jax":
        pytest.importorskip("jax")
    N, D, L = rows(noise_std=0.01)
    near = bounds(alpha=(0.30, 0.38), beta=(0.24, 0.32))
    result = fit_vpnls(N, D, L, method=method, loss=loss, bounds=near)
    residual = L - result.predict(N, D)
    expected = np.mean(residual**2) if loss is None else loss.mean(residual)
    assert result.loss_value == pytest.approx(expected, rel=1e-9)
    assert result.rss == pytest.approx(np.sum(residual**2), rel=1e-9)
    best = fit_vpnls(N, D, L, loss=loss, bounds=near)
    assert best.loss_value <= result.loss_value * (1 + 1e-9)
    if method in ("scipy", "jax"):
        assert result.loss_value == pytest.approx(best.loss_value, rel=1e-7)
        assert values(result) == pytest.approx(values(best), rel=1e-3)


def test_zero_floor_is_exact_and_named():
    N, D, L = simulate_isoflop_data(alpha=0.34, beta=0.28, A=406.4, B=410.7, E=0.0, noise_std=0.02, seed=2)
    for method in ("newton", "scipy"):
        result = fit_vpnls(N, D, L, method=method)
        assert result.E == 0.0
        assert result.status == FitStatus.BOUND_HIT
        assert "E clamped" in result.status_message
        assert result.rss == pytest.approx(np.sum((L - result.predict(N, D)) ** 2), rel=1e-12)


def test_bounds_are_kept_for_all_five_constants():
    N, D, L = rows()
    for name, pair in {
        "E": (1.0, 1.6), "A": (1e-6, 300.0), "B": (500.0, 1e6), "alpha": (0.01, 0.3), "beta": (0.3, 0.99)
    }.items():  # fmt: skip
        for loss in (None, huber(1e-3)):
            result = fit_vpnls(N, D, L, bounds=bounds(**{name: pair}), loss=loss)
            assert pair[0] <= getattr(result, name) <= pair[1]
            assert result.status == FitStatus.BOUND_HIT
            assert name in result.status_message


def test_a_bounded_fit_is_the_best_inside_its_box():
    """Against SciPy's L-BFGS-B on all five constants, from the answer and from beside it."""
    from scipy.optimize import minimize

    N, D, L = rows(noise_std=0.01, n_points_per_budget=6)
    box = bounds(E=(0.5, 1.6), A=(1.0, 350.0))
    result = fit_vpnls(N, D, L, bounds=box)

    def mse(theta):
        return np.mean((L - theta[0] - theta[1] * N ** -theta[3] - theta[2] * D ** -theta[4]) ** 2) * 1e4

    limits = [(0.5, 1.6), (1.0, 350.0), (0, None), (0.01, 0.99), (0.01, 0.99)]
    for nudge in (1.0, 1.02):
        other = minimize(
            mse, values(result) / nudge, bounds=limits, method="L-BFGS-B", options={"maxiter": 3000}
        )
        assert result.loss_value * 1e4 <= other.fun * (1 + 1e-7)


@pytest.mark.parametrize("seed", range(25))
def test_newton_is_never_worse_than_the_grid(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 90))
    alpha, beta, E = *rng.uniform(0.1, 0.7, 2), rng.choice([0.0, 0.5, 1.7, 3.0])
    N, D = 10 ** rng.uniform(6, 10, n), 10 ** rng.uniform(8, 12, n)
    L = E + 1e8**alpha * N**-alpha + 1e10**beta * D**-beta
    L += 10 ** rng.uniform(-4, -0.7) * rng.standard_normal(n)
    for loss, step in ((None, 0.002), (huber(1e-3), 0.05)):
        best = fit_vpnls(N, D, L, loss=loss)
        grid = fit_vpnls(N, D, L, loss=loss, method="grid", resolution=step)
        assert best.loss_value <= grid.loss_value * (1 + 1e-9)
        assert min(values(best)) >= 0


@pytest.mark.parametrize("loss", [None, huber(1e-3)])
def test_units_of_N_and_D_change_amplitudes_alone_and_row_order_nothing(loss):
    N, D, L = rows(noise_std=0.01)
    one = fit_vpnls(N, D, L, loss=loss)
    two = fit_vpnls(N / 1e6, D / 1e9, L, loss=loss)
    assert [two.E, two.alpha, two.beta] == pytest.approx([one.E, one.alpha, one.beta], rel=1e-8)
    assert pytest.approx(one.A * 1e6**-one.alpha, rel=1e-7) == two.A
    assert pytest.approx(one.B * 1e9**-one.beta, rel=1e-7) == two.B
    mixed = np.random.default_rng(5).permutation(len(L))  # seed 5
    three = fit_vpnls(N[mixed], D[mixed], L[mixed], loss=loss)
    assert values(three) == pytest.approx(values(one), rel=1e-7)
    scale = 3.0
    scaled = None if loss is None else huber(1e-3 * scale)
    four = fit_vpnls(N, D, L * scale, loss=scaled)
    assert [four.alpha, four.beta] == pytest.approx([one.alpha, one.beta], rel=1e-7)


def test_exponents_beyond_one_need_wider_bounds_and_get_them():
    N, D, L = simulate_isoflop_data(alpha=1.2, beta=0.5, A=3e8, B=1e4, E=1.0, noise_std=0)
    stopped = fit_vpnls(N, D, L)
    assert (stopped.alpha, stopped.status) == (0.99, FitStatus.BOUND_HIT)
    free = fit_vpnls(N, D, L, bounds=bounds(alpha=(0.01, 3.0)))
    assert free.alpha == pytest.approx(1.2, rel=1e-9)


def test_read_only_arrays_lists_and_integers_are_fine():
    N, D, L = rows()
    for column in (N, D, L):
        column.flags.writeable = False
    expected = values(fit_vpnls(N, D, L))
    assert values(fit_vpnls(list(N), list(D), L[:, None])) == pytest.approx(expected, rel=1e-12)
    assert fit_vpnls(N.astype(int), D.astype(int), L).alpha == pytest.approx(expected[3], rel=1e-4)


def test_a_result_has_the_fields_of_vpnls():
    N, D, L = rows()
    result = fit_vpnls(N, D, L, loss=huber(0.01))
    surface = result.to_loss_surface()
    assert result.a + result.b == pytest.approx(1.0)
    assert surface.N_opt(1e21) * surface.D_opt(1e21) * 6 == pytest.approx(1e21)
    assert surface.loss(N, D) == pytest.approx(result.predict(N, D))
    assert (result.n_points, result.loss_function.type, result.loss_function.huber_delta) == (
        75,
        "huber",
        0.01,
    )
    assert fit_vpnls(N, D, L, method="grid", resolution=0.05).resolution == 0.05
    assert fit_vpnls(N, D, L, method="scipy").scipy_message
    # the truth's own optimum, as published for this surface
    truth = fitting.LossSurface(0.34, 0.28, 406.4, 410.7, 1.69)
    assert truth.N_opt(np.array([1e17, 1e21, 1e24])) == pytest.approx(
        [2.848558e7, 1.824218e9, 4.129670e10], rel=1e-6
    )
    assert truth.D_opt(np.array([1e17, 1e21, 1e24])) == pytest.approx(
        [5.850914e8, 9.136336e10, 4.035835e12], rel=1e-6
    )


def test_the_grid_has_the_lines_of_vpnls():
    assert len(axis(0.01, 0.99, 0.01)) == 99
    assert len(axis(0.01, 0.99, 0.001)) == 981
    assert len(axis(0.01, 0.99, 0.3)) == 4


N0, D0, L0 = (
    np.array(c) for c in ([1e7, 1e8, 1e9, 1e10, 1e8], [1e9, 1e10, 1e11, 1e9, 1e9], [3.0, 2.8, 2.5, 2.9, 3.1])
)


def broken(column, row, value):
    out = np.array(column, dtype=float)
    out[row] = value
    return out


@pytest.mark.parametrize("method", ["newton", "grid", "scipy"])
@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((N0[:3], D0, L0), "the same length, got 3, 5 and 5"),
        ((N0[:3], D0[:3], L0[:3]), "at least 4 rows, got 3"),
        (([], [], []), "at least 4 rows, got 0"),
        (
            (broken(N0, 2, 0.0), D0, L0),
            r"N must be positive and finite: 1 of 5 rows are not \(first: row 2, N=0.0\)",
        ),
        ((N0, broken(D0, 1, -1.0), L0), "D must be positive and finite"),
        ((N0, broken(D0, 1, np.inf), L0), "D must be positive and finite"),
        ((N0, D0, broken(L0, 4, np.nan)), r"L must be finite: 1 of 5 rows are not \(first: row 4"),
        ((np.full(5, 1e8), np.full(5, 1e9), L0), "same N and D"),
        ((["a"] * 5, D0, L0), "N: expected numbers"),
    ],
)
def test_bad_rows_are_named(args, says, method):
    with pytest.raises(ValueError, match=says):
        fit_vpnls(*args, method=method)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "nope"}, "Unknown method 'nope'"),
        ({"loss": "huber:-1"}, "delta must be"),
        ({"loss": "hubber"}, "expected one of"),
        ({"loss": "quantile:0.5"}, "use fit"),
        ({"method": "grid", "resolution": 0}, "resolution must be"),
        ({"method": "grid", "resolution": 1e-9}, "use 1e-4 or coarser"),
        ({"max_irls_iter": 0}, "max_irls_iter"),
    ],
)
def test_bad_options_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        fit_vpnls(N0, D0, L0, **options)
    with pytest.raises(ValueError, match="low <= high"):
        bounds(alpha=(0.9, 0.1))


def test_jax_says_what_to_install_when_it_is_missing():
    try:
        import jax  # noqa: F401
    except ImportError:
        with pytest.raises(fitting.FitError, match="needs jax"):
            fit_vpnls(N0, D0, L0, method="jax")
    else:
        assert fit_vpnls(N0, D0, L0, method="jax").n_points == 5


def test_the_simulator_centres_each_budget_on_its_optimum():
    N, D, L = rows(noise_std=0)
    assert (6 * N * D).reshape(5, 15)[:, 0] == pytest.approx([1e17, 1e18, 1e19, 1e20, 1e21])
    assert N.reshape(5, 15)[:, 7] == pytest.approx(
        fitting.LossSurface(0.34, 0.28, 406.4, 410.7, 1.69).N_opt(np.logspace(17, 21, 5))
    )
    noisy = rows(noise_std=0.002)[2] - L
    assert noisy == pytest.approx(np.random.default_rng(42).normal(0, 0.002, 75))  # seed 42, the default


@pytest.mark.parametrize("seed", [23, 194, 216])
def test_rival_optima_of_nearly_absolute_deviations_are_looked_for(seed):
    """Noise far above delta: the first optimum of these rows is 1e-5 to 5e-3 above the best of 24 starts."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 91))
    N, D = np.exp(rng.uniform(0, 7, n)), np.exp(rng.uniform(0, 7, n))
    E, A, B = rng.choice([0.0, 0.5, 1.7, 3.0]), rng.uniform(0.2, 5), rng.uniform(0.2, 5)
    alpha, beta = rng.uniform(0.1, 0.7, 2)
    noise = 10 ** rng.uniform(-4, np.log10(0.2))
    L = E + A * N**-alpha + B * D**-beta + noise * rng.standard_normal(n)
    best = {23: 3.2873602e-05, 194: 1.7276217e-04, 216: 1.26144259e-04}[seed]
    assert fit_vpnls(N, D, L, loss=huber(1e-3)).loss_value <= best * (1 + 1e-6)


@pytest.mark.parametrize("method", ["newton", "grid", "scipy"])
def test_designs_that_cannot_part_the_constants_warn(method):
    N = np.geomspace(1e7, 1e10, 20)
    rng = np.random.default_rng(0)
    L = 1.69 + 406.4 * N**-0.34 + 410.7 * (20 * N) ** -0.28 + 0.005 * rng.standard_normal(20)
    (warning,) = fit_vpnls(N, 20 * N, L, method=method).warnings
    assert warning.startswith("N and D move together (correlation of logs 1.0000)")
    N, D, L = rows(n_points_per_budget=3)
    assert fit_vpnls(N, D, L, method=method).warnings == ()
    (warning,) = fit_vpnls(N[[0, 4, 8, 9]], D[[0, 4, 8, 9]], L[[0, 4, 8, 9]], method=method).warnings
    assert warning.startswith("4 rows for 5 constants")
    warning, *_ = fit_vpnls(N, np.full(15, 1e9), L, method=method).warnings
    assert warning.startswith("D is the same in all rows")


def test_options_of_the_wrong_kind_are_named():
    N, D, L = rows(n_points_per_budget=3)
    with pytest.raises(ValueError, match=r"bounds: expected what bounds\(alpha=.* returns, got dict"):
        fit_vpnls(N, D, L, bounds={"alpha": (0.1, 0.5)})
    with pytest.raises(ValueError, match="num_workers must be an integer >= 1, got 0"):
        fit_vpnls(N, D, L, method="grid", num_workers=0)
