"""A corpus of tables: read from its folder, asked by features alone, wrong files named."""

import pytest

import tasks
from tasks import BadSpec, BadTable, DataUnavailable
from tasks.corpus import corpus_source, load_corpus, need_corpus

YAML = """
name: plane
source: {repository: "someone/somewhere"}
features: {params: parameters, tokens: training tokens}
targets: {loss: nats per token}
direction: falls
extrapolate_axes: ["params*tokens"]
corner: true
group: null
"""
ROWS = "params,tokens,loss,split\n" + "".join(
    f"{n},{d},{2 + 400 * n**-0.34 + 400 * d**-0.28},{'heldout' if n * d > 2e17 else 'train'}\n"
    for n in (1e7, 3e7, 1e8, 3e8)
    for d in (1e8, 3e8, 1e9)
)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    folder = tmp_path / "corpus" / "plane"
    folder.mkdir(parents=True)
    (folder / "table.yaml").write_text(YAML)
    (folder / "rows.csv").write_text(ROWS)
    monkeypatch.setenv("SLD_CORPUS_DIR", str(folder.parent))
    return folder


def test_a_table_is_a_task_whose_held_out_features_alone_are_declared(corpus):
    assert need_corpus() == ["plane"] and corpus_source("plane") == "someone/somewhere"
    task = tasks.load("plane")
    assert task.spec.extrapolate == ("params", "tokens") and task.spec.corner
    assert (len(task.train), len(task.heldout)) == (11, 1)
    assert task.asked.X.tolist() == [[3e8, 1e9]] and not hasattr(task.asked, "y")
    assert task.train.X.shape == (11, 2), "split and targets are no features"
    assert task.provenance.kind == "corpus"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("params*tokens", "params*steps", "'steps' is not a feature"),
        ('source: {repository: "someone/somewhere"}\n', "", "source: expected this key"),
        ("features: {", "features: [", "no readable YAML"),
    ],
)
def test_a_wrong_description_is_named(corpus, old, new, words):
    (corpus / "table.yaml").write_text(YAML.replace(old, new))
    with pytest.raises(BadSpec, match=r"table\.yaml") as error:
        load_corpus("plane")
    assert words in str(error.value)


def test_a_row_of_no_known_split_and_a_missing_folder_are_named(corpus, monkeypatch):
    (corpus / "rows.csv").write_text(ROWS.replace("heldout", "test"))
    with pytest.raises(BadTable, match="expected train or heldout, got 'test'"):
        load_corpus("plane")
    monkeypatch.delenv("SLD_CORPUS_DIR")
    with pytest.raises(DataUnavailable, match="--data-dir or SLD_CORPUS_DIR"):
        need_corpus()
