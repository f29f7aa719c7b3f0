"""Laws: reading, refusing, linear constants, derivatives, one spelling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitting import BadData, BadLaw, BadOption, Law
from fitting.law.expression import text_of

V = ("N", "D", "V", "t")


def law(text):
    return Law.parse(text, V)


@pytest.mark.parametrize(
    ("text", "linear"),
    [
        ("E + A*N**-alpha + B*D**-beta", ("E", "A", "B")),
        ("A*(N**-a + k*D**-b)", ("A",)),
        ("exp(e) + A*N**-a", ("A",)),
        ("E + A*log(N) + B*log(N)**2", ("E", "A", "B")),
        ("(E + A*t)*D**-b", ("E", "A")),
        ("A*B*N", ("A",)),
        ("E**2 + N", ()),
        ("(A*N + B*D)/(1 + C*N)", ("A", "B")),
    ],
)
def test_linear_constants_are_found_by_structure(text, linear):
    assert law(text).linear == linear
    assert set(law(text).linear) | set(law(text).nonlinear) == set(law(text).constants)


ONE_LAW = [
    [
        "E + A*N**-alpha + B*D**-beta",
        "b/D**q + e + a*N**p",
        "exp(-x*log(N))*2*A + E - B*D**y",
        "L = c + A/N**a + B/D**b",
    ],
    ["A*(N/D)**-a", "A*N**a*D**-a", "D**a/N**a*A", "A*exp(a*(log(N) - log(D)))"],
    ["E + A*sqrt(N)", "A*N**0.5 + E"],
    ["E + A*log(N/D)", "E - A*log(D) + A*log(N)"],
    ["E + A*exp(-N/tau)", "A*exp(k*N) + E"],
    ["(A + B*N)*D**-b", "A*D**-b + B*N/D**b"],
    ["A*N**-a + B*D**-a", "A*N**a + B*D**a"],
    ["A*N**-a + B*N**-b", "B*N**b + A*N**-a"],
    ["E + A*log10(N)", "A*log(N) + E"],
    ["c0 + c1*tanh(k1*(t - m2))", "c0 + c1*tanh(k*t - k*m)"],
    ["E + 3*N", "E + N*D**(a - a) + 2*N"],
    ["E + A*N**-a + B*D**-a", "B*D**q + A*N**q + E"],
    ["E + A*N**-a*t + B*(D + s)**a + C*V", "c3*V + c1*t*N**k + c2/(D + m)**k + c0"],
]


@pytest.mark.parametrize("spellings", ONE_LAW)
def test_spellings_of_one_law_are_one(spellings):
    assert len({law(text).canonical() for text in spellings}) == 1
    assert law(spellings[0]).same_as(law(spellings[-1]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A*N**-a + B*D**-b", "A*N**-a + B*D**-a"),
        ("A*N**-a*D**-a", "A*N**-a*D**a"),
        ("E + A*N**-a", "E + A*D**-a"),
        ("E + A*N", "E + A*N**2"),
        ("E + A*exp(-k*t)", "E + A*exp(-k*t**2)"),
        ("E + A*log(1 + N)", "E + A*log(2 + N)"),
    ],
)
def test_different_laws_stay_apart(one, other):
    assert not law(one).same_as(law(other))


def test_a_canonical_form_reads_back_to_itself():
    for spellings in ONE_LAW:
        form = law(spellings[0]).canonical()
        assert law(form).canonical() == form


FACTORS = [
    "N**-{0}",
    "D**-{0}",
    "(N + {0})**-{1}",
    "log(D)",
    "tanh({0}*(t - {1}))",
    "exp(-{0}*V)",
    "(N/D)**-{0}",
    "t**2",
]


@st.composite
def laws(draw):
    """A sum of terms, as text, and the same with terms and names shuffled."""
    terms, k = [], 0
    for i in range(draw(st.integers(1, 3))):
        text = f"c{i}"
        for shape in draw(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=2)):
            text += "*" + shape.format(f"a{k}", f"a{k + 1}")
            k += 2
        terms.append(text)
    order = draw(st.permutations(terms))
    renamed = " + ".join(order)
    for i in range(k):
        renamed = renamed.replace(f"a{i}*", f"zz{i}*").replace(f"a{i})", f"zz{i})")
    return "E + " + " + ".join(terms), " + ".join(order) + " + q", renamed + " + q"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(laws())
def test_order_and_names_never_matter(texts):
    assert len({law(text).canonical() for text in texts}) == 1
    read = law(texts[0])
    assert Law.parse(text_of(read.tree), V).tree == read.tree
    values = np.linspace(0.2, 0.9, read.n_constants)
    rows = {
        "N": np.array([1.5, 2.0]),
        "D": np.array([3.0, 1.2]),
        "V": np.array([0.3, 0.4]),
        "t": np.array([0.5, 2.0]),
    }
    form = law(read.canonical())  # the same family: some constants reproduce the same values
    assert np.isfinite(read.predict(values, rows)).all()
    assert form.n_constants == read.n_constants


@pytest.mark.parametrize(
    "text",
    [
        "E + A*N**-alpha + B*D**-beta",
        "A*(N + s*D)**-a*tanh(k*(t - m)) + log1p(V)*b",
        "E + A*exp(-((t - m)/w)**2) + B*sqrt(V)*log10(N)**c",
        "E + A*abs(t - m)**p",
        "((c/N)**(a/b) + d/D)**b",
    ],
)
def test_derivatives_are_exact(text):
    read = law(text)
    rng = np.random.default_rng(3)  # seed 3
    rows = {v: rng.uniform(1.2, 2.5, 9) for v in V}
    values = rng.uniform(0.4, 0.9, read.n_constants)
    J = read.gradient(values, rows)
    before, body = read.program(2)
    columns = read.columns_of(rows)
    curvatures = body(list(values), before(columns))[1 + read.n_constants :]
    h = 1e-6
    for k in range(read.n_constants):
        step = np.zeros_like(values)
        step[k] = h
        difference = (read.predict(values + step, rows) - read.predict(values - step, rows)) / (2 * h)
        assert J[:, k] == pytest.approx(difference, rel=1e-6, abs=1e-7)
        second = (read.gradient(values + step, rows) - read.gradient(values - step, rows)) / (2 * h)
        for (a, b), curvature in zip(read.curved, curvatures, strict=True):
            if read.constants[k] in (a, b):
                other = read.constants.index(b if read.constants[k] == a else a)
                assert np.broadcast_to(curvature, 9) == pytest.approx(second[:, other], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("E + foo(N)", "position 5: foo can't be called"),
        ("E + lg(N)", "did you mean log"),
        ("__import__('os').system('x')", "can be called"),
        ("E + ", "not an expression"),
        ("A if N else B", "IfExp is not part"),
        ("N.real", "Attribute is not part"),
        ("N[0]", "Subscript is not part"),
        ("E + A*exp", "needs an argument"),
        ("A/0", "division by zero"),
        ("E = A = N", "only one '='"),
        ("exp(N, D)", "takes one argument"),
        ("1j*N", "expected a real number"),
        ("'a'", "expected a real number"),
        ("True*N", "expected a real number"),
        ("A*1e999*N", "too large"),
        ("A < N", "Compare is not part"),
        ("lambda: N", "Lambda is not part"),
        ("(" * 90 + "N" + ")" * 90 + "+ A.b", "Attribute is not part"),
        ("+".join(["N"] * 200), "nested deeper"),
        ("A*" * 1500 + "N", "at most 2000 characters"),
        ("E + A*N; B", "one expression"),
        ("__class__*N", "can't name a constant"),
        ("", "got an empty one"),
        (None, "got NoneType"),
        (["E"], "got list"),
    ],
)
def test_what_is_not_a_law_is_refused_with_its_place(text, says):
    with pytest.raises(BadLaw, match=says.replace("(", r"\(").replace("^", r"\^")) as error:
        Law.parse(text, V)
    assert "\n" not in str(error.value)


def test_latex_of_a_name_of_several_words_is_latex():
    assert Law.parse("log_lr_best*N", ("N",)).latex() == r"\mathrm{log}_{\mathrm{lr\_best}} N"


def test_latex_puts_negative_powers_below_a_bar():
    assert law("E + A*N**-alpha + B*D**-beta").latex() == r"E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}"
    assert (
        law("L = c1*log(N) - exp(-k_2*t)").latex()
        == r"L = c_{1} \ln\left(N\right) - \exp\left(-k_{2} t\right)"
    )


def test_fixed_and_tied_constants_make_another_law():
    read = law("E + A*N**-alpha + B*D**-beta")
    assert read.fix({"E": 1.69}).constants == ("A", "alpha", "B", "beta")
    assert read.tie({"beta": "alpha"}).same_as(law("E + A*N**-a + B*D**-a"))
    with pytest.raises(BadOption, match="no constant 'gama'"):
        read.fix({"gama": 1.0})
    with pytest.raises(BadOption, match="stands on both sides"):
        read.tie({"alpha": "beta", "beta": "alpha"})


def test_predict_asks_for_what_it_needs():
    read = law("E + A*N**-alpha")
    assert read.predict({"E": 1.0, "A": 2.0, "alpha": 0.5}, N=4.0) == 2.0
    assert read.predict([1.0, 2.0, 0.5], {"N": [1.0, 4.0]}) == pytest.approx([3.0, 2.0])
    with pytest.raises(BadData, match="needs the column 'N'"):
        read.predict([1.0, 2.0, 0.5], {"n": [1.0]})
    with pytest.raises(BadOption, match="alpha missing"):
        read.predict({"E": 1.0, "A": 2.0}, N=4.0)
    with pytest.raises(BadOption, match="expected 3"):
        read.predict([1.0], N=4.0)
