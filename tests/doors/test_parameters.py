"""Parameters are typed, cross-checked and documented; what is wrong is said in one line with the nearest valid name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rosberta import published
from rosberta.commands import preset
from rosberta.commands.schema import SCHEMA
from rosberta.doors import parameters
from rosberta.experiment import corpus, training
from rosberta.frame.files import write_json
from rosberta.frame.mistakes import Mistake
from rosberta.report.costs import tables
from rosberta.report.results import weights_in_words
from support.trees import ROOT


@pytest.fixture
def data() -> dict[str, Any]:
    """The default experiment as plain data."""
    return parameters.read(ROOT / "workflow/presets/miniature.yaml")


@pytest.mark.parametrize("name", ["miniature", "tiny", "small", "paper"])
def test_presets_are_valid(name: str) -> None:
    """Every preset passes validation whole."""
    parameters.load(preset.PRESETS / f"{name}.yaml")


def test_the_committed_experiment_is_the_miniature() -> None:
    """What a fresh clone rebuilds is the preset `miniature`."""
    assert (ROOT / "params.yaml").read_bytes() == (preset.PRESETS / "miniature.yaml").read_bytes()


def test_every_preset_satisfies_the_schema_that_editors_use() -> None:
    """The JSON schema, read by another validator, accepts what the models accept."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for name in preset.names():
        jsonschema.validate(parameters.read(preset.PRESETS / f"{name}.yaml"), schema)


def test_every_hyper_parameter_names_its_source() -> None:
    """Each field of the trainings says which section it is from, that it is ours, or that it decides nothing."""
    sourced = re.compile(
        "paper|poster|model card|not published: ours|no influence|part of the experiment", re.IGNORECASE
    )
    for block in (corpus.Clean, corpus.Mine, training.Pretrain, training.Contrast, training.Merge):
        for name, field in block.model_fields.items():
            assert field.description, (block.__name__, name)
            assert sourced.search(field.description), (block.__name__, name)


def test_the_paper_preset_has_the_published_hyper_parameters() -> None:
    """Each published number of the recipe (paper 4.1-4.3, A.2.1) stands in the preset `paper`."""
    paper = parameters.load(preset.PRESETS / "paper.yaml")
    assert (paper.mine.first_rank, paper.mine.last_rank, paper.mine.negatives) == (20, 100, 7)
    assert paper.mine.teacher == "intfloat/multilingual-e5-small"
    assert paper.pretrain.batch_size == 1024
    assert paper.pretrain.epochs == 1
    assert paper.pretrain.base_share == 0.25
    contrast = paper.contrast_of("released")
    assert (contrast.temperature, contrast.hard_negatives, contrast.batch_size) == (0.02, 7, 128)
    assert (contrast.learning_rate, contrast.weight_decay, contrast.warmup_steps) == (1e-5, 0.01, 200)
    assert (contrast.max_length, contrast.epochs, contrast.max_steps) == (512, 1, None)
    assert contrast.devices == 8
    assert paper.merge.base_share == 0.1
    assert paper.clean.max_tokens == 500
    for mixture in ("basic_english", "basic_russian", "basic", "synthetic", "full"):
        assert paper.contrast_of(mixture).max_steps == 1500


def broken(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The data with one value replaced; ``None`` as value removes it."""
    block = data
    *parents, last = path.split("/")
    for part in parents:
        block = block[part]
    if value is None:
        del block[last]
    else:
        block[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("mien", {}, 'mien: unknown key; did you mean "mine"?'),
        ("mine/last_rnk", 5, 'mine.last_rnk: unknown key; did you mean "last_rank"?'),
        ("collect/sources/ted/grup", "x", 'collect.sources.ted.grup: unknown key; did you mean "group"?'),
        ("mine/negatives", 0, "mine.negatives: input should be greater than or equal to 1, found 0"),
        ("contrast/epochs", float("inf"), "contrast.epochs: input should be a finite number"),
        ("mine/last_rank", 22, "mine: ranks 20-22 hold fewer documents than negatives: 7"),
        (
            "pretrain/warmup_steps",
            101,
            "pretrain: warmup_steps 101 are more than max_steps 100; lower the one, or raise the other",
        ),
        (
            "contrast/max_steps",
            9,
            "contrast: warmup_steps 10 are more than max_steps 9; lower the one, or raise the other",
        ),
        ("runs/full/contrast", {"warmup_steps": 121}, "contrast: warmup_steps 121 are more than max_steps 120"),
        ("pretrain/gradient_accumulation", 4, "pretrain.gradient_accumulation: unknown key"),
        ("contrast/devices", 0, "contrast.devices: input should be greater than or equal to 1, found 0"),
        ("contrast/precision", "fp16", "contrast.precision: 'fp16' is not known; did you mean \"bf16\"?"),
        ("contrast/clip_norm", 0, "contrast.clip_norm: input should be greater than 0"),
        ("contrast/temperature", "warm", "contrast.temperature: input should be a valid number"),
        ("collect/sources/ted/prefix", "serch", 'did you mean "search"?'),
        ("collect/sources/ted/adapter", "translations", 'did you mean "translation"?'),
        ("collect/sources/ted/dataset", "facebook/xnly", 'did you mean "facebook/xnli"?'),
        ("collect/sources/ted/files", "../train.parquet", "leaves its folder"),
        ("collect/sources/ted/paper_set", "SberQuad", 'did you mean "SberQuAD"?'),
        (
            "collect/missing",
            {"x": {"paper_set": "SberQuAD", "reason": "gone", "substitute": "tedd"}},
            "collect.missing.x.substitute: 'tedd' is not in collect.sources; did you mean \"ted\"?",
        ),
        ("runs/full/mixture", "ful", "runs.full.mixture: 'ful' is not in mixtures; did you mean \"full\"?"),
        (
            "runs/full/contrast",
            {"temprature": 1},
            'runs.full.contrast.temprature: unknown key; did you mean "temperature"?',
        ),
        ("runs/full/contrast", {"hard_negatives": 9}, "contrast.hard_negatives is 9, but mine.negatives gives 7"),
        ("encoders/ru_en/base", "ai-forever/ruRoberta", 'did you mean "ai-forever/ruRoberta-large"?'),
        ("mixtures/full/without", ["sberqad"], 'did you mean "sberquad"?'),
        ("mixtures/full/groups", [], "mixtures.full: holds no source"),
        ("models/full/weights", "results/runs/ful/merged", "models.full.weights: 'ful' is not in runs"),
        ("models/full/weights", "results/full", "is no artifact with weights"),
        ("models/full/weights", "/nowhere/mine", "models.full.weights: '/nowhere/mine' is no folder; write"),
        ("models/full/prompts", "rosbert", 'did you mean "rosberta"?'),
        ("collect/sources/ted/files", "", "names no file"),
        ("collect/sources/ted/files", "a**", "names no file"),
        (
            "collect/sources/ted/min_cosine",
            0.5,
            "collect.sources.ted.min_cosine: needs a model that embeds; name one in clean.similarity.model",
        ),
        ("clean/similarity", {"model": "x/LaBSE"}, "clean.similarity.model: 'x/LaBSE' is not in hub.models"),
        ("models/full/prompts", None, "models.full.prompts: missing; it has no default"),
        ("benchmark/tasks", {}, "benchmark.tasks"),
        ("benchmark/tasks", {"../out": {"dataset": "x"}}, "'../out' becomes a folder's name"),
        (
            "benchmark/tasks",
            {name: {"dataset": "mteb/TERRa"} for name in ("mine", "mine/inner")},
            "benchmark: 'mine/inner' would lie within the folder of 'mine'",
        ),
        ("hub/datasets/facebook~1xnli", None, ""),
        ("clean/tokenizer", None, "clean.tokenizer: missing; it has no default"),
        ("hub/models", {}, "clean.tokenizer: 'intfloat/multilingual-e5-small' is not in hub.models; none is defined"),
    ],
)
def test_a_mistake_is_one_clear_line(data: dict[str, Any], path: str, value: Any, sentence: str) -> None:
    """Each mistake names its field, what was found, and the nearest valid name."""
    if "~1" in path:
        del data["hub"]["datasets"]["facebook/xnli"]
        sentence = "collect.sources.xnli_en.dataset: 'facebook/xnli' is not in hub.datasets"
    else:
        broken(data, path, value)
    with pytest.raises(Mistake) as caught:
        parameters.check(data)
    lines = [line for line in str(caught.value).splitlines() if sentence in line]
    assert lines, str(caught.value)
    assert all(line.startswith("params.yaml: ") or path.startswith("runs") for line in lines)


@pytest.mark.parametrize("block", ["pretrain", "contrast"])
@pytest.mark.parametrize("max_steps", [0, 10, None])
def test_a_warm_up_may_fill_a_training(data: dict[str, Any], block: str, max_steps: int | None) -> None:
    """A warm-up as long as the training is none too long; nor is any where epochs decide, or nothing is trained."""
    data[block] |= {"max_steps": max_steps, "warmup_steps": 10}
    parameters.check(data)


def test_single_texts_are_no_pairs(data: dict[str, Any]) -> None:
    """A source of single texts is in a mixture's sources, not in its pairs; a run of texts alone is a mistake."""
    texts = {**data["collect"]["sources"]["sberquad"], "group": "texts", "adapter": "pairs"}
    texts["options"] = {"anchor": "context", "positive": "context"}
    data["collect"]["sources"]["wiki"] = texts
    data["mixtures"]["full"]["groups"].append("texts")
    experiment = parameters.check(data)
    assert set(experiment.sources_of("full")) - set(experiment.pairs_of("full")) == {"wiki"}
    data["mixtures"]["full"]["groups"] = ["texts"]
    with pytest.raises(Mistake, match=r"runs\.full\.mixture: 'full' holds single texts alone"):
        parameters.check(data)


def test_a_short_revision_is_refused(data: dict[str, Any]) -> None:
    """Pins are full revisions."""
    data["hub"]["datasets"]["facebook/xnli"]["revision"] = "b8dd5d7"
    with pytest.raises(Mistake, match="no full revision: give the 40 hexadecimal digits"):
        parameters.check(data)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """YAML that says two things about one key is a mistake, with its line."""
    path = tmp_path / "params.yaml"
    path.write_text("hub: {}\nmine: {}\nhub: {}\n")
    with pytest.raises(Mistake, match="line 3: found duplicate key"):
        parameters.read(path)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    """``1e-5`` is a number, not a text."""
    path = tmp_path / "params.yaml"
    path.write_text("rate: 1e-5\n")
    assert parameters.read(path) == {"rate": 1e-5}


def test_a_preset_says_what_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Old value and new, a line a parameter; the file is the preset to the byte."""
    path = tmp_path / "params.yaml"
    path.write_bytes((preset.PRESETS / "miniature.yaml").read_bytes())
    with caplog.at_level("INFO"):
        preset.write("tiny", path)
    assert path.read_bytes() == (preset.PRESETS / "tiny.yaml").read_bytes()
    assert "contrast.max_steps: 120 -> 6" in caplog.messages
    with pytest.raises(Mistake, match='did you mean "tiny"'):
        preset.write("tinny", path)


def test_a_run_changes_settings_for_itself_only(data: dict[str, Any]) -> None:
    """Overrides of a run are merged into the block and checked as the block is."""
    data["runs"]["full"]["contrast"] = {"temperature": 0.05}
    experiment = parameters.check(data)
    assert experiment.contrast_of("full").temperature == 0.05
    assert experiment.contrast_of("basic").temperature == 0.02


def test_the_paper_preset_holds_every_set_of_the_recipe() -> None:
    """The 54 sets of the paper's Table 6, each as sources of its group, prefix and size, or missing with a reason.

    A set that is missing has a substitute of the same group, prefix and size.
    """
    paper = parameters.load(preset.PRESETS / "paper.yaml")
    sources, missing = paper.collect.sources, {each.paper_set: each for each in paper.collect.missing.values()}
    sets = published.sets()
    assert len(sets) == 54
    for each in sets:
        parts = [source for source in sources.values() if source.paper_set == each.name]
        if each.name in missing:
            assert not parts
            assert missing[each.name].reason
            parts = [sources[missing[each.name].substitute or ""]]
        assert parts, each.name
        assert {(part.group, part.prefix) for part in parts} == {(each.group, each.prefix)}, each.name
        assert sum(part.cap or paper.collect.cap for part in parts) == 1000 * each.thousand_pairs, each.name
    substitutes = {each.substitute for each in missing.values()}
    assert {name for name, source in sources.items() if source.paper_set is None} == substitutes


def test_the_code_that_runs_is_this_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worktree that uses another's environment is refused; a symbolic link to this checkout is well."""
    monkeypatch.chdir(ROOT)
    parameters.load()
    (tmp_path / "link").symlink_to(ROOT)
    monkeypatch.chdir(tmp_path / "link")
    parameters.load()
    other = tmp_path / "other/workflow/rosberta/frame"
    other.mkdir(parents=True)
    (other / "code.py").touch()
    (tmp_path / "other/params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(Mistake, match=f"the code that runs is that of {ROOT}, not of this checkout; install its own"):
        parameters.load()


@pytest.mark.parametrize("name", ["rosberta [2]", "what?", "*", "x{d}y"])
def test_a_clone_in_a_folder_that_would_be_a_pattern_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever would not find its files there says so first; blanks and Cyrillic are well."""
    for folder in (tmp_path / name, tmp_path / "мой клон"):
        folder.mkdir()
        (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path / "мой клон")
    parameters.load()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(Mistake, match="in a folder's name for a pattern; move the clone"):
        parameters.load()


@pytest.mark.parametrize("path", ["./", ".", "..", "./${x}", "./x{d}y"])
def test_a_folder_that_holds_the_project_or_has_braces_is_nobodys_own(
    path: str, data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As weights and as a teacher: it is refused before its content is looked at."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).mkdir(exist_ok=True)
    data["models"]["mine"] = {"weights": path, "prompts": "e5"}
    with pytest.raises(Mistake, match=r"models\.mine\.weights: '.*' is no folder; write"):
        parameters.check(data)
    del data["models"]["mine"]
    data["minings"] = {"a": {"teacher": f"./{path}"}}
    with pytest.raises(Mistake, match=r"minings\.a\.teacher: '.*' is no folder that minings may name"):
        parameters.check(data)


def test_weights_of_ones_own(data: dict[str, Any], tmp_path: Path) -> None:
    """A folder outside of the artifacts, by its path; pages and costs do not show where it lies."""
    write_json(tmp_path / "mine/config.json", {"num_hidden_layers": 2})
    data["models"]["mine"] = {"weights": str(tmp_path / "mine"), "prompts": "e5"}
    experiment = parameters.check(data)
    assert weights_in_words(experiment.models["mine"].weights, miniature=True) == ("folder mine", None)
    assert str(tmp_path) not in "".join(table.text() for table in tables(experiment))
