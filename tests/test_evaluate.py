"""Stage `evaluate`: prompts reach the model, averages are the leaderboard's, and the files hold content only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import pytest
from rosberta import benchmark, evaluate, hub, tasks
from rosberta.artifacts import digest, digest_of, read_json, sha256
from rosberta.embedding import Embedder
from rosberta.miniature import benchmark as sets
from rosberta.mistakes import Mistake
from rosberta.params import Evaluate, Hub, Model, Pin
from test_prefixes import SEARCH, TABLE

ROWS = 40


class Entry(SimpleNamespace):
    """An entry of ``benchmark.tasks``."""

    def __init__(self, dataset: str, **given: object) -> None:
        defaults = {"category": None, "files": {}, "columns": {}, "prefix": None, "language": "rus-Cyrl"}
        super().__init__(dataset=dataset, **({**defaults, "candidates": None} | given))


LINES = {"train": "train.jsonl", "test": "test.jsonl"}
OWN = {
    "Rubrics": Entry("ai-forever/headline-classification", category="Classification", files=LINES, prefix="clustering"),
    "Topics": Entry("ai-forever/sensitive-topics-classification", category="MultilabelClassification", files=LINES),
    "Shops": Entry(
        "ai-forever/georeview-clustering-p2p",
        category="Clustering",
        files={"test": "test.jsonl"},
        columns={"text": "sentences", "label": "labels"},
    ),
    "Likeness": Entry(
        "merionum/ru_paraphraser",
        category="STS",
        files={"test": "test.jsonl"},
        columns={"sentence1": "text_1", "sentence2": "text_2", "score": "id"},
    ),
    "Entailment": Entry(
        "mteb/TERRa", category="PairClassification", files={"test": "data/dev-*.parquet"}, columns={"label": "labels"}
    ),
    "Titles": Entry(
        "mteb/RiaNewsRetrieval_test_top_250_only_w_correct-v2",
        category="Retrieval",
        files={"corpus": "corpus/*", "queries": "queries/*", "qrels": "data/*"},
        prefix="clustering",
    ),
    "Faq": Entry(
        "mteb/RuBQReranking",
        category="Reranking",
        files={"corpus": "corpus/*", "queries": "queries/*", "qrels": "data/*", "top_ranked": "top_ranked/*"},
    ),
}
"""One's own tasks, one a category, made of the miniature's files."""

OWN_PREFIXES = {
    "Rubrics": "clustering: ",
    "Topics": "classification: ",
    "Shops": "clustering: ",
    "Likeness": "classification: ",
    "Entailment": "classification: ",
    "Titles": "clustering: ",
}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A project with all tasks laid out, one's own among them, and an encoder of two layers to score."""
    import datasets
    import torch

    torch.set_num_threads(1)
    root, mirror = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("mirror")
    patch = pytest.MonkeyPatch()
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    patch.setenv("ROSBERTA_MIRROR", str(mirror))
    patch.chdir(root)
    for id in sets.IDS:
        sets.write_dataset(id, mirror / "datasets" / id, 7, ROWS)
    rumteb = {name: task.metadata.dataset for name, task in tasks.rumteb().items()}
    pins = {dataset["path"]: Pin(revision=dataset["revision"]) for dataset in rumteb.values()}
    entries = {name: Entry(dataset["path"]) for name, dataset in rumteb.items()}
    whole = SimpleNamespace(
        hub=Hub(origin="hub", datasets=pins, models={}),
        benchmark=SimpleNamespace(tasks=entries | OWN),
        evaluate=Evaluate(batch_tokens=4096, max_length=96, cache_gb=0),
        models={
            "tiny": Model(weights="results/encoders/tiny", prompts="rosberta"),
            "e5": Model(weights="results/encoders/tiny", prompts="e5"),
            "none": Model(weights="results/encoders/tiny", prompts="none"),
        },
    )
    hub.run(whole)
    benchmark.run(whole)
    _write_encoder(Path("results/encoders/tiny"))
    yield whole
    patch.undo()


def _write_encoder(folder: Path) -> None:
    """A RoBERTa of two layers with a byte-level vocabulary of a few hundred tokens, in transformers' layout."""
    import torch
    from rosberta import prefixes
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    special = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    bpe = ByteLevelBPETokenizer()
    words = list(prefixes.ROSBERTA_PROMPTS.values()) + ["в городе", "на реке", "компания", "команда"] * 3
    bpe.train_from_iterator(words, vocab_size=400, special_tokens=list(special.values()), show_progress=False)
    bpe._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, cls_token="<s>", sep_token="</s>", **special)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=98, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        # Large enough that no two texts are all but equal, and no score hangs on the last bits.
        initializer_range=0.2,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


class Reader:
    """Reads along: what text really reaches the encoder, by task, decoded from its token ids."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import mteb

        self.read: dict[str, set[str]] = {}
        task, cut, score = "", Embedder._cut, mteb.evaluate

        def listened(embedder: Embedder, places: list[int], texts: list[str], prompt: str):
            batches = cut(embedder, places, texts, prompt)
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
    evaluated_of = evaluate.evaluated_of

    def forgetful(*args):
        evaluated = evaluated_of(*args)
        evaluated.model_prompts = {"query": "search_query: "}
        return evaluated

    monkeypatch.setattr(evaluate, "evaluated_of", forgetful)
    before = digest(Path("results/scores")) if Path("results/scores").exists() else None
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.\w+: the prompt '.*' would not reach the model"):
        evaluate.run(experiment, "tiny")
    assert before == (digest(Path("results/scores")) if Path("results/scores").exists() else None)


@pytest.mark.usefixtures("scored")
def test_summary_is_the_leaderboards_average():
    """Task mean is the mean of the 23 scores of v1, category mean that of seven means; own tasks enter neither."""
    summary = read_json(Path("results/scores/tiny/summary.json"))
    assert summary["benchmark"] == "MTEB(rus, v1)"
    tasks_of = {name: summary["tasks"][name] for name in tasks.members("MTEB(rus, v1)")}
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


def test_equal_bytes_twice(experiment: SimpleNamespace):
    """Scoring twice gives the same bytes, sampling included."""
    names = (
        "MassiveIntentClassification", "CEDRClassification", "GeoreviewClusteringP2P", "TERRa", "RuBQReranking",
        "RuBQRetrieval", "STS22", "Titles",
    )  # fmt: skip
    part = SimpleNamespace(**vars(experiment))
    part.benchmark = SimpleNamespace(tasks={name: experiment.benchmark.tasks[name] for name in names})
    part.models = {"twice": experiment.models["tiny"]}
    evaluate.run(part, "twice")
    first = digest(Path("results/scores/twice"))
    evaluate.run(part, "twice")
    assert digest(Path("results/scores/twice")) == first


@pytest.mark.usefixtures("experiment")
def test_plain_encoder_gets_the_recipes_head():
    """A folder without a head of its own is read by its first token, normalised, within RoBERTa's positions."""
    import torch

    model = evaluate.load_model(Path("results/encoders/tiny"), 512)
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
        evaluate.load_model(tmp_path, 96)


def test_missing_weights_and_tasks_are_named(experiment: SimpleNamespace):
    """Weights or a task's folder that are not there are named with what to run."""
    with pytest.raises(Mistake, match=r"results/encoders/other.*safetensors"):
        evaluate.weights_of("results/encoders/other")
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
    summary = evaluate.summarise(scores, {"Own"}, versions)
    assert (summary["benchmark"], summary["task_mean"], summary["category_mean"]) == ("v1", 53.3333, 45.0)
    assert summary["category_means"] == {"Retrieval": 20.0, "STS": 70.0}
    assert set(summary["own_tasks"]) == {"Own"}
    del scores["C"]
    summary = evaluate.summarise(scores, {"Own"}, versions)
    assert (summary["benchmark"], summary["task_mean"], summary["category_mean"]) == (None, None, None)
    summary = evaluate.summarise(scores | {"D": _score("Retrieval", 30.0)}, {"Own"}, versions)
    assert (summary["benchmark"], summary["category_mean"]) == ("v1.1", 50.0)
