# ruff: noqa: F811 (the fixture has one name everywhere)
"""Where a model or a task says something itself, it is scored as mteb alone would, or what differs is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import datasets
import mteb
import numpy as np
import pyarrow.parquet as pq
import pytest
from mteb.models import SentenceTransformerEncoderWrapper
from mteb.models.abs_encoder import get_prompt
from mteb.types import PromptType
from rosberta.evaluation import example_scores, libraries, mteb_model, prompts, tasks
from rosberta.evaluation import models as evaluation_models
from rosberta.experiment.models import Model
from rosberta.frame.files import read_json, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.stages import evaluate
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from support.rumteb import SEARCH, TABLE
from support.scoring import OWN, Entry, experiment  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

SMALL = "intfloat/multilingual-e5-small"


def only(everything: SimpleNamespace, *names: str, **models: Model) -> SimpleNamespace:
    """The experiment with some tasks and models only."""
    some = SimpleNamespace(**vars(everything))
    some.benchmark = SimpleNamespace(tasks={name: everything.benchmark.tasks[name] for name in names})
    some.models = models
    return some


def alone(folder: Path, name: str, entry: Entry, place: Path) -> float:
    """The score of mteb's own encoder on the model as its folder has it."""
    stock = SentenceTransformerEncoderWrapper(SentenceTransformer(str(folder)))
    stock.mteb_model_meta = mteb_model.meta_of(stock.model, "rosberta/stock", "0", {}, 96)
    with libraries.fresh_cache():
        result = mteb.evaluate(
            stock, tasks.load_task(name, entry, place), cache=None, co2_tracker=False, show_progress_bar=False,
            encode_kwargs={"batch_size": 1, "show_progress_bar": False},
        )[0]  # fmt: skip
    return 100 * float(result.get_score())


@pytest.fixture(scope="module")
def dotted(experiment: SimpleNamespace) -> Path:
    """A model that ranks by dot product, whose embeddings are of many lengths."""
    encoder = Transformer("results/encoders/tiny")
    model = SentenceTransformer(modules=[encoder, Pooling(32, "mean")], similarity_fn_name="dot")
    model.max_seq_length = 96
    model.save("results/encoders/dotted", create_model_card=False)
    return Path("results/encoders/dotted")


def test_a_model_that_ranks_by_dot_product_is_scored_so(experiment: SimpleNamespace, dotted: Path) -> None:
    """Search and reranking are those of mteb alone, not those of the cosine, and the metadata says dot."""
    some = only(experiment, "RuBQRetrieval", "RuBQReranking", "TERRa", dot=Model(weights=str(dotted), prompts="none"))
    evaluate.run(some, "dot")
    summary = read_json(Path("results/scores/dot/summary.json"))
    for name, entry in some.benchmark.tasks.items():
        theirs = alone(dotted, name, entry, Path("data/benchmark") / name)
        assert summary["tasks"][name]["score"] == pytest.approx(theirs, abs=2e-3), name
    meta = read_json(next(Path("results/scores/dot").rglob("model_meta.json")))
    assert (meta["similarity_fn_name"], summary["model"]["similarity"]) == ("dot", "dot")
    loaded = SentenceTransformer(str(dotted))
    loaded.similarity_fn_name = "cosine"
    loaded.save("results/encoders/cosine", create_model_card=False)
    evaluate.run(only(experiment, "RuBQRetrieval", cos=Model(weights="results/encoders/cosine", prompts="none")), "cos")
    other = read_json(Path("results/scores/cos/summary.json"))["tasks"]["RuBQRetrieval"]["score"]
    assert other != pytest.approx(summary["tasks"]["RuBQRetrieval"]["score"], abs=0.1)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_shortened_embeddings_are_scored_so(experiment: SimpleNamespace, precision: str) -> None:
    """A folder that keeps the first numbers of an embedding only: what sentence-transformers gives, and it is said."""
    folder = Path("results/encoders/short")
    headed = evaluation_models.load_model(Path("results/encoders/tiny"), 96)
    headed.truncate_dim = 5
    headed.save(str(folder), create_model_card=False)
    some = only(experiment, "RuBQReranking", "TERRa", few=Model(weights=str(folder), prompts="none", max_length=12))
    some.evaluate = experiment.evaluate.model_copy(update={"precision": precision})
    evaluated = evaluation_models.load_evaluated(some, "few", {})
    texts = ["дом", "стоит у реки", "и мост"]
    stock = SentenceTransformer(str(folder))
    stock.max_seq_length = 12
    known = stock.encode(texts)
    assert known.shape == (3, 5)
    np.testing.assert_allclose(evaluated.embedder.embed(texts), known, atol=1e-6 if precision == "fp32" else 2e-2)
    if precision == "bf16":
        return
    evaluate.run(some, "few")
    summary = read_json(Path("results/scores/few/summary.json"))
    assert summary["model"]["dimension"] == 5
    assert read_json(next(Path("results/scores/few").rglob("model_meta.json")))["embed_dim"] == 5
    assert summary["tasks"]["TERRa"]["texts_cut"] > 0
    some.models = {"all": Model(weights=str(folder), prompts="none")}
    evaluate.run(some, "all")
    found = read_json(Path("results/scores/all/summary.json"))["tasks"]
    for name, entry in some.benchmark.tasks.items():
        theirs = alone(folder, name, entry, Path("data/benchmark") / name)
        assert found[name]["score"] == pytest.approx(theirs, abs=2e-3), name


@pytest.mark.usefixtures("experiment")
@pytest.mark.parametrize("numbers", [0, -3, "5", 2.5])
def test_a_number_of_numbers_that_is_none(tmp_path: Path, numbers: object) -> None:
    evaluation_models.load_model(Path("results/encoders/tiny"), 96).save(str(tmp_path / "mine"))
    path = tmp_path / "mine/config_sentence_transformers.json"
    write_json(path, read_json(path) | {"truncate_dim": numbers})
    with pytest.raises(Mistake, match=f"mine: its truncate_dim is {numbers!r}; write how many numbers"):
        evaluation_models.load_model(tmp_path / "mine", 96)


@pytest.mark.usefixtures("experiment")
def test_another_similarity_is_refused(dotted: Path) -> None:
    model = SentenceTransformer(str(dotted))
    model.similarity_fn_name = "manhattan"
    with pytest.raises(Mistake, match=r"mine: it declares the similarity 'manhattan'; .* cosine or dot"):
        mteb_model.meta_of(model, "mine", "0", {}, 96)


def test_what_mteb_alone_would_do_otherwise_is_said(experiment: SimpleNamespace, dotted: Path) -> None:
    """Prompts of the folder's own, a default among them, and a longer context."""
    model = SentenceTransformer(str(dotted), prompts={"STS": "same: ", "query": ""}, default_prompt_name="STS")
    model.save("results/encoders/prompted", create_model_card=False)
    loaded, left = evaluation_models.loaded_with_rest(Path("results/encoders/prompted"), 32)
    assert left == [
        "mteb alone would use its own prompts (STS); here those of the experiment",
        "mteb alone would use its default prompt 'STS'; here none",
        "mteb alone would read 96 tokens of a text; here 32 (max_length)",
    ]
    assert (loaded.prompts, loaded.max_seq_length) == ({}, 32)
    assert evaluation_models.loaded_with_rest(Path("results/encoders/tiny"), 96)[1] == []


def test_the_instruction_of_a_query_is_read_with_it(experiment: SimpleNamespace, tmp_path: Path) -> None:
    """As mteb has it: behind the query."""
    laid = tmp_path / "Titles"
    shutil.copytree("data/benchmark/Titles", laid)
    (file,) = laid.glob("queries/**/*.parquet")
    queries = pq.read_table(file)
    told = [f"река {row}" for row in range(len(queries))]
    pq.write_table(queries.append_column("instruction", [told]), file)
    task = tasks.load_task("Titles", OWN["Titles"], laid)
    evaluated = evaluation_models.load_evaluated(
        only(experiment, "Titles", bare=Model(weights="results/encoders/tiny", prompts="none")), "bare", {}
    )
    with libraries.fresh_cache():
        score = mteb.evaluate(evaluated, task, cache=None, co2_tracker=False, show_progress_bar=False)[0].get_score()
    saved = Path("results/encoders/headed")
    evaluation_models.load_model(Path("results/encoders/tiny"), 96).save(str(saved), create_model_card=False)
    assert 100 * score == pytest.approx(alone(saved, "Titles", OWN["Titles"], laid), abs=2e-3)
    given = datasets.Dataset.from_dict({"text": ["а", "б"], "instruction": ["в", None]})
    assert mteb_model.questions(given) == ["а в", "б"]


def test_prompts_of_mteb_are_those_that_it_registers() -> None:
    """E5 gets none but in search, whereas its card and the paper have "query: " before all."""
    ours, card = prompts.model_prompts("mteb", id=SMALL), prompts.model_prompts("e5")
    theirs = mteb.get_model_meta(SMALL).loader_kwargs["model_prompts"]
    symmetric = {name: category for each in TABLE.values() for name, category in each.items()}
    assert len(symmetric) == 18
    for name, category in symmetric.items():
        metadata = tasks.rumteb()[name].metadata
        assert get_prompt(theirs, metadata, None) is prompts.prompt_of(ours, name, category) is None, name
        assert prompts.prompt_of(card, name, category) == "query: ", name
    for name, category in SEARCH.items():
        for side in PromptType:
            known = get_prompt(theirs, tasks.rumteb()[name].metadata, side)
            assert known == prompts.prompt_of(ours, name, category, side.value), name
            assert known == prompts.prompt_of(card, name, category, side.value), name
    released = prompts.model_prompts("mteb", id="ai-forever/ru-en-RoSBERTa")
    assert prompts.prompt_of(released, "STS22", "STS") == "clustering: "


def test_mteb_registers_no_prompts_for_what_has_no_id() -> None:
    for id, message in (
        (None, "this model has none"),
        ("no/such-model", r"registers no no/such-model"),
        ("intfloat/multilingual-e5-large-instruct", "instructions; write instruct"),
    ):
        with pytest.raises(Mistake, match=message):
            prompts.model_prompts("mteb", id=id)


def test_texts_may_go_without_prompt_as_mteb_has_it(
    experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For `mteb` a symmetric text without a prompt is no mistake; the summary says what each task took."""
    registered = {"query": "query: ", "document": "passage: "}
    monkeypatch.setattr(prompts, "registered", lambda _: registered)
    some = only(experiment, "TERRa", "RuBQReranking", way=Model(weights="results/encoders/tiny", prompts="mteb"))
    evaluate.run(some, "way")
    found = read_json(Path("results/scores/way/summary.json"))
    assert {name: each["prefix"] for name, each in found["tasks"].items()} == {
        "TERRa": "", "RuBQReranking": "query:  | passage: "
    }  # fmt: skip
    assert found["model"]["prompts"] == "mteb"


def test_the_summary_says_what_a_score_rests_on(experiment: SimpleNamespace, tmp_path: Path) -> None:
    """Digests of data, settings, code and examples; texts and how many were cut, whether embedded or from the cache."""
    evaluation_models.EMBEDDINGS, before = tmp_path, evaluation_models.EMBEDDINGS
    try:
        some = only(
            experiment, "STS22", "TERRa", short=Model(weights="results/encoders/tiny", prompts="none", max_length=12)
        )
        some.evaluate = experiment.evaluate.model_copy(update={"cache_gb": 1})
        summaries = []
        for _ in range(2):
            evaluate.run(some, "short")
            summaries.append(read_json(Path("results/scores/short/summary.json")))
        some.evaluate = some.evaluate.model_copy(update={"seed": 1})
        evaluate.run(some, "short")
    finally:
        evaluation_models.EMBEDDINGS = before
    assert summaries[0] == summaries[1]
    task = summaries[0]["tasks"]["STS22"]
    pairs = pq.read_table("results/scores/short/examples/STS22.parquet")
    data = tasks.load_task("STS22", some.benchmark.tasks["STS22"], Path("data/benchmark/STS22"))
    data.load_data()
    rows = data.dataset["ru"]["test"] if "ru" in data.dataset else data.dataset["test"]
    texts = set(rows["sentence1"]) | set(rows["sentence2"])
    tokenizer = SentenceTransformer("results/encoders/tiny").tokenizer
    longer = sum(len(tokenizer(text)["input_ids"]) > 12 for text in texts)
    assert 0 < task["texts_cut"] <= task["texts"]
    assert longer <= task["texts_cut"]
    assert task["splits"] == ["test"]
    assert summaries[0]["model"]["max_length"] == 12
    assert {"revision", "weights", "pooling", "precision", "prompts"} <= set(summaries[0]["model"])
    ids = [example_scores.id_of(*pair) for pair in zip(rows["sentence1"], rows["sentence2"], strict=True)]
    assert pairs["id"].to_pylist() == ids
    again = read_json(Path("results/scores/short/summary.json"))["tasks"]["STS22"]
    assert again["settings"] != task["settings"]
    assert {name: again[name] for name in ("data", "code", "ids")} == {
        name: task[name] for name in ("data", "code", "ids")
    }
    assert summaries[0]["tasks"]["TERRa"]["data"] != task["data"]
    assert np.isfinite(task["score"])


def test_what_was_kept_is_of_these_settings_and_this_data_only(
    experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is scored again under another seed, and where a file of the task or of the model has changed."""
    some = only(experiment, "TERRa", "STS22", left=Model(weights="results/encoders/left", prompts="none"))
    shutil.copytree("results/encoders/tiny", "results/encoders/left")
    shutil.copytree("data/benchmark", "copied", dirs_exist_ok=True)
    monkeypatch.setattr(evaluate, "BENCHMARK", Path("copied"))
    score, scored = evaluate._score, []

    def stopped(evaluated: object, task: mteb.AbsTask, leave: object) -> object:
        scored.append(task.metadata.name)
        if task.metadata.name == "STS22":
            raise KeyboardInterrupt
        return score(evaluated, task, leave)

    def again() -> list[str]:
        scored.clear()
        with pytest.raises(KeyboardInterrupt):
            evaluate.run(some, "left")
        return list(scored)

    monkeypatch.setattr(evaluate, "_score", stopped)
    assert again() == ["TERRa", "STS22"]
    assert again() == ["STS22"]
    some.evaluate = experiment.evaluate.model_copy(update={"seed": 5})
    assert again() == ["TERRa", "STS22"]
    assert again() == ["STS22"]
    (file,) = [file for file in Path("copied/TERRa").rglob("*.parquet") if file.name != "texts.parquet"]
    pq.write_table(pq.read_table(file).slice(1), file)
    assert again() == ["TERRa", "STS22"]
    Path("results/encoders/left/added.txt").touch()
    assert again() == ["TERRa", "STS22"]


def test_search_goes_as_deep_as_mteb_asks(experiment: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """To 1,000 documents, by which recall at that depth is scored, and to all of a list."""
    asked = []
    search = mteb_model.Evaluated.search

    def listened(evaluated: mteb_model.Evaluated, queries: datasets.Dataset, **given: object) -> object:
        found = search(evaluated, queries, **given)
        asked.append((given["top_k"], given.get("top_ranked"), found, len(evaluated._corpus or ())))
        return found

    monkeypatch.setattr(mteb_model.Evaluated, "search", listened)
    some = only(experiment, "Titles", "RuBQReranking", deep=Model(weights="results/encoders/tiny", prompts="none"))
    evaluate.run(some, "deep")
    for depth, lists, found, corpus in asked:
        assert depth >= 1000
        for id, ranked in found.items():
            assert len(ranked) == (min(depth, corpus) if lists is None else len(lists[id]))
    few = evaluation_models.load_evaluated(some, "deep", {})
    words = [f"слово {number}" for number in range(150)]
    few.index(datasets.Dataset.from_dict({"id": words, "text": words}))
    metadata = tasks.rumteb()["RuBQRetrieval"].metadata
    queries = datasets.Dataset.from_dict({"id": ["q"], "text": ["слово"]})
    assert len(search(few, queries, task_metadata=metadata, top_k=1000)["q"]) == 150


def test_tasks_of_like_names_are_scored_on_what_is_theirs(experiment: SimpleNamespace) -> None:
    """Where one's file holds but half of the other's: the library's cache would give both the first's."""
    whole, half = Path("data/benchmark/Likeness"), Path("data/benchmark/likeness")
    shutil.copytree(whole, half)
    (lines,) = half.glob("test/*.jsonl")
    texts = lines.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.write_text("".join(texts[: len(texts) // 2]), encoding="utf-8")
    some = only(experiment, "Likeness", alike=Model(weights="results/encoders/tiny", prompts="none"))
    some.benchmark.tasks["likeness"] = some.benchmark.tasks["Likeness"]
    evaluate.run(some, "alike")
    kept = {name: pq.read_table(f"results/scores/alike/examples/{name}.parquet") for name in some.benchmark.tasks}
    assert {name: len(table) for name, table in kept.items()} == {
        "Likeness": len(texts), "likeness": len(texts) // 2,
    }  # fmt: skip
