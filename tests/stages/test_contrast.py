"""Stage `contrast`: the loss is InfoNCE, batches are of one source, prefixes arrive, and a training repeats."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.experiment.training import Contrast
from rosberta.frame import artifacts
from rosberta.frame.artifacts import ENCODERS, MINED, MIXTURES, RUNS
from rosberta.frame.files import digest, files_of, sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.contrast import run
from rosberta.texts.normalisation import normal
from rosberta.texts.prefixes import PREFIXES
from rosberta.training import trainer as training_trainer
from rosberta.training.batches import ApartBatchSampler
from rosberta.training.contrastive import dataset, prompts_of, trainer_of
from rosberta.training.losses import loss_of
from sentence_transformers import SentenceTransformer
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from transformers import AutoModel, AutoTokenizer, Trainer

pytestmark = pytest.mark.slow

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

SETTINGS = {
    "max_steps": 8, "batch_size": 8, "max_length": 24, "learning_rate": 1e-3, "warmup_steps": 2,
    "gradient_checkpointing": False,
}  # fmt: skip
SOURCES = {"questions": ("search", 40), "sentences": ("classification", 24), "themes": ("clustering", 3)}
WORDS = sorted({word.strip(".,").lower() for text in (*RUSSIAN, *ENGLISH) for word in text.split()})


def setting(**changes: Any) -> Contrast:
    return Contrast(**SETTINGS | changes)


def experiment(seed: int = 0, **changes: Any) -> Any:
    run = SimpleNamespace(encoder="tiny", mixture="full", seed=seed)
    return SimpleNamespace(contrast_of=lambda key: setting(**changes), runs={"a": run})


def rows(source: str, number: int) -> list[dict[str, Any]]:
    """Rows whose every text ends in its source's name, with seven negatives that other rows have too."""
    chance = random.Random(source)
    place = {
        "task": "retrieval",
        "prefix": SOURCES[source][0],
        "language": "ru",
        "source": source,
        "group": "synthetic",
    }

    def text(side: str, n: int) -> str:
        return f"{' '.join(chance.sample(WORDS, 4))} {side} {n} {source}"

    spare = [text("мимо", n) for n in range(12)]
    pairs = []
    for n in range(number):
        anchor = text("вопрос", n)
        # Half of the anchor's words, and as many others.
        pairs.append((anchor, " ".join([*chance.sample(WORDS, 2), *anchor.split()[:2], source])))
    return [
        {"anchor": anchor, "positive": positive, "negatives": chance.sample(spare, 7), **place, "id": f"{source}:{n}"}
        for n, (anchor, positive) in enumerate(pairs)
    ]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


@pytest.fixture
def project(tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an encoder, three mined sources and their plan as the current directory."""
    monkeypatch.chdir(tmp_path)
    ENCODERS.mkdir(parents=True)
    (ENCODERS / "tiny").symlink_to(encoder)
    sources = {}
    for name, (prefix, number) in SOURCES.items():
        write_rows(MINED / f"{name}.parquet", rows(name, number), {})
        sources[name] = {"sha256": sha256(MINED / f"{name}.parquet"), "rows": number, "prefix": prefix}
    write_json(MIXTURES / "full.json", {"mixture": "full", "rows": 67, "sources": sources})
    return tmp_path


def parts(settings: Contrast) -> tuple[dict[str, Dataset], dict[str, dict[str, str]]]:
    plan = json.loads((MIXTURES / "full.json").read_text())["sources"]
    return (
        {name: dataset(name, entry, settings, "full") for name, entry in plan.items()},
        {name: prompts_of(entry["prefix"], settings) for name, entry in plan.items()},
    )


def info_nce(queries: np.ndarray, positives: np.ndarray, negatives: np.ndarray, temperature: float) -> float:
    """-log softmax of each query's positive among all positives and all negatives of the batch, averaged.

    Shapes: (rows, dimension), (rows, dimension), (rows, negatives, dimension).
    """
    documents = np.concatenate([positives, negatives.reshape(-1, negatives.shape[-1])])
    cosines = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ (
        documents / np.linalg.norm(documents, axis=1, keepdims=True)
    ).T
    logits = cosines / temperature
    losses = [np.log(np.exp(row - row.max()).sum()) - (row[n] - row.max()) for n, row in enumerate(logits)]
    return float(np.mean(losses))


@pytest.mark.parametrize("mini_batch", [None, 3], ids=["plain", "cached"])
def test_the_loss_is_info_nce(project: Path, mini_batch: int | None) -> None:
    """With 7 negatives and temperature 0.02 the loss of a batch is the plain formula's, however it is computed."""
    chosen = setting(mini_batch=mini_batch)
    assert (chosen.temperature, chosen.hard_negatives) == (0.02, 7)
    model = load_sentence_transformer(ENCODERS / "tiny", "cls", 24).eval()
    batch = rows("questions", 10)
    columns = [[row["anchor"] for row in batch], [row["positive"] for row in batch]]
    columns += [[row["negatives"][n] for row in batch] for n in range(7)]
    loss = loss_of(model, chosen)([model.preprocess(column) for column in columns], None)
    embeddings = [model.encode(column).astype(np.float64) for column in columns]
    expected = info_nce(embeddings[0], embeddings[1], np.stack(embeddings[2:], axis=1), 0.02)
    assert expected > 1
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def batches(settings: Contrast, encoder: Path, folder: Path) -> list[dict[str, list[str]]]:
    """The texts of all batches of an epoch as they reach the model, by column: tokens, back in words."""
    datasets, prompts = parts(settings)
    model = load_sentence_transformer(encoder, "cls", settings.max_length)
    trainer = trainer_of(model, datasets, prompts, settings, 0, folder)
    return [
        {
            name.removesuffix("_input_ids"): model.tokenizer.batch_decode(ids, skip_special_tokens=True)
            for name, ids in batch.items()
            if name.endswith("_input_ids")
        }
        for batch in trainer.get_train_dataloader()
    ]


def test_batches_are_of_one_source_and_take_all_rows(project: Path, tmp_path: Path) -> None:
    """Every batch holds one source, each source has batches in proportion to its size, and every row comes once."""
    found = batches(setting(max_length=60), ENCODERS / "tiny", tmp_path / "scratch")
    of_source = Counter()
    anchors = Counter()
    for batch in found:
        sources = {text.rsplit(" ", 1)[-1] for column in batch.values() for text in column}
        assert len(sources) == 1
        of_source.update(sources)
        anchors.update(batch["anchor"])
    assert of_source == {"questions": 5, "sentences": 3, "themes": 1}
    assert sum(anchors.values()) == len(anchors) == 40 + 24 + 3
    order = [batch["anchor"][0].rsplit(" ", 1)[-1] for batch in found]
    assert order != sorted(order), "sources are drawn, not taken in turn"


def test_prefixes_reach_the_tokens(project: Path, tmp_path: Path) -> None:
    """Column by column, the ids that the model gets are those of the prefix and the text, in the order of the loss."""
    found = batches(setting(max_length=60), ENCODERS / "tiny", tmp_path / "scratch")
    assert {batch["anchor"][0].rsplit(" ", 1)[-1] for batch in found} == set(SOURCES)
    for batch in found:
        assert list(batch) == ["anchor", "positive", *(f"negative_{n}" for n in range(1, 8))]
        prefix = PREFIXES[SOURCES[batch["anchor"][0].rsplit(" ", 1)[-1]][0]]
        texts = {row["anchor"]: row for name, (_, number) in SOURCES.items() for row in rows(name, number)}
        for place, anchor in enumerate(batch["anchor"]):
            assert anchor.startswith(prefix.query)
            row = texts[anchor.removeprefix(prefix.query)]
            documents = [row["positive"], *row["negatives"]]
            assert [column[place] for column in list(batch.values())[1:]] == [
                prefix.document + text for text in documents
            ]


letters = st.sampled_from(["а", "А", "б", "в", "г", "д", "е", "Ё", "ж", "з", "и", "к", "л", "м"])
few_rows = st.lists(st.tuples(letters, letters, letters, letters), min_size=1, max_size=25)


@given(few_rows, st.integers(2, 6), st.integers(0, 3))
def test_no_positive_among_a_batchs_negatives(texts: list[tuple[str, ...]], batch_size: int, seed: int) -> None:
    """In no batch does another row hold an anchor or a positive that an anchor has in any row; no row comes twice."""
    columns = dict(zip(("anchor", "positive", "negative_1", "negative_2"), zip(*texts, strict=True), strict=True))
    sampler = ApartBatchSampler(Dataset.from_dict(columns), batch_size, seed=seed)
    forms = [[normal(text) for text in row] for row in texts]
    own = [{row[0]} | {other[1] for other in forms if other[0] == row[0]} for row in forms]
    drawn = list(sampler)
    assert len(drawn) == len(sampler) >= 1
    for batch in drawn:
        assert 1 <= len(batch) <= batch_size
        for one in batch:
            assert not any(own[one] & set(forms[other]) for other in batch if other != one)
    taken = [row for batch in drawn for row in batch]
    assert len(taken) == len(set(taken))
    largest = max(map(len, drawn))
    assert len(taken) == len(texts) or largest > 4, "rows are left out beside large batches alone"


def test_small_sources_fill_batches() -> None:
    """Where rows share hard negatives, batches are full and take nearly all rows; sharing none is asked of nobody."""
    columns: dict[str, list[str]] = {
        name: [] for name in ("anchor", "positive", *(f"negative_{n}" for n in range(1, 8)))
    }
    for row in rows("questions", 100):
        for name, text in zip(columns, (row["anchor"], row["positive"], *row["negatives"]), strict=True):
            columns[name].append(text)
    sampler = ApartBatchSampler(Dataset.from_dict(columns), 32)
    assert [len(batch) for batch in sampler] == [32, 32, 32]
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_equal_bytes_twice_and_the_seed_counts(project: Path) -> None:
    """Trained twice, every file is the same; with another seed it is not. Nothing that could hold code is written."""
    run(experiment(), "a")
    folder = RUNS / "a" / "contrasted"
    first = digest(folder)
    assert {file.suffix for file in files_of(folder)} == {".json", ".jsonl", ".safetensors"}
    assert str(project) not in "".join(file.read_text() for file in folder.rglob("*.json*"))
    assert len((folder / "loss.jsonl").read_text().splitlines()) == 8
    run(experiment(), "a")
    assert digest(folder) == first
    run(experiment(seed=1), "a")
    assert digest(folder) != first


def test_what_is_written_is_an_embedding_model(project: Path) -> None:
    """`SentenceTransformer(path)` embeds with the first token's state, normalised, with the recipe's prompts."""
    run(experiment(), "a")
    folder = RUNS / "a" / "contrasted"
    model = SentenceTransformer(str(folder), device="cpu")
    assert model.prompts["search_query"] == "search_query: "
    assert model.prompts["clustering"] == "clustering: "
    assert model.max_seq_length == 24
    text = RUSSIAN[0]
    by_hand = AutoModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(f"search_query: {text}", return_tensors="pt", truncation=True)
    with torch.no_grad():
        state = by_hand(**tokens).last_hidden_state[0, 0]
    expected = (state / state.norm()).numpy()
    np.testing.assert_allclose(model.encode_query(text), expected, atol=1e-5)
    np.testing.assert_allclose(model.encode(text, prompt_name="search_query"), expected, atol=1e-5)
    assert sha256(folder / "tokenizer.json") == sha256(ENCODERS / "tiny" / "tokenizer.json")


def test_training_lowers_the_loss(project: Path) -> None:
    """Over the same rows again and again, positives come nearer than negatives."""
    run(experiment(max_steps=54, learning_rate=3e-4), "a")
    losses = [json.loads(line)["loss"] for line in (RUNS / "a/contrasted/loss.jsonl").read_text().splitlines()]
    assert np.mean(losses[-9:]) < np.mean(losses[:9]) - 0.3


def test_gradient_checkpointing_changes_nothing(project: Path) -> None:
    """With it the losses are the same, step by step."""
    losses = []
    for checkpointing in (False, True):
        run(experiment(gradient_checkpointing=checkpointing), "a")
        losses.append(
            [json.loads(line)["loss"] for line in (RUNS / "a/contrasted/loss.jsonl").read_text().splitlines()]
        )
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_several_epochs(project: Path) -> None:
    """Without max_steps the epochs decide: of each, the batches of all sources."""
    run(experiment(max_steps=None, epochs=2.0), "a")
    points = [json.loads(line) for line in (RUNS / "a/contrasted/loss.jsonl").read_text().splitlines()]
    assert points[-1]["step"] == 2 * 9


def test_killed_and_started_again_is_as_unbroken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that dies goes on from its last checkpoint, and ends in the same bytes; then scratch is gone."""
    run(experiment(), "a")
    folder = RUNS / "a" / "contrasted"
    unbroken = digest(folder)
    monkeypatch.setattr(training_trainer, "CHECKPOINT_STEPS", 3)
    done: list[int] = []
    real = Trainer.training_step

    def dying(self: Trainer, *arguments: Any, **options: Any) -> torch.Tensor:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(self.state.global_step)
        return real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "training_step", dying)
        with pytest.raises(KeyboardInterrupt):
            run(experiment(), "a")
    assert digest(folder) == unbroken
    assert list(artifacts.SCRATCH.rglob("checkpoint-3"))
    done.clear()
    monkeypatch.setattr(
        Trainer, "training_step", lambda self, *a, **o: done.append(self.state.global_step) or real(self, *a, **o)
    )
    run(experiment(), "a")
    assert done == [3, 4, 5, 6, 7]
    assert digest(folder) == unbroken
    assert not list(artifacts.SCRATCH.rglob("checkpoint-*"))


def test_changed_source_is_a_mistake(project: Path) -> None:
    """A mined file that is not the plan's is named, with what to do; no model is written."""
    write_rows(MINED / "sentences.parquet", rows("sentences", 20), {})
    with pytest.raises(Mistake, match=r"data/mined/sentences\.parquet: .*`dvc repro mine@sentences`"):
        run(experiment(), "a")
    assert not RUNS.exists()
