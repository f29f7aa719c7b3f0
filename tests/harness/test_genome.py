"""Laws as genomes: reading, writing, canonical form, edits, and programs rendered from them."""

import numpy as np
import pytest

from fitting import Law
from harness.proposers.facts import FeatureFacts, TaskFacts
from harness.proposers.formula.edits import edit, nudge, pin, unpin
from harness.proposers.formula.factors import Around
from harness.proposers.formula.genome import FitChoices, NotAGenome, parse
from harness.proposers.formula.proposer import FormulaProposer, formula_key
from harness.proposers.formula.render import is_rendered, read, render
from harness.proposers.formula.starters import starters
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    "toy",
    "toy",
    (Column("N"), Column("D"), Column("t")),
    (Column("L"),),
    None,
    constants_budget=9,
    extrapolate=("N",),
)


def toy_rows(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([10 ** rng.uniform(7, 9, n), 10 ** rng.uniform(9, 11, n), rng.uniform(-1, 1, n)])
    y = 1.7 + 400 * X[:, 0] ** -0.34 + 410 * X[:, 1] ** -0.28
    return Rows(X, y[:, None], np.full(n, "all"))


FACTS = TaskFacts.of(SPEC, toy_rows())


@pytest.mark.parametrize(
    "line",
    [
        "c0 + c1*N**-a1 + c2*D**-a2",
        "c0 + c1*(N + s1)**-a1*log(D)",
        "c1*(N + s1*D)**-a1 + c2*exp(-k1*t)",
        "c0 + c1*(N/D)**-a1*(1 + k1*log(1 + D))**-a2",
        "c0 + c1*exp(-((t - m1)/w1)**2) + c2*tanh(k1*(t - m2)) + c3*t**2",
        "c0 + c1*N/(N + s1) + c2*log(D)**2",
        "c0 + c1*N**-a1*D**-a1",
        "c0 + c1*(N + k1*N*(1 - exp((1 - D/N)/k1)))**-a1",
        "c0 + c1*1/(N**a1 + s1) + c2*log(D + s2)",
        "c0 + c1*(log(N) - l1)**2 + c2*(log(N) - l2 - b1*log(D))**2",
        "c0 + c1*N**-0.34*exp(t1*t) + c2*(D + s1)**-(-0.2)",
    ],
)
def test_a_law_reads_back_as_it_was_written(line):
    genome = parse(line, FACTS.names, FitChoices())
    assert genome.line(FACTS.names) == line
    assert parse(genome.normal().line(FACTS.names), FACTS.names, FitChoices()) == genome.normal()


def test_order_and_names_of_constants_do_not_make_another_law():
    one = parse("c0 + c1*N**-a1 + c2*log(D)*D**-a2", FACTS.names, FitChoices())
    other = parse("c0 + c1*D**-a7*log(D) + c2*N**-a3", FACTS.names, FitChoices())
    assert one.normal() == other.normal()


def test_a_ratio_turned_round_is_the_same_draft():
    proposer = FormulaProposer(FACTS, "toy")
    drafts = [
        proposer._draft(parse(f"c0 + c1*({ratio})**-a1", FACTS.names, FitChoices()), "test")
        for ratio in ("N/D", "D/N")
    ]
    assert drafts[0].key == drafts[1].key
    assert drafts[0].law != drafts[1].law


def test_a_key_is_the_canonical_form_of_the_line_that_the_law_is_written_as():
    rng = np.random.default_rng(8)
    pool = starters(FACTS)
    for _ in range(60):
        parent, mate = (pool[int(i)] for i in rng.integers(len(pool), size=2))
        child, _ = edit(parent, Around(FACTS, mate, some_fit(parent, rng)), rng)
        pool.append(child)
        line = Law.parse(child.line(FACTS.names), variables=FACTS.names)
        assert formula_key(child, FACTS) == f"{line.canonical()} | {child.choices.label()}"


def test_tied_exponents_are_another_law_with_one_constant_less():
    free = parse("c0 + c1*N**-a1 + c2*D**-a2", FACTS.names, FitChoices())
    tied = parse("c0 + c1*N**-a1 + c2*D**-a1", FACTS.names, FitChoices())
    assert free.normal() != tied.normal()
    assert (free.n_constants, tied.n_constants) == (5, 4)


@pytest.mark.parametrize(
    "line", ["N**-a1", "c0 + c1*N**a1", "c0 + c1*Q**-a1", "c1*__import__('os')", "c0 + c1*N**-2e3"]
)
def test_what_is_not_a_law_is_refused(line):
    with pytest.raises(NotAGenome):
        parse(line, FACTS.names, FitChoices())


def run_program(text):
    space = {}
    exec(compile(text, "program", "exec"), space)
    return space["fit_scaling_law"], space["scaling_law_func"]


def test_a_rendered_law_recovers_a_noise_free_surface():
    rows = toy_rows()
    genome = parse("c0 + c1*N**-a1 + c2*D**-a2", FACTS.names, FitChoices())
    fit, predict = run_program(render(genome, FACTS, "toy"))
    constants = fit(rows.X, rows.y[:, 0])
    assert constants[0] == pytest.approx(1.7, rel=1e-5)
    assert constants[3:] == pytest.approx([0.34, 0.28], rel=1e-5)
    far = rows.X * [30.0, 30.0, 1.0]
    expected = 1.7 + 400 * far[:, 0] ** -0.34 + 410 * far[:, 1] ** -0.28
    assert predict(far, constants) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "choices",
    [
        FitChoices(loss="huber"),
        FitChoices(link="log"),
        FitChoices(emphasis=2.0),
        FitChoices(non_negative=False, ridge=1e-6),
        FitChoices(exponent_bound=0.5),
    ],
)
def test_every_fitting_choice_fits_and_reads_back(choices):
    rows = toy_rows()
    line = "c0 + c1*N**-a1 + c2*D**-a2"
    genome = parse(f"exp({line})" if choices.link == "log" else line, FACTS.names, choices)
    program = render(genome, FACTS, "toy")
    assert read(program, FACTS) == genome
    fit, predict = run_program(program)
    error = predict(rows.X, fit(rows.X, rows.y)) - rows.y[:, 0]
    # In logs the same line is another law, so it only comes near this surface.
    assert np.mean(error**2) < (1e-2 if choices.link == "log" else 1e-3) * rows.y.var()


def test_several_targets_get_constants_each():
    rows = toy_rows()
    y = np.column_stack([rows.y[:, 0], 2 * rows.y[:, 0] + 1])
    genome = parse("c0 + c1*N**-a1 + c2*D**-a2", FACTS.names, FitChoices())
    fit, predict = run_program(render(genome, FACTS, "toy"))
    constants = fit(rows.X, y)
    assert constants.shape == (10,)
    assert predict(rows.X, constants) == pytest.approx(y, rel=1e-6)


def some_fit(genome, rng):
    """Values that a fit could give: shifts, rates and widths are positive."""
    signed = {"exponent", "place", "slope", "tilt", "centre"}
    return {n: float(rng.normal() if role in signed else rng.lognormal()) for n, role in genome.nonlinear()}


def test_a_thousand_edits_stay_lawful_and_repeat_with_their_seed():
    def walk():
        rng = np.random.default_rng(5)
        pool = starters(FACTS)
        lines = []
        for _ in range(1000):
            parent, mate = (pool[int(i)] for i in rng.integers(len(pool), size=2))
            child, _ = edit(parent, Around(FACTS, mate, some_fit(parent, rng)), rng)
            assert child.n_constants <= FACTS.budget_per_target
            assert child == child.normal()
            assert parse(child.line(FACTS.names), FACTS.names, child.choices) == child
            assert Law.parse(child.line(FACTS.names), variables=FACTS.names).n_constants == child.n_constants
            lines.append(child.line(FACTS.names))
            pool = [*pool, child][-60:]
        return lines

    first = walk()
    assert first == walk()
    assert len(set(first)) > 400


def test_programs_of_random_laws_run_and_stay_finite():
    rng = np.random.default_rng(11)
    rows = toy_rows(40)
    pool = starters(FACTS)
    for _ in range(60):
        parent, mate = (pool[int(i)] for i in rng.integers(len(pool), size=2))
        child, _ = edit(parent, Around(FACTS, mate, some_fit(parent, rng)), rng)
        pool.append(child)
        fit, predict = run_program(render(child, FACTS, "toy"))
        constants = fit(rows.X, rows.y)
        line = child.line(FACTS.names)
        assert constants.shape == (child.n_constants,), line
        values = predict(rows.X, constants)
        assert np.isfinite(values).all(), line
        assert predict(rows.X[3:4], constants) == pytest.approx(values[3:4], rel=1e-9, abs=1e-12), line


def test_a_pinned_constant_is_free_of_the_budget_and_is_not_fitted():
    rows = toy_rows()
    genome = parse("c0 + c1*N**-0.34 + c2*D**-a1", FACTS.names, FitChoices())
    assert genome.n_constants == 4
    fit, predict = run_program(render(genome, FACTS, "toy"))
    constants = fit(rows.X, rows.y)
    assert constants[3:] == pytest.approx([0.28], rel=1e-5)
    assert predict(rows.X, constants) == pytest.approx(rows.y[:, 0], rel=1e-6)


def test_a_pin_is_the_value_the_parent_took_and_can_be_freed():
    genome = parse("c0 + c1*N**-a1", FACTS.names, FitChoices())
    rng = np.random.default_rng(0)
    fixed = pin(genome, Around(FACTS, genome, {"a1": -0.2514}), rng)
    assert fixed.line(FACTS.names) == "c0 + c1*N**-(-0.251)"
    assert unpin(fixed, Around(FACTS, genome), rng).normal() == genome.normal()
    assert nudge(fixed, Around(FACTS, genome), rng) != fixed


SHARES = TaskSpec(
    "shares",
    "shares",
    (Column("p1"), Column("p2"), Column("p3")),
    (Column("L1"), Column("L2"), Column("L3")),
    None,
    constants_budget=18,
    paired=("p1", "p2", "p3"),
)


def test_every_target_reads_its_own_feature():
    rng = np.random.default_rng(3)
    X = np.round(rng.dirichlet(np.ones(3), 60), 1)
    y = 2.0 + np.array([1.0, 2.0, 3.0]) * (X + 0.05) ** -0.3
    facts = TaskFacts.of(SHARES, Rows(X, y, np.full(60, "all")))
    assert X.min() == 0  # a share of zero has no power and no logarithm, unless it is shifted
    genome = parse("c0 + c1*(own + s1)**-a1", facts.names, FitChoices())
    fit, predict = run_program(render(genome, facts, "shares"))
    constants = fit(X, y)
    assert constants.reshape(3, 4)[:, 2:] == pytest.approx(np.array([[0.05, 0.3]] * 3), rel=1e-4)
    assert predict(X[:7], constants) == pytest.approx(y[:7], rel=1e-6)
    lines = [g.line(facts.names) for g in starters(facts)]
    assert "c0 + c1*(own + s1)**-a1" in lines
    assert "c0 + c1*exp(t1*p1)*exp(t2*p2)*exp(t3*p3)" in lines


def test_a_moving_bowl_finds_the_best_value_of_a_feature():
    rng = np.random.default_rng(4)
    lr, N, D = 10 ** rng.uniform([[-4], [7], [9]], [[-2], [9], [11]], (3, 300))
    best = 2.0 - 0.7 * np.log(N / 1e8) + 0.3 * np.log(D / 1e10)
    y = 2.0 + 3 * (N / 1e8) ** -0.3 + 0.05 * (np.log(lr / 1e-3) - best) ** 2
    spec = TaskSpec(
        "lr",
        "lr",
        (Column("lr"), Column("N"), Column("D")),
        (Column("L"),),
        None,
        extrapolate=("N", "D"),
        corner=True,
    )
    facts = TaskFacts.of(spec, Rows(np.column_stack([lr, N, D]), y[:, None], np.full(300, "all")))
    assert [f.unit for f in facts.features] == [1e-3, 1e8, 1e10]
    line = "c0 + c1*N**-a1 + c2*(log(lr) - l1 - b1*log(N) - b2*log(D))**2"
    genome = parse(line, facts.names, FitChoices())
    fit, _ = run_program(render(genome, facts, "lr"))
    constants = fit(np.column_stack([lr, N, D]), y)
    assert constants == pytest.approx([2.0, 3.0, 0.05, 0.3, 2.0, -0.7, 0.3], rel=1e-3)
    assert any("moving_bowl2" in {f.kind for t in g.terms for f in t} for g in starters(facts))


def test_repeated_data_is_seen_in_the_rows_and_shares_a_unit():
    rng = np.random.default_rng(3)
    unique = rng.choice([1e7, 1e8, 4e8], 80)
    tokens = unique * rng.choice([1.0, 4.0, 40.0], 80)
    N = rng.choice([1e7, 1e8], 80)
    worth = unique + 15.0 * unique * (1 - np.exp((1 - tokens / unique) / 15.0))
    y = 1.5 + 400 * worth**-0.3 + 20 * N**-0.2
    spec = TaskSpec("t", "t", (Column("U"), Column("N"), Column("D")), (Column("L"),), None, 6, ("D",))
    facts = TaskFacts.of(spec, Rows(np.column_stack([unique, N, tokens]), y[:, None], np.full(80, "all")))
    assert facts.repeats == ((2, 0),)
    assert facts.features[0].unit == facts.features[2].unit
    law = next(g for g in starters(facts) if any(f.kind == "repeated" for t in g.terms for f in t))
    fit, _ = run_program(render(law, facts, "repeats"))
    constants = fit(np.column_stack([unique, N, tokens]), y)
    names = [n for n, _ in law.nonlinear()]
    assert constants[law.n_linear + names.index("k1")] == pytest.approx(15.0, rel=1e-3)
    seen = {f.kind for g in starters(FACTS) for t in g.terms for f in t}
    assert "repeated" not in seen, "no feature of the toy holds another"


def test_headers_become_distinct_identifiers():
    spec = TaskSpec(
        "odd",
        "odd",
        (Column("log"), Column("a 1"), Column("a-1"), Column("a1"), Column("2x")),
        (Column("y"),),
        None,
    )
    facts = TaskFacts.of(spec, Rows(np.ones((2, 5)), np.ones((2, 1)), np.array(["g", "g"])))
    assert len(set(facts.names)) == 5
    assert all(n.isidentifier() for n in facts.names)
    assert "log" not in facts.names and "a1" not in facts.names


def test_units_are_round_and_signed_features_keep_theirs():
    N, _, t = FACTS.features
    assert FeatureFacts("N", 1e8, N.low, N.high, 120) == N
    assert t.unit == 1.0 and not t.positive


@pytest.mark.parametrize(("sign", "rising"), [(1.0, (0,)), (-1.0, ())])
def test_scores_that_rise_along_an_axis_begin_with_a_ceiling_and_free_signs(sign, rising):
    N = np.geomspace(1e6, 1e9, 12)
    X = np.column_stack([N, np.tile([0.0, 1.0, 2.0], 4)])
    rows = Rows(X, sign * np.log(N)[:, None], np.full(12, "all"))
    spec = TaskSpec("toy", "toy", (Column("N"), Column("shots")), (Column("score"),), None, 6, ("N",))
    facts = TaskFacts.of(spec, rows)
    assert facts.rising == rising
    laws = {g.line(facts.names): g.choices.non_negative for g in starters(facts)}
    ceilings = [law for law in laws if "1/(N**" in law]
    assert len(ceilings) == 2 * len(rising)
    assert not any(laws[law] for law in ceilings)


def test_only_text_that_is_ours_to_the_letter_counts_as_rendered():
    """It may share a process with others, so nothing else may stand in it, wherever a reader would not look."""
    text = render(parse("c0 + c1*N**-a1", FACTS.names, FitChoices()), FACTS, 'a "law", plainly')
    assert is_rendered(text, FACTS)
    assert is_rendered("# Source: a run\n\n" + text, FACTS)
    assert is_rendered(text.replace("# EVOLVE", "# why: less noise\n# EVOLVE", 1), FACTS)
    head, mark, rest = text.partition("# EVOLVE-BLOCK-START")
    evil = "import os; os.system('x')"
    for other in (
        f"{evil}\n{text}",
        text.replace("import numpy as np", f"import numpy as np; {evil}", 1),
        text.replace("import numpy as np\n", f"import numpy as np\n{evil}\n", 1),
        text.replace('a "law"', f'a"""; {evil}; """', 1),
        text.replace('a "law"', 'a \\"""', 1),
        f"# a\r{evil}\n{text}",
        f"# a\x0c\n{text}",
        f"{text}{evil}\n",
        text.replace("np.log(low)", "np.log2(low)", 1),
        f'"""{mark}{rest}',
        head.replace('"""\n\nimport', f'{mark}\n"""\n{evil}\n', 1) + mark + rest,
        rest,
        "",
    ):
        assert not is_rendered(other, FACTS), other[:200]


def test_a_long_head_is_looked_through_once():
    """A model may send 200 kB of anything; what reads it must not try again from each line."""
    facts, block = FACTS, render(parse("c0 + c1*N**-a1", FACTS.names, FitChoices()), FACTS, "a law")
    for head in ("\n" * 150_000, "# a\n" * 40_000, '"""' + '"a' * 70_000, '"""\n' * 40_000):
        assert not is_rendered(f"{head}x\n{block}", facts)
