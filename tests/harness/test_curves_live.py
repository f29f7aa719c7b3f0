"""`harness.curves predict`: endpoint, interval, targets, schedule laws, following a growing log."""

import contextlib
import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curves.answer import Means, answer
from curves.schedules import Schedule, ScheduleLaw
from fitting.errors import BadData
from harness import curves
from harness.curves import live as curves_live
from harness.curves import predict
from harness.curves.clean import clean
from harness.errors import BadHistory
from tables.logs import read_history

SEED = 7
FINAL = 10_000


def loss_at(step):
    """A curve that the power form can follow."""
    return 2.0 + 0.9 * ((np.asarray(step) / FINAL + 0.02) ** -0.4 - 1.02**-0.4)


def log(path, until=0.5, n=100, noise=0.001, **columns):
    rng = np.random.default_rng(SEED)
    step = np.arange(1, int(n * until) + 1) * (FINAL // n)
    table = pd.DataFrame({"step": step, "val_loss": loss_at(step) + noise * rng.standard_normal(len(step))})
    for name, rate in columns.items():
        table[name] = rate(step) if callable(rate) else rate * step
    table.to_csv(path, index=False)
    return str(path)


def predicted(path):
    history = read_history(path)
    return answer(curves_live._run(history, clean(history), FINAL))


def run(capsys, *args):
    code = curves.main(["predict", *args])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_end_of_a_curve_and_its_interval(tmp_path, capsys):
    code, out, _ = run(capsys, log(tmp_path / "a.csv"), "--final-step", "10000", "--json")
    found = json.loads(out)
    assert code == 0 and found["method"] == "power laws in progress" and found["schedule"] == "unknown"
    assert found["low"] < found["endpoint"] < found["high"]
    assert found["low"] < loss_at(FINAL) < found["high"]
    assert found["uncalibrated"] == pytest.approx(loss_at(FINAL), abs=0.02)
    assert found["curve"]["middle"][-1] == pytest.approx(found["endpoint"])
    assert found["step"] == 5000 and found["curve"]["step"][0] == 5000 and found["curve"]["step"][-1] == FINAL


def test_later_predictions_are_surer(tmp_path):
    widths = []
    for until in (0.3, 0.6, 0.9):
        found = predicted(log(tmp_path / "a.csv", until))
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


def test_targets_in_steps_tokens_and_time(tmp_path, capsys):
    path = log(tmp_path / "a.csv", until=0.8, tokens=1000.0, wall_time=2.0)
    _code, out, _ = run(
        capsys,
        path,
        "--final-step",
        "10000",
        "--json",
        *["--target", "2.05", "--target", "2.5", "--target", "0.5"],
    )
    soon, past, never = json.loads(out)["targets"]
    best, middle, worst = soon["step"]
    assert 8000 <= best <= middle and (worst is None or worst >= middle)
    assert loss_at(middle) == pytest.approx(2.05, abs=0.01)
    assert soon["tokens"][1] == pytest.approx(1000 * middle)
    assert soon["seconds"][1] == pytest.approx(2 * (middle - 8000))
    assert past["reached"] < 8000 and past["seconds"][1] == 0
    assert never["step"] == [None] * 3
    _, text, _ = run(
        capsys, path, "--final-step", "10000", *["--target", "2.05", "--target", "2.5", "--target", "0.5"]
    )
    assert "tokens, in " in text and "reached at step" in text and "nor at the interval's low end" in text


def test_a_finished_run_is_told_as_it_ended(tmp_path, capsys):
    _, out, _ = run(
        capsys, log(tmp_path / "a.csv", until=1.0, noise=0), "--final-step", "10000", "--target", "1"
    )
    assert "finished, loss 2.0000" in out and "not reached" in out


def test_the_planned_end_may_be_logged_and_must_be_known(tmp_path, capsys):
    path = log(tmp_path / "a.csv", total_steps=lambda s: np.full(len(s), FINAL))
    assert "of 10,000" in run(capsys, path)[1]
    code, _, err = run(capsys, log(tmp_path / "b.csv"))
    assert code == 2 and "--final-step" in err
    code, _, err = run(capsys, path, "--final-step", "100")
    assert code == 2 and "before the last row, step 5,000" in err


def test_what_was_cleaned_is_told(tmp_path, capsys):
    table = pd.read_csv(log(tmp_path / "a.csv"))
    table.loc[20, "val_loss"] = 9.0
    table.loc[30, "val_loss"] = np.nan
    again = table[table["step"] > 4000]
    text = pd.concat([table, again]).to_csv(index=False) + "5100,2."
    (tmp_path / "a.csv").write_text(text)
    dirty = json.loads(run(capsys, str(tmp_path / "a.csv"), "--final-step", "10000", "--json")[1])
    for word in ("no line break", "no finite loss", "resumed 1 times", "warm-up", "1 spikes"):
        assert any(word in n for n in dirty["notes"]), word
    tidy = json.loads(run(capsys, log(tmp_path / "b.csv"), "--final-step", "10000", "--json")[1])
    assert dirty["endpoint"] == pytest.approx(tidy["endpoint"], abs=2e-3)


def test_a_diverging_run_is_warned_of(tmp_path):
    table = pd.read_csv(log(tmp_path / "a.csv"))
    table["val_loss"] += np.maximum(table["step"] - 2500, 0) / 2000
    table.to_csv(tmp_path / "a.csv", index=False)
    found = predicted(str(tmp_path / "a.csv"))
    assert any("diverging" in w for w in found.warnings)


def test_a_plot_is_written_and_its_kind_checked(tmp_path, capsys):
    path = log(tmp_path / "a.csv")
    for name in ("a.png", "a.svg"):
        assert (
            run(capsys, path, "--final-step", "10000", "--target", "2.1", "--plot", str(tmp_path / name))[0]
            == 0
        )
        assert (tmp_path / name).stat().st_size > 5000
    code, _, err = run(capsys, path, "--final-step", "10000", "--plot", str(tmp_path / "a.txt"))
    assert code == 2 and ".png, .svg or .pdf" in err


def test_following_a_growing_log_until_its_end(tmp_path, capsys):
    path = tmp_path / "a.csv"
    whole = Path(log(tmp_path / "whole.csv", until=1.0)).read_text().splitlines(keepends=True)

    def grow():
        for upto in (2, 30, 60, 101):
            path.write_text("".join(whole[:upto]) + ("99" if upto < 101 else ""))  # half a line
            time.sleep(0.4)

    writer = threading.Thread(target=grow)
    writer.start()
    code, out, err = run(capsys, str(path), "--final-step", "10000", "--follow", "--every", "0.1", "--json")
    writer.join()
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and "waiting:" in err
    assert [found["step"] for found in lines] == sorted({found["step"] for found in lines})
    assert lines[-1]["finished"] and lines[-1]["step"] == FINAL and len(lines) >= 2


def test_following_a_run_that_stops_ends_by_patience(tmp_path, capsys):
    path = log(tmp_path / "a.csv")
    code, out, err = run(
        capsys, path, *["--final-step", "10000", "--follow", "--every", "0.05", "--patience", "0.2"]
    )
    assert code == 0 and out.count("predicted end") == 1 and "may have stopped" in err


def test_a_growing_megatron_log_is_followed_row_by_row(tmp_path, capsys):
    """By the defaults of the command: the next rows are written once the last ones were answered."""
    path = tmp_path / "megatron.log"
    answered, said = threading.Event(), []

    def line(step):
        return (
            f" iteration {step:8d}/   10000 | consumed samples: {step * 256:12d} | elapsed time per iteration (ms): 900.1 | "
            f"learning rate: 3.000000E-04 | lm loss: {loss_at(step):.6E} | loss scale: 1.0 |\n"
        )

    def grow():
        for upto in (3000, 3100, 3200):
            answered.clear()
            with path.open("a") as file:
                file.writelines(
                    line(s)
                    for s in range(upto - 99 if upto > 3000 else 100, upto + 1, 100 if upto == 3000 else 33)
                )
            if not answered.wait(60):
                return

    class Said:
        def write(self, text):
            if "predicted end" in text:
                said.append(text)
                answered.set()

        def flush(self):
            pass

    writer = threading.Thread(target=grow)
    writer.start()
    args = predict.parser().parse_args([str(path), "--follow", "--patience", "3"])
    with contextlib.redirect_stdout(Said()):
        assert curves_live.follow(args, lambda: curves_live._once(args, Means())) == 0
    writer.join()
    assert args.every <= 1 and len(said) == 3
    assert [text.split(" of ")[0].split()[-1] for text in said] == ["3,000", "3,100", "3,200"]


def test_an_unchanged_file_is_not_read_again(tmp_path, capsys):
    args = predict.parser().parse_args([log(tmp_path / "a.csv"), "--final-step", "10000", "--follow"])
    reads, looks = [], iter([None] * 5)

    def sleep(_):
        if next(looks, "end") == "end":
            raise KeyboardInterrupt

    def once():
        reads.append(1)
        return curves_live._once(args, Means())

    assert curves_live.follow(args, once, sleep=sleep) == 0
    assert len(reads) == 1


def test_a_plateau_and_a_long_silence_are_the_first_line(tmp_path, capsys):
    table = pd.read_csv(log(tmp_path / "a.csv", wall_time=2.0))
    rng = np.random.default_rng(0)
    table.loc[20:, "val_loss"] = table["val_loss"][20] + 1e-4 * rng.standard_normal(len(table) - 20)
    table.to_csv(tmp_path / "a.csv", index=False)
    code, out, _ = run(capsys, str(tmp_path / "a.csv"), "--final-step", "10000")
    assert code == 0 and out.splitlines()[0].startswith("a: plateau: flat since step")
    old = time.time() - 7200
    os.utime(tmp_path / "a.csv", (old, old))
    code, out, _ = run(capsys, str(tmp_path / "a.csv"), "--final-step", "10000")
    first = out.splitlines()[0]
    assert (
        "plateau" in first
        and "no new row for 2.0 h, where one came every" in first
        and "may have stopped" in first
    )
    _, out, _ = run(capsys, str(tmp_path / "a.csv"), "--final-step", "10000", "--json")
    assert "no new row" in json.loads(out)["state"]


def test_negative_losses_are_predicted(tmp_path, capsys):
    """A log-likelihood of densities: the prediction of the same curve, four nats lower."""
    said = []
    for shift in (0.0, -4.0):
        table = pd.read_csv(log(tmp_path / "a.csv", noise=0))
        table["val_loss"] += shift
        table.to_csv(tmp_path / "a.csv", index=False)
        options = ("--final-step", "10000", "--json", "--target", str(2.1 + shift))
        code, out, _ = run(capsys, str(tmp_path / "a.csv"), *options)
        assert code == 0
        said.append(json.loads(out))
    above, below = said
    assert below["low"] < below["endpoint"] < below["high"] < 0
    assert below["uncalibrated"] == pytest.approx(loss_at(FINAL) - 4.0, abs=0.03)
    for name in ("loss", "low", "endpoint", "high"):
        assert below[name] == pytest.approx(above[name] - 4.0, abs=1e-3)
    assert below["targets"][0]["step"][1] == pytest.approx(above["targets"][0]["step"][1], rel=0.01)


def test_following_ends_on_ctrl_c(tmp_path, capsys):
    args = predict.parser().parse_args([log(tmp_path / "a.csv"), "--final-step", "10000", "--follow"])

    def stop(_):
        raise KeyboardInterrupt

    assert curves_live.follow(args, lambda: curves_live._once(args, Means()), sleep=stop) == 0


# Calibration


def test_calibrating_on_ones_own_runs(tmp_path, capsys):
    parts = []
    rng = np.random.default_rng(SEED)
    for i in range(9):
        step = np.arange(1, 101) * 100
        loss = loss_at(step) * rng.uniform(0.9, 1.1) + 0.001 * rng.standard_normal(100)
        parts.append(pd.DataFrame({"run_id": f"r{i}", "step": step, "val_loss": loss}))
    pd.concat(parts).to_csv(tmp_path / "done.csv", index=False)
    path = log(tmp_path / "a.csv")
    args = ("--final-step", "10000", "--json")
    own = json.loads(run(capsys, path, *args, "--calibrate-on", str(tmp_path / "done.csv"))[1])
    public = json.loads(run(capsys, path, *args)[1])
    assert own["high"] - own["low"] < public["high"] - public["low"]
    assert own["low"] <= loss_at(FINAL) <= own["high"]
    assert own["calibration"] == "your own finished runs: 9 with unknown rate (any schedule)"
    assert public["calibration"] == "public runs (any schedule)"
    files = []
    for i in (0, 1):
        files.append(str(tmp_path / f"own{i}.csv"))
        parts[i].drop(columns="run_id").to_csv(files[-1], index=False)
    code, _, err = run(capsys, path, *args, "--calibrate-on", *files)
    assert code == 2 and "needs 3 finished runs" in err and "got 2" in err
    unfinished = parts[0][:50].assign(total_steps=FINAL)
    unfinished.to_csv(files[0], index=False)
    assert "not reached its planned end" in run(capsys, path, *args, "--calibrate-on", *files)[2]


# The learning rate


def test_the_schedule_is_read_from_the_log_or_planned_and_else_widens_the_interval(tmp_path, capsys):
    def told(*more, **columns):
        return json.loads(
            run(capsys, log(tmp_path / "a.csv", **columns), "--final-step", "10000", "--json", *more)[1]
        )

    unknown = told()
    assert unknown["schedule"] == "unknown" and "not logged" in unknown["warnings"][-1]
    assert "--lr-plan" in unknown["warnings"][-1]
    flat = told(lr=lambda s: np.full(len(s), 3e-4))
    assert flat["schedule"] == "unknown" and "flat so far" in flat["warnings"][-1]
    constant, late = told("--lr-plan", "constant"), told("--lr-plan", "wsd:80%")
    assert (constant["schedule"], late["schedule"]) == ("constant", "late decay")
    assert late["endpoint"] < constant["endpoint"] and late["gain"] > 0 == constant["gain"]
    assert constant["high"] - constant["low"] < unknown["high"] - unknown["low"]
    line = told(lr=lambda s: 3e-4 * (1 - s / FINAL))
    assert line["schedule"] == "decay to zero" and not line["warnings"]
    assert any("follows a line to 0%" in note for note in line["notes"])


def test_a_plan_is_never_passed_over(tmp_path, capsys):
    code, _, err = run(capsys, log(tmp_path / "a.csv"), "--final-step", "10000", "--lr-plan", "nonsense")
    assert code == 2 and "--lr-plan 'nonsense': expected constant" in err


# Schedule laws


@pytest.fixture
def scheduled(tmp_path):
    """Reference runs, and half of a cosine run, of one simulated model; with the cosine's true end."""
    truth = ScheduleLaw(
        "momentum", {"L0": 2.5, "A": 0.6, "B": 0.8, "alpha": 0.45, "lam": 0.998}, 0, 0, (), True, 0
    )
    step = np.arange(200, FINAL + 1, 100)
    u = (step - 200) / (FINAL - 200)
    plans = {
        "constant": np.full(len(step), 3e-4),
        "two": np.where(u < 0.5, 3e-4, 1e-4),
        "cosine": 3e-4 * (0.1 + 0.45 * (1 + np.cos(np.pi * u))),
    }
    parts = []
    for name, lr in plans.items():
        loss = truth.predict(Schedule(step, lr, lr[0] * 200))
        parts.append(pd.DataFrame({"run_id": name, "step": step, "lr": lr, "loss": loss}))
    pd.concat(parts[:2]).to_csv(tmp_path / "ref.csv", index=False)
    parts[2][: len(step) // 2].to_csv(tmp_path / "cosine.csv", index=False)
    return tmp_path, float(parts[2]["loss"].iloc[-1])


def test_a_schedule_law_of_other_runs_sees_the_decay(scheduled, capsys):
    folder, end = scheduled
    args = (str(folder / "cosine.csv"), "--final-step", "10000", "--json")
    more = ("--reference", str(folder / "ref.csv"), "--lr-plan", "cosine:3e-5", "--law", "momentum")
    by_law = json.loads(run(capsys, *args, *more)[1])
    assert by_law["method"] == "momentum law of other runs, adapted"
    assert by_law["endpoint"] == pytest.approx(end, abs=2e-3)
    alone = json.loads(run(capsys, *args)[1])
    assert alone["schedule"] == "partial decay"
    assert abs(by_law["endpoint"] - end) < abs(alone["endpoint"] - end)


@pytest.mark.parametrize(
    "plan, word", [("cosine:", "cosine[:END]"), ("steps:3", "expected constant"), ("linear:x", "no number")]
)
def test_bad_plans_are_named(scheduled, capsys, plan, word):
    folder, _ = scheduled
    args = ("--final-step", "10000", "--reference", str(folder / "ref.csv"), "--law", "momentum")
    code, _, err = run(capsys, str(folder / "cosine.csv"), *args, "--lr-plan", plan)
    assert code == 2 and word in err
    only = ("--final-step", "10000", "--lr-plan", plan)
    assert word in run(capsys, str(folder / "cosine.csv"), *only)[2]


def test_too_early_is_named(tmp_path):
    with pytest.raises(BadHistory, match="3 or more"):
        predicted(log(tmp_path / "a.csv", until=0.02))
    with pytest.raises(BadData, match="fewer than 4 rows"):
        predicted(log(tmp_path / "a.csv", until=0.04))
