"""What a stranger meets first: help, wrong input, closed pipes, exit codes, and how little it takes to say so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.errors import BadRun
from harness.terminal.edges import HUNG_UP, STOPPED, WRONG, Parser, alias, command
from harness.terminal.options import amount, count, number, positive, seed, share

ROOT = Path(__file__).resolve().parents[2]
SLOW_TO_LOAD = {
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "matplotlib",
    "openai",
    "joblib",
    "sympy",
    "rich",
    "yaml",
}


def said(*argv, capsys):
    """Exit code, output and errors of the console script."""
    try:
        code = cli.main(list(argv))
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def loaded_by(code):
    """Top-level modules that a fresh interpreter holds after running `code`, and dotted names of SciPy's parts."""
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = done.stderr.split()
    return {name.partition(".")[0] for name in names} | {n for n in names if n.count(".") == 1}


def test_importing_the_harness_loads_no_library():
    assert not loaded_by("import harness") & SLOW_TO_LOAD


WHAT_HELP_MAY_LOAD = {"numpy", "yaml", "rich"}
"""What packages below the commands hold on to; everything else takes longer to load than a help to read."""
BELOW = {"curves", "tasks", "fit", "study", "plot", "promote", "hint", "verify", "export", "doctor"}
"""Commands whose options lie in modules that need those."""
PARTS = ("curves predict", "study run", "study check", "study design", "tasks add")


@pytest.mark.parametrize("name", [*cli.COMMANDS, *PARTS])
def test_help_waits_for_no_library(name):
    """A help is read between two tries of a command; what the command needs loads once its options are read."""
    code = f"from harness import cli\ntry: cli.main([*{name.split()!r}, '--help'])\nexcept SystemExit: pass"
    may = WHAT_HELP_MAY_LOAD if name.split()[0] in BELOW else set()
    assert not loaded_by(code) & (SLOW_TO_LOAD - may)


def test_what_options_name_is_what_there_is():
    """Names stand in the options so that a help need not load what they name; a new one must not be missing there."""
    from curves.plan import PLANS
    from curves.schedules import NAMES
    from harness.config import Config
    from harness.curves import predict
    from harness.study import command as study
    from harness.study import design

    assert tuple(design.SURFACES) == study.SURFACES
    assert tuple(NAMES) == predict.SCHEDULE_LAWS
    assert PLANS in " ".join(predict.parser().format_help().split())
    usual = Config()
    assert (usual.evolve.workers, usual.limits.fit_cpu_s, usual.limits.memory_mb) == (2, 30, 1024)


def test_a_run_of_formulas_loads_no_client_of_models_and_no_plots():
    held = loaded_by("import harness.commands.evolving, harness.proposers.registry")
    assert "numpy" in held
    assert not held & {"openai", "matplotlib", "sympy"}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_every_command_names_the_console_script(name, capsys):
    code, out, _ = said(name, "--help", capsys=capsys)
    assert code == 0
    assert f"usage: harness {name}" in out and len(out) > 300
    assert "python -m" not in out


def test_version(capsys):
    code, out, _ = said("--version", capsys=capsys)
    assert (code, out.split()[0]) == (0, "harness") and out.split()[1][0].isdigit()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["evolv"], "error: no command 'evolv'; did you mean 'evolve'?"),
        (["curves", "predct"], "error: no command 'predct'; did you mean 'predict'?"),
        (["tasks", "lst"], "error: no command 'lst'; did you mean 'list'?"),
        (["study", "chek"], "error: no command 'chek'; did you mean 'check'?"),
        (["evolve", "--proposer", "formla"], "error: no --proposer 'formla'; did you mean 'formula'?"),
        (["evolve", "--evaluatons", "3"], "error: no option --evaluatons; did you mean --evaluations?"),
        (["evolve", "--task", "finetune_vocb"], "did you mean 'finetune_vocab'?"),
        (["evolve", "--minutes", "abc"], "error: argument --minutes: expected a number > 0, got 'abc'"),
        (["curves", "predict", "x.csv", "--final-step", "abc"], "expected a number > 0, got 'abc'"),
        (["curves", "predict", "no_such_file.csv"], "no_such_file.csv"),
        (["fit", "no_such_file.csv", "--law", "chinchilla"], "no_such_file.csv"),
        (["leaderboard", "--task", "mooe"], "did you mean 'moe'?"),
        (["export", "no_such_run"], "no_such_run"),
        (["doctor", "--without", "seccmp"], "did you mean 'seccomp'?"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(argv, told, capsys):
    code, out, err = said(*argv, capsys=capsys)
    assert code == WRONG
    assert told in err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        (count, ("0", "-1", "1.5", "many", ""), "an integer >= 1"),
        (seed, ("-1", "1.5", "x"), "an integer >= 0"),
        (number, ("x", "nan", "inf"), "a number"),
        (positive, ("0", "-1", "nan", "inf", "abc"), "a number > 0"),
        (amount, ("-1", "nan", "inf", "abc"), "a number >= 0"),
        (share, ("0", "1", "nan", "half"), "a share between 0 and 1"),
    ],
)
def test_kinds_of_value_say_what_they_expect(kind, wrong, told):
    for text in wrong:
        with pytest.raises(Exception, match=f"expected {told}, got {text!r}"):
            kind(text)


def test_a_former_name_of_an_option_still_works_and_is_not_shown():
    parser = Parser(prog="x")
    alias(parser, "--data", parser.add_argument("--data-dir", dest="data", default="here"))
    assert parser.parse_args([]).data == "here"
    assert (
        parser.parse_args(["--data", "there"]).data
        == parser.parse_args(["--data-dir", "there"]).data
        == "there"
    )
    assert "--data " not in parser.format_help()


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (BadRun("runs/x: expected a run"), WRONG, "error: runs/x: expected a run\n"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), WRONG, "'a.csv'"),
        (KeyboardInterrupt(), STOPPED, "stopped\n"),
        (BrokenPipeError(), HUNG_UP, ""),
    ],
)
def test_the_edge_turns_what_is_raised_into_a_line_and_a_code(raised, code, told, capsys):
    @command
    def main(argv=None):
        raise raised

    assert main([]) == code
    assert told in capsys.readouterr().err


def test_our_own_mistakes_keep_their_traceback():
    @command
    def main(argv=None):
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        main([])


@pytest.mark.parametrize("argv", [["--help"], ["evolve", "--help"], ["leaderboard", "--help"]])
def test_a_reader_that_hangs_up_is_no_error(argv):
    read, write = os.pipe()
    os.close(read)  # nobody reads: as `| head` that has ended
    done = subprocess.run(
        [sys.executable, "-m", "harness", *argv], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode in (0, HUNG_UP)  # argparse itself passes over a help nobody reads
    assert done.stderr == ""


def test_a_users_own_tasks_py_is_named_in_one_line(tmp_path):
    (tmp_path / "tasks.py").write_text("Task = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "harness.evolve", "--help"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert f"our package 'tasks' is hidden by {tmp_path / 'tasks.py'}" in done.stderr
