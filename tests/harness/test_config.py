"""Configs: what is accepted, and messages with the path of whatever is wrong."""

import pytest

from harness.config import Config, find_config, load_config, named_configs, parse_config
from harness.errors import BadConfig


@pytest.mark.parametrize("path", named_configs(), ids=lambda p: p.stem)
def test_every_config_that_comes_along_is_valid(path):
    assert load_config(path).tasks


def test_the_default_file_is_the_default():
    assert load_config(find_config("default")) == Config()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"evolve": {"islands": 4}}, "x.yaml: evolve.islands: unknown key"),
        ({"evolve": {"evaluation": 4}}, "evolve.evaluation: unknown key; did you mean 'evaluations'?"),
        ({"search": {"islands": "four"}}, "x.yaml: search.islands: expected an integer >= 1, got 'four'"),
        ({"evolve": {"minutes": -1}}, "evolve.minutes: expected a number >= 0.001 or null, got -1"),
        ({"evolve": {"minutes": float("nan")}}, "evolve.minutes: expected a number"),
        ({"evolve": {"workers": True}}, "evolve.workers: expected an integer >= 1, got True"),
        ({"evolve": {"proposer": "magic"}}, "evolve.proposer: expected one of formula"),
        ({"evolve": None}, "evolve: expected keys and values, got None"),
        ({"tasks": []}, "tasks: expected at least one task name"),
        ({"tasks": ["a"], "task": "b"}, "give either task or tasks"),
        ({"evolve": {"evaluations": None, "minutes": None}}, "expected a limit on evaluations or minutes"),
        ([1, 2], "top level: expected keys and values"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(values, message):
    with pytest.raises(BadConfig) as error:
        parse_config(values, "x.yaml")
    assert message in str(error.value)


def test_files_that_are_no_config(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("evolve: [1, 2")
    with pytest.raises(BadConfig, match="not YAML"):
        load_config(broken)
    with pytest.raises(BadConfig, match="can't be read"):
        load_config(tmp_path / "missing.yaml")
    with pytest.raises(BadConfig, match="Did you mean 'quick'"):
        find_config("quikc")


def test_a_config_survives_its_own_yaml(tmp_path):
    import yaml

    config = parse_config({"task": "sft", "evolve": {"minutes": 3, "seed_programs": ["a.py"]}}, "x.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config.as_dict()))
    assert load_config(path) == config
    assert config.evolve.minutes == 3.0
