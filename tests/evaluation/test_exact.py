# ruff: noqa: F811 (the fixture has one name everywhere)
"""What the project scores is what mteb alone scores, category by category; examples add up to the task's score."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from rosberta.evaluation import example_scores, libraries, mteb_model, tasks
from rosberta.evaluation import models as evaluation_models
from rosberta.evaluation.prompts import model_prompts
from rosberta.evidence import estimates
from rosberta.evidence.values import values_of
from rosberta.experiment.models import Model
from rosberta.frame.files import digest, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.stages import evaluate
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score
from support.encoders import texts_computed
from support.scoring import OWN, Entry, experiment  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

CATEGORIES = {
    "Classification": "GeoreviewClassification",
    "MultilabelClassification": "CEDRClassification",
    "Clustering": "RuSciBenchGRNTIClusteringP2P",
    "PairClassification": "TERRa",
    "Reranking": "RuBQReranking",
    "Retrieval": "RuBQRetrieval",
    "STS": "RuSTSBenchmarkSTS",
    "BitextMining": "own/translations",
}
TRANSLATIONS = Entry(
    "merionum/ru_paraphraser",
    category="BitextMining",
    files={"test": "test.jsonl"},
    columns={"sentence1": "text_1", "sentence2": "text_2"},
)


def part(everything: SimpleNamespace, *names: str, **models: Model) -> SimpleNamespace:
    """The experiment with some tasks only."""
    entries = everything.benchmark.tasks | {"own/translations": TRANSLATIONS}
    some = SimpleNamespace(**vars(everything))
    some.benchmark = SimpleNamespace(tasks={name: entries[name] for name in names})
    some.models = everything.models | models
    return some


@pytest.fixture(scope="module")
def scored(experiment: SimpleNamespace) -> Path:
    """One task a category scored; where."""
    from rosberta.stages import benchmark

    some = part(experiment, *CATEGORIES.values(), exact=experiment.models["tiny"])
    with pytest.MonkeyPatch.context() as patch:
        # The other tasks stay laid out for the other tests.
        patch.setattr(benchmark, "BENCHMARK", Path("laid"))
        patch.setattr(evaluate, "BENCHMARK", Path("laid"))
        benchmark.run(some)
        evaluate.run(some, "exact")
    return Path("results/scores/exact")


def theirs(name: str, prompts: dict[str, str]) -> float:
    """The score of mteb's own encoder, which embeds text by text, so that nothing is padded."""
    import mteb
    from mteb.models import SentenceTransformerEncoderWrapper

    model = evaluation_models.load_model(Path("results/encoders/tiny"), 96)
    stock = SentenceTransformerEncoderWrapper(model)
    stock.model_prompts = prompts
    stock.mteb_model_meta = mteb_model.meta_of(model, "rosberta/stock", "0", prompts, 96)
    entry = TRANSLATIONS if name == "own/translations" else Entry(tasks.rumteb()[name].metadata.dataset["path"])
    with libraries.fresh_cache():
        result = mteb.evaluate(
            stock,
            tasks.load_task(name, entry, Path("laid") / name),
            cache=None,
            co2_tracker=False,
            encode_kwargs={"batch_size": 1, "show_progress_bar": False},
            show_progress_bar=False,
        )[0]
    return 100 * result.get_score()


@pytest.mark.parametrize("category", CATEGORIES)
def test_scores_are_mtebs(scored: Path, category: str) -> None:
    """To 1e-6 of a score of one, in fp32, by mteb's own encoder; a last bit may turn a verdict (of 20, of ten fits)."""
    name = CATEGORIES[category]
    summary = read_json(scored / "summary.json")
    ours = (summary["tasks"] | summary["own_tasks"])[name]
    assert ours["category"] == category
    prompts = model_prompts("rosberta", {"own/translations": TRANSLATIONS})
    assert abs(ours["score"] - theirs(name, prompts)) <= (0.5001 if category == "Classification" else 1.01e-4)


def test_examples_add_up_to_the_score(scored: Path) -> None:
    """From what is kept of a task's examples its score follows, and of a clustering from its repetitions."""
    summary = read_json(scored / "summary.json")
    for category, name in CATEGORIES.items():
        known = (summary["tasks"] | summary["own_tasks"])[name]
        table = pq.read_table(scored / "examples" / f"{name}.parquet")
        assert table.column_names == ["split", "id", *example_scores.KEPT[category]]
        assert len(set(table["id"].to_pylist())) > 0.8 * len(table), name
        columns = {name: np.array(table[name].to_pylist()) for name in example_scores.KEPT[category]}
        if category == "STS":
            found = spearmanr(columns["gold"], columns["cosine_scores"])[0]
        elif category == "PairClassification":
            signs = {"manhattan_distances": -1, "euclidean_distances": -1}
            found = max(
                average_precision_score(columns["gold"], signs.get(name, 1) * columns[name])
                for name in example_scores.MEASURES
            )
        elif category == "Clustering":
            kept = json.loads(table.schema.metadata[example_scores.CLUSTERED])["test"]
            assert np.shape(kept["halves"]) == (example_scores.HALVES, example_scores.FITS)
            found = fmean(kept["repetitions"])
        else:
            values = columns["right"].mean(axis=1) if "right" in columns else columns["value"]
            assert columns.get("right", np.empty((0, 10))).shape[1] == 10
            splits = np.array(table["split"])
            found = fmean(values[splits == split].mean() for split in set(splits))
        assert 100 * found == pytest.approx(known["score"], abs=2e-3), name
        estimate = estimates.estimate(values_of(table), known["score"])
        assert estimate.margin > 0, name


def test_search_finds_what_brute_force_finds(monkeypatch: pytest.MonkeyPatch, experiment: SimpleNamespace) -> None:
    """Block by block, titles before texts, the best first; of a list only what is in it."""
    import datasets

    monkeypatch.setattr(mteb_model, "BLOCK", 3)
    evaluated = evaluation_models.load_evaluated(experiment, "tiny", {"query": "q: ", "document": "d: "})
    metadata = tasks.rumteb()["RuBQRetrieval"].metadata
    words = ["река", "город", "поезд", "мост", "река в городе", "книга", "снег", "гора"]
    titles = ["", "О", None, "", "Реки", "", "", ""]
    corpus = datasets.Dataset.from_dict({"id": [f"d{i}" for i in range(8)], "text": words, "title": titles})
    queries = datasets.Dataset.from_dict({"id": ["a", "b"], "text": ["где река", "где гора"]})
    full = [f"d: {f'{title or str()} {word}'.strip()}" for title, word in zip(titles, words, strict=True)]
    model = evaluation_models.load_model(Path("results/encoders/tiny"), 96)
    cosines = (
        model.encode([f"q: {text}" for text in queries["text"]], batch_size=1) @ model.encode(full, batch_size=1).T
    )
    evaluated.index(corpus)
    found = evaluated.search(queries, task_metadata=metadata, top_k=5)
    for row, id in enumerate(["a", "b"]):
        best = np.argsort(-cosines[row])[:5]
        assert list(found[id]) == [f"d{place}" for place in best]
        assert list(found[id].values()) == pytest.approx(cosines[row][best], abs=1e-5)
    lists = {"a": ["d7", "d0"], "b": []}
    found = evaluated.search(queries, task_metadata=metadata, top_k=5, top_ranked=lists)
    assert found == {
        "a": {"d7": pytest.approx(cosines[0][7], abs=1e-5), "d0": pytest.approx(cosines[0][0], abs=1e-5)},
        "b": {},
    }


def test_a_kill_costs_one_task(experiment: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in its second task, the next start keeps the first, and ends with the same bytes."""
    names = ("TERRa", "RuSTSBenchmarkSTS", "RuBQRetrieval")
    some = part(experiment, *names, killed=experiment.models["tiny"], whole=experiment.models["tiny"])
    evaluate.run(some, "whole")
    # A process of its own, to be killed by the system while it scores its second task.
    script = tmp_path / "killed.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            from types import SimpleNamespace
            sys.path[:0] = {sys.path!r}
            from support.scoring import Entry
            from rosberta.experiment.hub import Hub
            from rosberta.experiment.models import Evaluate, Model
            from rosberta.stages import evaluate
            score = evaluate._score
            def killed(evaluated, task, leave):
                if task.metadata.name == {names[1]!r}:
                    os.kill(os.getpid(), signal.SIGKILL)
                return score(evaluated, task, leave)
            evaluate._score = killed
            evaluate.run(SimpleNamespace(
                hub=Hub(origin="hub", datasets={{}}, models={{}}),
                benchmark=SimpleNamespace(tasks={{
                    name: Entry(path) for name, path in {[(n, some.benchmark.tasks[n].dataset) for n in names]!r}
                }}),
                evaluate=Evaluate.model_validate({some.evaluate.model_dump()!r}),
                models={{"killed": Model.model_validate({some.models["killed"].model_dump()!r})}},
            ), "killed")
            """
        )
    )
    ended = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True)
    assert ended.returncode == -9, ended.stderr[-2000:]
    assert not Path("results/scores/killed").exists()
    kept = Path(".scratch/evaluate/killed")
    assert [path.name for path in kept.iterdir() if not path.name.startswith(".")] == [names[0]]
    scored: list[str] = []
    score = evaluate._score
    monkeypatch.setattr(
        evaluate,
        "_score",
        lambda evaluated, task, leave: scored.append(task.metadata.name) or score(evaluated, task, leave),
    )
    evaluate.run(some, "killed")
    assert scored == list(names[1:])
    assert not kept.exists()
    ours, theirs = (read_json(Path(f"results/scores/{key}/summary.json")) for key in ("killed", "whole"))
    for summary in (ours, theirs):
        del summary["model"]["name"]
    assert ours == theirs
    assert digest(Path("results/scores/killed/examples")) == digest(Path("results/scores/whole/examples"))


@pytest.mark.parametrize(
    "changed",
    [
        {"weights": "results/encoders/tiny", "prompts": "none"},
        # Other weights would be another revision; of these the head alone is another.
        {"weights": "results/encoders/headed", "prompts": "rosberta"},
    ],
    ids=["prompts", "head"],
)
def test_what_was_kept_is_of_this_model_and_these_parameters_only(
    experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str]
) -> None:
    """What a stopped evaluation left is not taken for one of another head, or with other prompts."""
    headed = evaluation_models.load_model(Path("results/encoders/tiny"), 96, "mean")
    headed.save(changed["weights"]) if changed["weights"].endswith("headed") else None
    some = part(experiment, "TERRa", "STS22", changed=experiment.models["tiny"])
    score = evaluate._score

    def stopped(evaluated: object, task: object, leave: object) -> object:
        if task.metadata.name == "STS22":
            raise KeyboardInterrupt
        return score(evaluated, task, leave)

    monkeypatch.setattr(evaluate, "_score", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate.run(some, "changed")
    scored: list[str] = []
    monkeypatch.setattr(
        evaluate,
        "_score",
        lambda evaluated, task, leave: scored.append(task.metadata.name) or score(evaluated, task, leave),
    )
    some.models = some.models | {"changed": Model(**changed)}
    evaluate.run(some, "changed")
    assert scored == ["TERRa", "STS22"]


def test_a_second_evaluation_answers_from_the_cache(
    experiment: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No text is embedded again, and the scores are the same to the byte."""
    monkeypatch.setattr(evaluation_models, "EMBEDDINGS", tmp_path)
    some = part(experiment, "TERRa", "RuBQRetrieval", "RuBQReranking", cached=experiment.models["tiny"])
    some.evaluate = experiment.evaluate.model_copy(update={"cache_gb": 1})
    computed = texts_computed(monkeypatch)
    evaluate.run(some, "cached")
    assert sum(computed) > 0
    first = digest(Path("results/scores/cached"))
    computed.clear()
    evaluate.run(some, "cached")
    assert sum(computed) == 0
    assert digest(Path("results/scores/cached")) == first


def test_instructions_are_mtebs(experiment: SimpleNamespace) -> None:
    """An instruct model is told what mteb tells it, before queries and symmetric texts, never before documents."""
    from mteb.types import PromptType

    names = ("TERRa", "STS22", "RuBQRetrieval", "Rubrics")
    loaded = {
        name: tasks.load_task(name, experiment.benchmark.tasks[name], Path("data/benchmark") / name) for name in names
    }
    told = {name: evaluation_models.instruction_of(task) for name, task in loaded.items()}
    prompts = model_prompts("instruct", experiment.benchmark.tasks, told)
    evaluated = evaluation_models.load_evaluated(experiment, "none", prompts)
    before = {name: evaluated.prompt(loaded[name].metadata, None) for name in ("TERRa", "STS22", "Rubrics")}
    assert before == {
        "TERRa": "Instruct: Given a premise, retrieve a hypothesis that is entailed by the premise\nQuery: ",
        "STS22": "Instruct: Retrieve semantically similar text.\nQuery: ",
        "Rubrics": "Instruct: Classify user passages.\nQuery: ",
    }
    search = loaded["RuBQRetrieval"].metadata
    question = "Given a question, retrieve Wikipedia passages that answer the question"
    assert evaluated.prompt(search, PromptType.query) == f"Instruct: {question}\nQuery: "
    assert evaluated.prompt(search, PromptType.document) == ""


def test_prompts_that_leave_a_side_out_are_refused(experiment: SimpleNamespace) -> None:
    """Prompts given by hand must reach every text; the line names task and side."""
    bare = Model(weights="results/encoders/tiny", prompts={"STS": "sts: ", "query": "q: "})
    with pytest.raises(Mistake, match=r"RuBQRetrieval: .* none for the document side of Retrieval; add .*'document'"):
        evaluate.run(part(experiment, "STS22", "RuBQRetrieval", bare=bare), "bare")
    with pytest.raises(Mistake, match=r"TERRa: .* none for PairClassification"):
        evaluate.run(part(experiment, "STS22", "TERRa", bare=bare), "bare")
    assert not Path("results/scores/bare").exists()


def test_a_text_longer_than_the_model_is_cut_and_said(
    experiment: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says how many texts of a task were cut, and to how many tokens."""
    short = Model(weights="results/encoders/tiny", prompts="none", max_length=8)
    with caplog.at_level("INFO", logger="rosberta"):
        evaluate.run(part(experiment, "STS22", short=short), "short")
    assert [record.message for record in caplog.records if "cut" in record.message]
    assert all("are cut to 8 tokens" in record.message for record in caplog.records if "cut" in record.message)


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("corpus", r"benchmark\.tasks\.Bare\.files\.corpus: .*test-00000-of-00001\.parquet of own/bare is empty"),
        ("queries", r"benchmark\.tasks\.Bare\.files\.queries: .* of own/bare is empty"),
    ],
)
def test_an_empty_corpus_is_refused(
    experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, role: str, message: str
) -> None:
    """By its task and set, before anything is embedded."""
    from rosberta.experiment.hub import Pin
    from rosberta.outside import pins
    from rosberta.stages import benchmark

    titles, origin = OWN["Titles"], Path(os.environ["ROSBERTA_MIRROR"]) / "datasets"
    target = origin / "own/bare"
    shutil.copytree(origin / titles.dataset, target, dirs_exist_ok=True)
    backup = {path: path.read_bytes() for path in target.glob(f"{role}/*.parquet")}
    for path in backup:
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    monkeypatch.setattr(benchmark, "BENCHMARK", Path("bare"))
    some = part(experiment, "TERRa")
    some.benchmark.tasks = {"Bare": Entry("own/bare", category="Retrieval", files=titles.files)}
    files = [{"path": path.relative_to(target).as_posix()} for path in target.rglob("*")]
    monkeypatch.setattr(pins, "fetch", lambda *_: target)
    monkeypatch.setattr(pins, "manifest", lambda *_: {"files": files})
    some.hub = experiment.hub.model_copy(update={"datasets": {"own/bare": Pin(revision="0" * 40)}})
    try:
        with pytest.raises(Mistake, match=message):
            benchmark.run(some)
    finally:
        for path, content in backup.items():
            path.write_bytes(content)


def test_fits_take_one_thread_and_torch_what_it_had() -> None:
    """And all of them what they had afterwards."""
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> dict[str, int]:
        return {library["filepath"]: library["num_threads"] for library in threadpool_info()}

    had, own = torch.get_num_threads(), Path(torch.__file__).parent
    try:
        torch.set_num_threads(2)
        with libraries.one_thread_a_fit():  # what it loads is loaded
            pass
        with threadpool_limits(2):
            before = threads()
            with libraries.one_thread_a_fit():
                assert torch.get_num_threads() == 2
                within = threads()
            assert threads() == before
        assert set(before.values()) == {2}
        assert {count for path, count in within.items() if own not in Path(path).parents} == {1}
    finally:
        torch.set_num_threads(had)


def test_whole_columns_are_what_the_columns_hold() -> None:
    """A selection, a rearrangement and labels of a class come out as before, as lists; outside nothing has changed."""
    from datasets import ClassLabel, Column, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["а", "б"])})
    data = Dataset.from_dict({"text": ["один", "два", "три"], "label": [0, 1, 0]}, features=features)
    chosen = data.select([2, 0])
    lazy = {name: list(chosen[name]) for name in features}
    with libraries.whole_columns():
        assert {name: chosen[name] for name in features} == lazy == {"text": ["три", "один"], "label": [0, 0]}
        assert chosen[0] == {"text": "три", "label": 0}
        assert chosen[:1] == {"text": ["три"], "label": [0]}
    assert isinstance(chosen["text"], Column)
