"""A user's own table as a task: added, listed, loaded, evolved, removed; and everything that can be wrong."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import tasks
from tasks import user
from tasks.adding import Wish, add
from tasks.cli import main
from tasks.split import validation_folds


@pytest.fixture(autouse=True)
def closed_world(monkeypatch, tmp_path):
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "user"))
    monkeypatch.delenv("SLD_DATA_DIR", raising=False)


def frame(seed=0):
    """Two groups, six sizes, three amounts of data: awkward floats, a second target, a column of text."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            g,
            N * (1 + 1e-9 / 3),
            D,
            1.5 + 300 * N**-0.33 + 400 * D**-0.28 + rng.normal() / 300,
            rng.normal(),
            "x",
        )
        for g in ("0.1", "b, c")
        for N in 10.0 ** np.arange(6, 12)
        for D in (1e9, 1e10, 1e11)
    ]
    return pd.DataFrame(rows, columns=["recipe", "N", "D", "loss", "other", "remark"])


def table(tmp_path, change=lambda f: f, name="my runs.csv"):
    path = tmp_path / name
    changed = change(frame())
    changed.to_csv(path, index=False) if path.suffix == ".csv" else changed.to_parquet(path)
    return path


def wish(path, **changes):
    base = {"features": ("N", "D"), "targets": ("loss",), "group": "recipe", "extrapolate": ("N",)}
    return Wish(path, **{**base, **changes})


def added(path, **changes):
    return add(wish(path, **changes), tasks.RESERVED_NAMES).task


def adding(path):
    """The same as a command."""
    columns = ["--features", "N,D", "--target", "loss", "--group", "recipe", "--extrapolate", "N"]
    return ["add", str(path), *columns]


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_what_is_added_is_loaded_to_the_last_bit(tmp_path, end):
    path = table(tmp_path, name=f"Runs 2.{end}")
    task = added(path, units={"N": "parameters"}, budget=5)
    again = tasks.load("Runs_2")
    source = frame()
    kept = source[source.N < 5e10]
    assert again.spec == task.spec and again.spec.features[0].unit == "parameters"
    assert np.array_equal(again.train.X, kept[["N", "D"]].to_numpy())
    assert np.array_equal(again.train.y[:, 0], kept["loss"].to_numpy())
    assert again.train.group.tolist() == kept["recipe"].tolist(), "labels keep their dots and commas"
    assert len(again.heldout) == 6
    assert again.provenance.kind == "user" and not again.provenance.simulated
    assert (again.provenance.train_hash, again.provenance.heldout_hash) == (
        task.provenance.train_hash,
        task.provenance.heldout_hash,
    )
    assert "sha256" in (user.user_tasks_dir() / "Runs_2" / "spec.yaml").read_text()


def test_priors_are_kept_with_the_task(tmp_path):
    task = added(table(tmp_path), name="known", falls_with=("N",), rises_with=("D",))
    assert tasks.load("known").spec == task.spec
    assert (task.spec.falls_with, task.spec.rises_with) == (("N",), ("D",))
    with pytest.raises(tasks.BadSpec, match="falls_with, rises_with or paired is not a feature"):
        added(table(tmp_path), name="odd", falls_with=("nothing",))
    with pytest.raises(tasks.BadSpec, match="'D' is under falls_with and rises_with"):
        added(table(tmp_path), name="odd", falls_with=("N", "D"), rises_with=("D",))
    with pytest.raises(tasks.BadSpec, match="give one for each target"):
        added(table(tmp_path), name="odd", paired=("N", "D"))


def test_the_held_out_share_takes_whole_levels_beyond(tmp_path):
    path = table(tmp_path)
    for share, levels in ((0.05, 1), (0.2, 1), (0.3, 2), (0.9, 4)):
        task = added(path, name=f"t{levels}-{int(100 * share)}", heldout=share)
        assert len(np.unique(task.train.X[:, 0])) == 6 - levels


def test_several_targets_no_group_and_a_limit(tmp_path):
    task = added(
        table(tmp_path),
        targets=("loss", "other"),
        group=None,
        extrapolate=(),
        heldout_above={"N": 5e9, "D": 5e10},
    )
    assert task.train.y.shape[1] == 2 and task.train.groups() == ["all_data"]
    assert (task.train.X <= [5e9, 5e10]).all()
    assert task.spec.extrapolate == ("N", "D")
    corner = added(
        table(tmp_path), name="corner", extrapolate=(), heldout_above={"N": 5e9, "D": 5e10}, corner=True
    )
    assert len(corner.heldout) == 2 * 2
    assert corner.spec.split_rule == "held out: N > 5e+09 and D > 5e+10"


def test_a_group_too_small_to_cut_keeps_its_rows(tmp_path):
    def change(f):
        return f[(f.recipe == "0.1") | ((f.N < 2e7) & (f.D < 2e9))]

    task = added(table(tmp_path, change))
    assert (task.train.group == "b, c").sum() == 2


CASES = [
    ({"features": ("N", "Q")}, None, "no column 'Q'; columns are recipe, N, D"),
    ({"targets": ("los",)}, None, "no column 'los'; did you mean 'loss'"),
    ({"group": "recip"}, None, "did you mean 'recipe'"),
    ({"features": ("N", "N")}, None, "column 'N' is used more than once"),
    ({"targets": ("N",)}, None, "column 'N' is used more than once"),
    ({"features": ("N", "remark")}, None, "remark must be a finite number: 36 of 36 rows"),
    ({"extrapolate": ("loss",)}, None, "extrapolation axis 'loss' is not a feature"),
    ({"extrapolate": ()}, None, "Name a feature with --extrapolate: N, D"),
    ({"units": {"Q": "m"}}, None, "--units names 'Q'"),
    ({"extrapolate": (), "heldout_above": {"loss": 1.0}}, None, "--heldout-above names 'loss'"),
    ({"extrapolate": (), "heldout_above": {"N": 1e99}}, None, "nothing would be held out"),
    ({"extrapolate": (), "heldout_above": {"N": 0.0}}, None, "at least 3 must stay in train"),
    ({"name": "moe"}, None, "a task that comes along"),
    ({"name": "all"}, None, "comes along"),
    ({"name": "../up"}, None, "can't name a task"),
    ({}, lambda f: f.assign(N=7.0), "N is 7 in every row"),
    (
        {},
        lambda f: f.assign(D=f.D.where(f.index != 4)),
        "D must be a finite number: 1 of 36 rows are not (first: line 6, the cell is empty)",
    ),
    ({}, lambda f: f[f.N < 2e7], "no rows can be held out"),
    ({}, lambda f: f.head(0), "the table has none"),
    ({}, lambda f: f[f.D == 1e9].assign(loss=2.0), "no score exists: 2 rows, all with loss=2, are held out"),
]


@pytest.mark.parametrize(("changes", "change", "message"), CASES, ids=[c[2][:24] for c in CASES])
def test_bad_input_gets_one_line_and_leaves_nothing(tmp_path, changes, change, message):
    path = table(tmp_path, change or (lambda f: f))
    with pytest.raises(tasks.TaskError) as error:
        added(path, **changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert tasks.user_names() == []


def test_a_task_is_replaced_only_when_told_to_and_whole(tmp_path):
    path = table(tmp_path)
    first = added(path)
    with pytest.raises(tasks.BadSpec, match="--force"):
        added(path, heldout=0.5)
    assert tasks.load("my_runs").provenance.train_hash == first.provenance.train_hash
    add(wish(path, heldout=0.5), tasks.RESERVED_NAMES, force=True)
    assert tasks.load("my_runs").provenance.train_hash != first.provenance.train_hash
    assert [p.name for p in user.user_tasks_dir().iterdir()] == ["my_runs"], "no half-made folder is left"


def test_a_half_written_folder_is_no_task(tmp_path, monkeypatch):
    added(table(tmp_path))
    (user.user_tasks_dir() / "my_runs" / "test.csv").unlink()
    (user.user_tasks_dir() / ".part-x").mkdir()
    assert tasks.user_names() == []
    with pytest.raises(tasks.UnknownTask):
        tasks.load("my_runs")


def test_a_write_that_dies_half_way_leaves_the_old_task(tmp_path, monkeypatch):
    first = added(table(tmp_path))
    real = user.os.fsync
    calls = iter(range(10))

    def dying(fd):
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(user.os, "fsync", dying)
    with pytest.raises(tasks.DataUnavailable, match="No space left"):
        add(wish(table(tmp_path), heldout=0.5), tasks.RESERVED_NAMES, force=True)
    assert tasks.load("my_runs").provenance.train_hash == first.provenance.train_hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("unit: '1'", "unit: 3", 1), "features[0].unit: expected text, got 3"),
        (lambda s: s.replace("features:", "feature:"), "feature: no such key; did you mean 'features'"),
        (lambda s: s.replace("constants_budget: null", "constants_budget: 0"), "constants_budget: expected an integer >= 1"),
        (lambda s: s.replace("corner: false", "corner: maybe"), "corner: expected true or false"),
        (lambda s: s.replace("name: my_runs", "name: other"), "expected 'my_runs' as the folder"),
        (lambda s: "features: [", "no readable YAML"),
        (lambda s: "[]", "expected keys with values"),
    ],
)  # fmt: skip
def test_an_edited_spec_is_checked_key_by_key(tmp_path, change, message):
    added(table(tmp_path))
    path = user.user_tasks_dir() / "my_runs" / "spec.yaml"
    path.write_text(change(path.read_text()))
    with pytest.raises(tasks.BadSpec) as error:
        tasks.load("my_runs")
    assert message in str(error.value) and str(path) in str(error.value)


def test_the_command_adds_shows_lists_and_removes(tmp_path, capsys):
    path = table(tmp_path)
    argv = adding(path)
    assert main([*argv, "--units", "N=parameters", "--budget", "5"]) == 0
    said = capsys.readouterr().out
    assert "train: 30 rows in 2 groups" in said and "6 rows, sealed" in said
    assert "harness evolve --task my_runs" in said
    assert main(["list", "--json"]) == 0
    listed = {f["name"]: f for f in json.loads(capsys.readouterr().out)}
    assert listed["my_runs"]["train_rows"] == 30 and listed["my_runs"]["source"] == "user"
    assert listed["finetune_vocab"]["source"] == "nano" and listed["parallel"]["train_rows"] is None
    assert main(["show", "my_runs"]) == 0
    assert "N [parameters]" in capsys.readouterr().out
    assert main(argv) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["remove", "my_runs"]) == 0
    assert main(["remove", "my_runs"]) == 2
    assert main(["remove", "moe"]) == 2
    assert tasks.user_names() == []


@pytest.mark.parametrize("width", [80, 160])
def test_the_list_reads_well_at_both_widths(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    shown = " ".join(shown.split())
    unit = ["[characters]"] if width > 100 else []
    for word in ("finetune_vocab", "nano", *unit, "vocab_size", "none found", "SLD_DATA_DIR"):
        assert word in shown


def test_a_missing_file_and_wrong_usage(tmp_path, capsys):
    argv = adding(tmp_path / "none.csv")
    assert main(argv) == 2
    assert "no such file" in capsys.readouterr().err
    for wrong in (["--heldout", "2"], ["--budget", "0"], ["--units", "N"], ["--heldout-above", "N=big"]):
        with pytest.raises(SystemExit) as stop:
            main([*argv, *wrong])
        assert stop.value.code == 2


def test_an_added_task_is_evolved_like_any_other(tmp_path, capsys):
    from harness.commands import evolve

    added(table(tmp_path), budget=5)
    options = ["--task", "my_runs", "--evaluations", "8", "--workers", "1", "--json"]
    code = evolve.main([*options, "--out", str(tmp_path / "runs")])
    summary = json.loads(capsys.readouterr().out)
    assert code == 0
    assert summary["heldout"]["r2"] > 0.99, "the surface it was made from is a starting law"
    assert summary["published"] == []


def test_a_user_s_own_split(tmp_path):
    rows = frame()
    held = rows[rows.N > 5e10]
    rows[rows.N < 5e10].to_csv(tmp_path / "train.csv", index=False)
    held.to_csv(tmp_path / "test.csv.gz", index=False)
    one = added(tmp_path / "train.csv", name="files", heldout_file=tmp_path / "test.csv.gz")
    rows.assign(split=np.where(rows.N > 5e10, "Test", "train")).to_csv(tmp_path / "all.csv", index=False)
    two = added(tmp_path / "all.csv", name="column", split="split")
    for task in (one, two):
        assert np.array_equal(task.train.X, rows[rows.N < 5e10][["N", "D"]].to_numpy())
        assert len(task.heldout) == len(held)
    assert one.provenance.heldout_hash == two.provenance.heldout_hash
    with pytest.raises(tasks.BadTable, match=r"line 2 says .0\.1.; expected train or heldout"):
        added(tmp_path / "all.csv", name="odd", split="recipe")
    with pytest.raises(tasks.BadTable, match="no column 'part'"):
        added(tmp_path / "all.csv", name="odd", split="part")


def test_an_axis_may_be_a_product(tmp_path):
    task = added(table(tmp_path), name="compute", extrapolate=("6*N*D",), heldout=0.3)
    assert tasks.load("compute").spec.extrapolate == ("6*N*D",)
    assert task.spec.axis_features == ("N", "D")
    rows = frame()
    for recipe in rows.recipe.unique():
        kept = task.train.X[task.train.group == recipe]
        assert (kept[:, 0] * kept[:, 1]).max() < 1e21
    for axis, says in (
        ("N*Q", "not a feature, nor a product"),
        ("N+D", "expected \\* or / before"),
        ("loss", "not a feature"),
    ):
        with pytest.raises(tasks.BadSpec, match=says):
            added(table(tmp_path), name="odd", extrapolate=(axis,))


def test_where_nothing_extrapolates_and_how_far_groups_reach(tmp_path):
    task = added(table(tmp_path), name="mixture", extrapolate=(), interpolate=True, heldout=0.25)
    assert task.spec.extrapolate == () and len(task.heldout) == 8
    with pytest.raises(tasks.BadSpec, match="--interpolate says that nothing extrapolates"):
        added(table(tmp_path), name="odd", interpolate=True)
    far = added(table(tmp_path), name="far", within=30.0)
    assert far.train.X[:, 0].max() < 1e10 and len(far.heldout) == 12
    with pytest.raises(tasks.BadTable, match="ask for a smaller factor"):
        added(table(tmp_path), name="odd", within=1e9)


def test_rows_that_crashed_are_left_out_and_counted(tmp_path, capsys):
    def change(f):
        f = f.astype({"loss": object})
        f.loc[3, "loss"], f.loc[4, "remark"] = None, "crashed"
        return f

    path = table(tmp_path, change)
    base = adding(path)
    assert main(base) == 2
    assert "line 5, the cell is empty" in capsys.readouterr().err
    assert main([*base, "--drop-missing", "--where", "remark==x"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "kept 35 of 36 rows where remark==x" in said
        and "left out 1 of 35 rows: 1 with no finite loss" in said
    )


def test_groups_of_three_rows_are_not_refused(tmp_path):
    rows = pd.DataFrame(
        [(g, x, 2 + x**-0.3 + i / 9) for i, g in enumerate("abcd") for x in (1.0, 2.0, 4.0, 8.0)],
        columns=["family", "flops", "loss"],
    )
    rows.to_csv(tmp_path / "families.csv", index=False)
    wish_ = {"features": ("flops",), "group": "family", "extrapolate": ("flops",)}
    task = added(tmp_path / "families.csv", **wish_)
    assert len(task.train) == 12 and len(task.heldout) == 4
    assert len(validation_folds(task.spec, task.train)) >= 1


@pytest.mark.skipif(
    "SLD_CORPUS_DIR" not in os.environ, reason="set SLD_CORPUS_DIR to a folder of tables with table.yaml"
)
def test_every_table_of_a_corpus_is_added_by_one_command(tmp_path, capsys):
    refused = {}
    for facts_file in sorted(Path(os.environ["SLD_CORPUS_DIR"]).glob("*/table.yaml")):
        facts = yaml.safe_load(facts_file.read_text())
        argv = ["add", str(facts_file.parent / "rows.csv"), "--features", ",".join(facts["features"])]
        argv += ["--target", ",".join(facts["targets"]), "--name", facts["name"], "--split", "split"]
        argv += ["--group", "group"] * (facts["group"] is not None) + ["--corner"] * facts["corner"]
        mixture = "interpolation" in facts["kind"]
        argv += ["--interpolate"] if mixture else ["--extrapolate", ",".join(facts["extrapolate_axes"])]
        if main(argv) != 0:
            refused[facts["name"]] = capsys.readouterr().err
        else:
            task = tasks.load(facts["name"])
            assert (len(task.train), len(task.heldout)) == (facts["rows"]["train"], facts["rows"]["heldout"])
    assert not refused


def test_budgets_of_groups_and_a_reach_are_declared_when_a_task_is_added(tmp_path, capsys):
    path = table(tmp_path, lambda f: f.replace({"b, c": "small"}))
    argv = adding(path)
    assert main([*argv, "--budget", "5,small=3", "--reach", "N=4,D=2"]) == 0
    spec = tasks.load("my_runs").spec
    assert (spec.constants_budget, spec.group_budgets, spec.reach) == (
        5,
        (("small", 3),),
        (("N", 4.0), ("D", 2.0)),
    )
    assert (spec.budget_of("small"), spec.budget_of("0.1"), spec.least_budget) == (3, 5, 3)
    capsys.readouterr()
    assert main(["show", "my_runs"]) == 0
    assert "at most 5 constants, 3 in group small" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--budget", "smal=3"), "names the group 'smal', which the table does not have; it has 0.1, b, c"),
        (("--budget", "5,6"), "each once"),
        (("--budget", "=3"), "N or GROUP=N"),
        (("--budget", "x=0"), "integer >= 1"),
        (("--reach", "M=4"), "'M' under reach is not a feature"),
        (("--reach", "N=0"), "factor > 0 for N"),
    ],
)
def test_a_wrong_budget_or_reach_is_named(tmp_path, capsys, option, says):
    try:
        code = main([*adding(table(tmp_path)), *option])
    except SystemExit as end:
        code = end.code
    assert code == 2 and says in capsys.readouterr().err
    assert tasks.user_names() == []


def test_what_a_spec_says_reaches_the_screen_as_text(tmp_path, capsys):
    added(table(tmp_path))
    spec = next((tmp_path / "user").rglob("spec.yaml"))
    said = yaml.safe_load(spec.read_text())
    said["title"] = "\x1b]0;owned\x07[/] [bold]runs[/bold]\u202e"
    said["features"][0]["unit"] = "\x1b[2J"
    spec.write_text(yaml.safe_dump(said))
    capsys.readouterr()
    for command in (["show", "my_runs"], ["list"]):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert not any((c < " " and c != "\n") or c == "\u202e" for c in out)
        if command[0] == "show":
            assert "\\x1b]0;owned" in out and "[/] [bold]runs[/bold]\\u202e" in out
            assert "\\x1b[2J" in out
