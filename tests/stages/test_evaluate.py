# ruff: noqa: F811 (the fixture has one name everywhere)
"""Stage `evaluate`: prompts reach the model, averages are the leaderboard's, and the files hold content only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import numpy as np
import pytest
from rosberta.embedding.embedder import Embedder
from rosberta.evaluation import averages, models, tasks
from rosberta.evaluation.aside import Aside
from rosberta.frame.files import digest, digest_of, read_json, sha256
from rosberta.frame.mistakes import Mistake
from rosberta.stages import evaluate
from support.rumteb import SEARCH, TABLE
from support.scoring import LINES, OWN, OWN_PREFIXES, ROWS, Entry, experiment, write_encoder  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow


class Reader:
    """Reads along: what text really reaches the encoder, by task, decoded from its token ids."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import mteb

        self.read: dict[str, set[str]] = {}
        task, cut, score = "", Embedder._cut, mteb.evaluate

        def listened(embedder: Embedder, places: list[int], texts: list[str], prompt: str, into: np.ndarray):
            batches = cut(embedder, places, texts, prompt, into)
            ids = [each for batch in batches for each in batch.texts]
            decoded = embedder._tokenizer.decode_batch(ids, skip_special_tokens=True)
            self.read.setdefault(task, set()).update(decoded)
            return batches

        def named(encoder, which, **settings):
            nonlocal task
            task = which.metadata.name
            return score(encoder, which, **settings)

        patch.setattr(Embedder, "_cut", listened)
        patch.setattr(mteb, "evaluate", named)


def submitted() -> Path:
    """The folder that the leaderboard's repository of results takes."""
    meta = next(Path("results/scores/tiny").rglob("model_meta.json"))
    return meta.parent


@pytest.fixture(scope="module")
def scored(experiment: SimpleNamespace) -> dict[str, set[str]]:
    """All tasks scored with the recipe's prompts; what the encoder read, by task."""
    with pytest.MonkeyPatch.context() as patch:
        reader = Reader(patch)
        evaluate.run(experiment, "tiny")
    return reader.read


def test_published_prefixes_reach_the_encoder(scored: dict[str, set[str]]):
    """Every text of every symmetric task of ruMTEB arrives with the prefix of the paper's Table 7, and no other."""
    for prefix, names in TABLE.items():
        for name in names:
            assert scored[name], name
            assert {text for text in scored[name] if not text.startswith(prefix)} == set(), name
            assert not any(text.removeprefix(prefix).startswith(prefix) for text in scored[name]), name


def test_search_prefixes_reach_the_right_side(scored: dict[str, set[str]]):
    """In search every query arrives as a query and every document as a document."""
    for name in [*SEARCH, "Faq"]:
        entry = OWN.get(name) or Entry(tasks.rumteb()[name].metadata.dataset["path"])
        task = tasks.load_task(name, entry, Path("data/benchmark") / name)
        task.load_data()
        queries = {
            text for subset in task.dataset.values() for split in subset.values() for text in split["queries"]["text"]
        }
        read_as_query = {text for text in scored[name] if text.startswith("search_query: ")}
        assert read_as_query == {f"search_query: {text}" for text in queries}, name
        rest = scored[name] - read_as_query
        assert rest, name
        assert all(text.startswith("search_document: ") for text in rest), name


@pytest.mark.parametrize(("name", "prefix"), OWN_PREFIXES.items())
def test_own_prefixes_reach_the_encoder(scored: dict[str, set[str]], name: str, prefix: str):
    """A task of one's own has its own prefix before every text, on both sides where it has two."""
    assert scored[name]
    assert all(text.startswith(prefix) for text in scored[name])


@pytest.mark.parametrize(("key", "query", "document"), [("e5", "query: ", "passage: "), ("none", "", "")])
def test_other_families(experiment: SimpleNamespace, key: str, query: str, document: str):
    """E5's prompts reach the encoder likewise; with none, the texts arrive bare."""
    names = ("TERRa", "RuBQReranking", "Titles")
    part = SimpleNamespace(**vars(experiment))
    part.benchmark = SimpleNamespace(tasks={name: experiment.benchmark.tasks[name] for name in names})
    with pytest.MonkeyPatch.context() as patch:
        reader = Reader(patch)
        evaluate.run(part, key)
    assert all(text.startswith(query) for text in reader.read["TERRa"])
    for name in ("RuBQReranking", "Titles"):
        assert {
            prefix for prefix in (query, document) if any(text.startswith(prefix) for text in reader.read[name])
        } == {query, document}
        assert all(text.startswith((query, document)) for text in reader.read[name])
    if key == "none":
        known = ("query: ", "passage: ", "search_", "classification: ", "clustering: ")
        assert not any(text.startswith(known) for texts in reader.read.values() for text in texts)


def test_a_prompt_that_does_not_apply_is_an_error(experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """Prompts that mteb would pass over stop the stage before anything is scored."""
    load_evaluated = models.load_evaluated

    def forgetful(*args):
        evaluated = load_evaluated(*args)
        evaluated.model_prompts = {"query": "search_query: "}
        return evaluated

    monkeypatch.setattr(evaluate, "load_evaluated", forgetful)
    before = digest(Path("results/scores")) if Path("results/scores").exists() else None
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.\w+: the prompt '.*' would not reach the model"):
        evaluate.run(experiment, "tiny")
    assert before == (digest(Path("results/scores")) if Path("results/scores").exists() else None)


@pytest.mark.usefixtures("scored")
def test_summary_is_the_leaderboards_average():
    """Task mean is the mean of the 23 scores of v1, category mean that of seven means; own tasks enter neither."""
    summary = read_json(Path("results/scores/tiny/summary.json"))
    assert summary["benchmark"] == "MTEB(rus, v1)"
    tasks_of = {name: summary["tasks"][name] for name in tasks.BENCHMARKS["MTEB(rus, v1)"]}
    assert len(tasks_of) == 23
    assert summary["task_mean"] == pytest.approx(fmean(task["score"] for task in tasks_of.values()), abs=1e-3)
    means = [
        fmean(task["score"] for task in tasks_of.values() if task["category"] == category)
        for category in {task["category"] for task in tasks_of.values()}
    ]
    assert len(means) == 7
    assert summary["category_mean"] == pytest.approx(fmean(means), abs=1e-3)
    assert set(summary["own_tasks"]) == set(OWN)
    assert set(summary["tasks"]) == set(tasks.rumteb())


@pytest.mark.usefixtures("scored")
def test_score_averages_the_splits():
    """MASSIVE's score is the mean of validation and test, as on the leaderboard; scores are percentages."""
    folder = Path("results/scores/tiny")
    splits = read_json(submitted() / "MassiveIntentClassification.json")["scores"]
    assert sorted(splits) == ["test", "validation"]
    mean = fmean(each[0]["accuracy"] for each in splits.values())
    score = read_json(folder / "summary.json")["tasks"]["MassiveIntentClassification"]["score"]
    assert score == pytest.approx(100 * mean, abs=1e-3)


@pytest.mark.usefixtures("scored")
def test_files_are_the_leaderboards():
    """mteb's own reader takes each task's file, with the revision that mteb pins; the model is named by its content."""
    from mteb.results import TaskResult

    folder = Path("results/scores/tiny")
    summary = read_json(folder / "summary.json")
    for name, task in tasks.rumteb().items():
        result = TaskResult.from_disk(submitted() / f"{name}.json")
        assert result.task_name == name
        assert result.dataset_revision == task.metadata.revision
        assert 100 * result.get_score() == pytest.approx(summary["tasks"][name]["score"], abs=1e-3)
    meta = read_json(submitted() / "model_meta.json")
    weights = Path("results/encoders/tiny/model.safetensors")
    assert (meta["name"], meta["revision"]) == ("rosberta/tiny", digest_of({weights.name: sha256(weights)}))
    assert meta["loader_kwargs"]["model_prompts"]["Titles"] == "clustering: "


@pytest.mark.usefixtures("scored")
def test_the_leaderboard_reads_the_folder(tmp_path: Path):
    """Laid where its repository of results keeps a model's, mteb's own cache finds all 25 tasks under its name."""
    from mteb import ResultCache

    folder = submitted()
    shutil.copytree(folder, tmp_path / "results" / folder.parent.name / folder.name)
    found = ResultCache(tmp_path).load_results(
        models=["rosberta/tiny"], tasks=list(tasks.rumteb()), require_model_meta=True
    )
    assert [(each.model_name, each.model_revision) for each in found.model_results] == [("rosberta/tiny", folder.name)]
    scores = {each.task_name: 100 * each.get_score() for each in found.model_results[0].task_results}
    summary = read_json(Path("results/scores/tiny/summary.json"))["tasks"]
    assert scores == {name: pytest.approx(each["score"], abs=1e-3) for name, each in summary.items()}
    assert not set(OWN) & {file.stem for file in folder.iterdir()}


@pytest.mark.usefixtures("scored")
def test_files_say_no_times():
    """No file says when, where or how long."""
    timed = ("evaluation_time", "kg_co2_emissions", "date", "evaluation_phases")

    def walk(value: object) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            for name, each in value.items():
                yield name, each
                yield from walk(each)
        elif isinstance(value, list):
            for each in value:
                yield from walk(each)

    for file in sorted(Path("results/scores/tiny").rglob("*.json")):
        text = file.read_text(encoding="utf-8")
        assert str(Path.cwd()) not in text, file
        for name, value in walk(json.loads(text)):
            if "time" in name or name in timed:
                assert value is None, (file, name)


def test_equal_bytes_twice(experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """Scoring twice gives the same bytes, sampling included, the second time with the ends of tasks in processes of
    their own: each that has fits, or lists to score, behind its last split."""
    names = (
        "MassiveIntentClassification", "CEDRClassification", "GeoreviewClusteringP2P", "TERRa", "RuBQReranking",
        "RuBQRetrieval", "STS22", "Titles",
    )  # fmt: skip
    part = SimpleNamespace(**vars(experiment))
    part.benchmark = SimpleNamespace(tasks={name: experiment.benchmark.tasks[name] for name in names})
    part.models = {"twice": experiment.models["tiny"]}
    embed, calls = Embedder.embed, []
    monkeypatch.setattr(Embedder, "embed", lambda *given, **more: calls.append(given[1:]) or embed(*given, **more))
    evaluate.run(part, "twice")
    first, left, here = digest(Path("results/scores/twice")), [], list(calls)
    calls.clear()

    class Counted(Aside):
        def leave(self) -> None:
            left.append(self._name)
            super().leave()

    monkeypatch.setattr(evaluate, "aside_of", lambda _: Counted(2))
    evaluate.run(part, "twice")
    assert digest(Path("results/scores/twice")) == first
    assert left == [name for name in names if name not in ("TERRa", "STS22")]
    assert calls == here, "all that is embedded is embedded by the process that has the GPU"


def test_a_task_that_fails_aside_is_told_as_ever(experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """What was scored beside it is kept, and the same again goes on behind it."""
    names = ("Rubrics", "Topics", "RuBQReranking")
    part = SimpleNamespace(**vars(experiment))
    part.benchmark = SimpleNamespace(tasks={name: experiment.benchmark.tasks[name] for name in names})
    part.models = {"failing": experiment.models["none"]}
    examples, score, scored = evaluate.scores_of_examples, evaluate._score, []

    def broken(task, *given):
        if task.metadata.name == "Topics":
            raise Mistake("no labels there")
        return examples(task, *given)

    def listened(evaluated, task, leave):
        scored.append(task.metadata.name)
        return score(evaluated, task, leave)

    monkeypatch.setattr(evaluate, "aside_of", lambda _: Aside(2))
    monkeypatch.setattr(evaluate, "_score", listened)
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "scores_of_examples", broken)
        with pytest.raises(Mistake, match="no labels there"):
            evaluate.run(part, "failing")
    assert not Path("results/scores/failing").exists()
    scored.clear()
    evaluate.run(part, "failing")
    assert scored[0] == "Topics"
    assert "Rubrics" not in scored
    assert set(read_json(Path("results/scores/failing/summary.json"))["own_tasks"]) == {"Rubrics", "Topics"}


@pytest.mark.usefixtures("experiment")
def test_plain_encoder_gets_the_recipes_head():
    """A folder without a head of its own is read by its first token, normalised, within RoBERTa's positions."""
    import torch

    model = models.load_model(Path("results/encoders/tiny"), 512)
    assert model.max_seq_length == 96
    vector = torch.tensor(model.encode(["в городе"]))
    tokens = model.preprocess(["в городе"])
    inner = model[0].auto_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
    first = torch.nn.functional.normalize(inner.last_hidden_state[:, 0], dim=-1)
    assert torch.allclose(vector, first, atol=1e-6)


@pytest.mark.usefixtures("experiment")
def test_weights_that_lack_a_part_are_refused(tmp_path: Path):
    """Weights that do not cover the encoder would leave some of it random, and are refused by name."""
    from safetensors.torch import load_file, save_file

    origin = Path("results/encoders/tiny")
    for file in origin.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(origin / "model.safetensors")
    del tensors["roberta.encoder.layer.1.output.dense.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Mistake, match=r"lack encoder\.layer\.1\.output\.dense\.weight"):
        models.load_model(tmp_path, 96)


def test_missing_weights_and_tasks_are_named(experiment: SimpleNamespace):
    """Weights or a task's folder that are not there are named with what to run."""
    with pytest.raises(Mistake, match=r"results/encoders/other: missing"):
        models.weights_of("results/encoders/other")
    part = SimpleNamespace(**vars(experiment))
    part.benchmark = SimpleNamespace(tasks={"Absent": OWN["Rubrics"]})
    with pytest.raises(Mistake, match=r"data/benchmark/Absent: missing.*benchmark"):
        evaluate.run(part, "tiny")


def _score(category: str, score: float) -> dict[str, object]:
    return {"category": category, "score": score, "prefix": ""}


def test_averages_need_every_task():
    """Averages are over the tasks of a version, all of them; with one missing there is none."""
    scores = {
        "A": _score("STS", 60.0),
        "B": _score("STS", 80.0),
        "C": _score("Retrieval", 20.0),
        "Own": _score("STS", 1.0),
    }
    versions = {"v1": ("A", "B", "C"), "v1.1": ("A", "B", "D")}
    summary = averages.summarise(scores, {"Own"}, versions)
    assert (summary["benchmark"], summary["task_mean"], summary["category_mean"]) == ("v1", 53.3333, 45.0)
    assert summary["category_means"] == {"Retrieval": 20.0, "STS": 70.0}
    assert set(summary["own_tasks"]) == {"Own"}
    del scores["C"]
    summary = averages.summarise(scores, {"Own"}, versions)
    assert (summary["benchmark"], summary["task_mean"], summary["category_mean"]) == (None, None, None)
    summary = averages.summarise(scores | {"D": _score("Retrieval", 30.0)}, {"Own"}, versions)
    assert (summary["benchmark"], summary["category_mean"]) == ("v1.1", 50.0)
