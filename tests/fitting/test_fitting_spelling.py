"""Laws as people paste them: every spelling is the law it means, and what is none is refused in place."""

import pytest

from fitting import BadLaw, Law, fit
from fitting.law.spelling import logs_target, plain

V = ("N", "D")
CHINCHILLA = Law.parse("E + A*N**-alpha + B*D**-beta", V)


@pytest.mark.parametrize(
    "text",
    [
        "E + A/N^alpha + B/D^beta",
        "E+A*N**−alpha+B*D**−beta",
        "E + A*pow(N,-alpha) + B*D**-beta",
        "E + A*np.power(N, -alpha) + B*math.pow(D, -beta)",
        "L(N, D) = E + A·N^(-α) + B×D^(-β)",
        r"L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^\beta}",
        r"$\hat{L}(N,D) \approx E + A N^{-\alpha} + B D^{-\beta}$",
        r"\begin{equation} L = E + A\,N^{-\alpha} + B\cdot D^{-\beta} \end{equation}",
        "Add(Symbol('E'), Mul(Symbol('A'), Pow(Symbol('N'), Mul(Integer(-1), Symbol('alpha')))), "
        "Mul(Symbol('B'), Pow(Symbol('D'), Mul(Integer(-1), Symbol('beta')))))",
        "((N ^ neg(alpha)) * A) + ((inv(D) ^ beta) * B) + E",
    ],
)
def test_the_surface_in_every_spelling(text):
    assert Law.parse(text, V).same_as(CHINCHILLA)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("((N ^ -0.34) * 406.4) + square(D) + cube(a)", "N**-0.34*406.4 + D**2 + a**3"),
        ("ln(N)*a + log2(D)*b", "log(N)*a + log(D)/log(2)*b"),
        ("log(N, 10)*a", "log(N)/log(10)*a"),
        ("A*N⁻² + c₁", "A*N**-2 + c1"),
        ("E + A*N**-λ", "E + A*N**-lam"),
        ("Float('1.5', precision=53)*N**Rational(1, 2) + c", "1.5*sqrt(N) + c"),
        (r"\left(\frac{N_c}{N}\right)^{\alpha_N}", "(N_c/N)**alpha_N"),
        (r"c\log_{10} N + \sqrt{D} + d_{\mathrm{min}}", "c*log10(N) + sqrt(D) + d_min"),
        (r"AN^{-\alpha}", "A*N**-alpha"),
        (r"\frac12 N + c", "0.5*N + c"),
        (
            r"L = E + \exp(a - \alpha \ln N) + \exp\left(b - \beta\log D\right)",
            "E + exp(a - alpha*log(N)) + exp(b - beta*log(D))",
        ),
        ("Abs(N - c)*k", "abs(N - c)*k"),
    ],
)
def test_forms_of_other_programs(text, means):
    assert Law.parse(text, V).tree == Law.parse(means, V).tree or Law.parse(text, V).same_as(
        Law.parse(means, V)
    )


@pytest.mark.parametrize(
    ("text", "target", "means"),
    [
        ("log(L) = c - a*log(N)", "L", "exp(c - a*log(N))"),
        ("ln loss = c - a*ln(N)", "loss", "exp(c - a*log(N))"),
        (r"\log L = c - \alpha \log N", "L", "exp(c - alpha*log(N))"),
        ("log10(L) = c - a*log10(N)", "L", "10**(c - a*log10(N))"),
    ],
)
def test_the_log_of_the_target_on_the_left(text, target, means):
    law = Law.parse(text, V)
    assert logs_target(text) and law.target == target
    assert law.tree == Law.parse(means, V).tree


def test_a_plain_text_stays_as_it_is():
    for text in ("E + A*N**-alpha + B*D**-beta", "L = A*1e-3*N + 5E4", "exp(e)*N"):
        assert plain(text, V) == text and not logs_target(text)


def test_names_of_columns_are_never_rewritten():
    assert Law.parse("a*α + b", ("α",)).used == ("α",)
    assert Law.parse(r"a*params^{-\alpha}", ("params",)).used == ("params",)
    rows = {"params": [1.0, 2.0, 3.0, 4.0], "loss": [3.0, 2.5, 2.2, 2.0]}
    assert fit("loss(params) = E + A*params^-alpha", rows).law.used == ("params",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("E + 2A", "position 5: a product needs its sign; write 2\\*A"),
        ("E + A N**-a", r"position 5: a product needs its sign; write A\*N"),
        ("E + A*2(N + 1)", "write 2\\*"),
        ("E + A*lgo(N)", "did you mean"),
        ("E + A*N≤3", "not an expression"),
        ("A N", r"position 1: a product needs its sign; write A\*N"),
        ("1e3N + A", r"write 1e3\*N"),
        ("E + A*N**-a  # floor", "what follows the '#'"),
        (r"\frac{A}", "the LaTeX ends where something more was expected"),
    ],
)
def test_what_stays_unclear_is_refused_in_place(text, says):
    with pytest.raises(BadLaw, match=says) as error:
        Law.parse(text, V)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("E + A·N**-alpha", "E + A*N**-alpha"),
        ("E + A*N**-lambda", "E + A*N**-lam"),
        ("E + A/N^{alpha}", "E + A/N**alpha"),
        (r"E + \frac{A}{N^alpha}", "E + A/N**alpha"),
        ("E + 1_000*A*N**-alpha", "E + 1000*A*N**-alpha"),
    ],
)
def test_what_is_clear_is_read(text, same):
    assert Law.parse(text, V).same_as(Law.parse(same, V))


def test_names_that_ran_together_are_pointed_out():
    rows = {"N": [1.0, 2.0, 3.0, 4.0], "L": [3.0, 2.5, 2.2, 2.0]}
    with pytest.raises(BadLaw, match=r"AN is one name: a product needs its sign, A\*N"):
        fit("E + AN**-alpha", rows)
