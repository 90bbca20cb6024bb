"""Stage `contrast`: it writes an embedding model, prefixes arrive, batches are of one source, a training repeats."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from rosberta.experiment.training import Contrast
from rosberta.frame.artifacts import ENCODERS, MINED, MIXTURES, RUNS, SCRATCH
from rosberta.frame.files import digest, files_of, sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.contrast import run
from rosberta.texts.prefixes import PREFIXES
from rosberta.training import loop, token_store
from rosberta.training.contrastive import Batch, Contrastive, Source, source_of
from rosberta.training.loop import Totals
from rosberta.training.schedule import SHORT
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

SETTINGS = {
    "max_steps": 8, "devices": 2, "batch_size": 8, "max_length": 24, "learning_rate": 1e-3, "warmup_steps": 2,
    "micro_tokens": 1024,
}  # fmt: skip
SOURCES = {"questions": ("search", 40), "sentences": ("classification", 24), "themes": ("clustering", 3)}
WORDS = sorted({word.strip(".,").lower() for text in (*RUSSIAN, *ENGLISH) for word in text.split()})
CONTRASTED = RUNS / "a" / "contrasted"


def experiment(seed: int = 0, **changes: Any) -> Any:
    run = SimpleNamespace(encoder="tiny", mixture="full", seed=seed)
    return SimpleNamespace(contrast_of=lambda key: Contrast(**SETTINGS | changes), runs={"a": run})


def rows(source: str, number: int) -> list[dict[str, Any]]:
    """Rows whose every text ends in its source's name, with seven negatives that other rows have too."""
    chance = random.Random(source)
    place = {"task": "sts", "prefix": SOURCES[source][0], "language": "ru", "source": source, "group": "synthetic"}

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


def lay(sources: dict[str, list[dict[str, Any]]]) -> None:
    """Write mined sources and their plan."""
    plan = {}
    for name, each in sources.items():
        write_rows(MINED / f"{name}.parquet", each, {})
        plan[name] = {"sha256": sha256(MINED / f"{name}.parquet"), "rows": len(each), "prefix": SOURCES[name][0]}
    number = sum(map(len, sources.values()))
    write_json(MIXTURES / "full.json", {"mixture": "full", "rows": number, "sources": plan})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


@pytest.fixture
def project(tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an encoder, three mined sources and their plan as the current directory."""
    monkeypatch.chdir(tmp_path)
    ENCODERS.mkdir(parents=True)
    (ENCODERS / "tiny").symlink_to(encoder)
    lay({name: rows(name, number) for name, (_, number) in SOURCES.items()})
    return tmp_path


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """What a training sets for its process is not left to other tests."""
    yield
    torch.use_deterministic_algorithms(False)


def points() -> list[dict[str, float]]:
    return [json.loads(line) for line in (CONTRASTED / "loss.jsonl").read_text().splitlines()]


def device_batches() -> list[dict[str, Any]]:
    return pq.read_table(CONTRASTED / "schedule.parquet").to_pylist()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The encoder's weights by name, without those of a head."""
    found = load_file(folder / "model.safetensors")
    return {name.removeprefix("roberta."): weight for name, weight in found.items() if "lm_head" not in name}


class Seen:
    """What the work of a training was given, and in which steps it computed; it may die before one of them."""

    def __init__(self, patch: pytest.MonkeyPatch, dies: int | None = None) -> None:
        self.steps: list[int] = []
        self.batches: list[tuple[Source, list[int]]] = []
        compute, gathered = Contrastive.compute, Batch.__init__

        def computed(work: Contrastive, step: int, rank: int, world: int) -> Totals:
            if step == dies:
                raise KeyboardInterrupt
            self.steps.append(step)
            return compute(work, step, rank, world)

        def batched(batch: Batch, source: Source, which: np.ndarray, name: tuple[int, ...]) -> None:
            self.batches.append((source, which.tolist()))
            gathered(batch, source, which, name)

        patch.setattr(Contrastive, "compute", computed)
        patch.setattr(Batch, "__init__", batched)


def test_what_is_written_is_an_embedding_model(project: Path) -> None:
    """`SentenceTransformer(path)` embeds with the first token's state, normalised, with the recipe's prompts."""
    run(experiment(), "a")
    model = SentenceTransformer(str(CONTRASTED), device="cpu")
    assert model.prompts["search_query"] == "search_query: "
    assert model.prompts["clustering"] == "clustering: "
    assert model.max_seq_length == 24
    text = RUSSIAN[0]
    by_hand = AutoModel.from_pretrained(CONTRASTED).eval()
    tokens = AutoTokenizer.from_pretrained(CONTRASTED)(f"search_query: {text}", return_tensors="pt", truncation=True)
    assert tokens["input_ids"].shape[1] == 24, "the text is cut"
    with torch.no_grad():
        state = by_hand(**tokens).last_hidden_state[0, 0]
    expected = (state / state.norm()).numpy()
    np.testing.assert_allclose(model.encode_query(text), expected, atol=1e-5)
    np.testing.assert_allclose(model.encode(text, prompt_name="search_query"), expected, atol=1e-5)
    assert sha256(CONTRASTED / "tokenizer.json") == sha256(ENCODERS / "tiny" / "tokenizer.json")
    before, after = weights(ENCODERS / "tiny"), weights(CONTRASTED)
    assert after.keys() <= before.keys()
    assert not any(torch.equal(after[name], before[name]) for name in after), "all weights are learnt"


def test_prefixes_reach_the_tokens(project: Path) -> None:
    """The ids of every text are those of the prefix of its source and side and of the text, in the order of a row.

    Of the mined negatives a training takes as many as it names, the first.
    """
    tokenizer = Tokenizer.from_file(str(ENCODERS / "tiny" / "tokenizer.json"))
    plan = json.loads((MIXTURES / "full.json").read_text())["sources"]
    for (name, (prefix, number)), negatives in product(SOURCES.items(), (7, 2)):
        found = source_of(name, plan[name], "full", negatives, tokenizer, {})
        assert found.rows.shape == (number, 2 + negatives)
        query, document = (tokenizer.encode(text, add_special_tokens=False).ids for text in PREFIXES[prefix])
        for row, numbers in zip(rows(name, number), found.rows, strict=True):
            ids = [found.anchors[numbers[0]], *(found.documents[text] for text in numbers[1:])]
            texts = [PREFIXES[prefix].query + row["anchor"]]
            texts += [PREFIXES[prefix].document + text for text in (row["positive"], *row["negatives"][:negatives])]
            assert [each.tolist() for each in ids] == [tokenizer.encode(text).ids for text in texts]
            # The last token of the prefix, a space, is one with the first word.
            assert ids[0].tolist()[1 : len(query)] == query[:-1]
            assert ids[1].tolist()[1 : len(document)] == document[:-1]


def test_batches_are_of_one_source_and_take_all_rows(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed is the schedule that is written: each source in proportion to its size, every row once."""
    seen = Seen(monkeypatch)
    run(experiment(max_steps=None), "a")
    written = device_batches()
    assert Counter(batch["source"] for batch in written) == {"questions": 5, "sentences": 3, "themes": 1}
    taken = [(batch["source"], row) for batch in written for row in batch["rows"]]
    assert sorted(taken) == [(name, row) for name, (_, number) in sorted(SOURCES.items()) for row in range(number)]
    order = [batch["source"] for batch in written]
    assert order != sorted(order), "sources are drawn, not taken in turn"
    assert [(batch["step"], batch["device"]) for batch in written] == [(n // 2 + 1, n % 2) for n in range(9)]
    assert points()[-1]["step"] == written[-1]["step"] == 5
    tokenizer = Tokenizer.from_file(str(ENCODERS / "tiny" / "tokenizer.json"))
    tokenizer.enable_truncation(24)
    texts = {name: rows(name, number) for name, (_, number) in SOURCES.items()}
    assert len(seen.batches) == len(written)
    for (source, which), batch in zip(seen.batches, written, strict=True):
        assert which == batch["rows"]
        prefix = PREFIXES[SOURCES[batch["source"]][0]]
        anchors = [prefix.query + texts[batch["source"]][row]["anchor"] for row in which]
        ids = [source.anchors[text].tolist() for text in source.rows[which, 0]]
        assert ids == [each.ids for each in tokenizer.encode_batch(anchors)]


def test_several_epochs(project: Path) -> None:
    """Without max_steps the epochs decide: of each, the batches of all sources, anew drawn."""
    run(experiment(max_steps=None, epochs=2.0, devices=1), "a")
    assert points()[-1]["step"] == 2 * 9
    written = [(batch["source"], batch["rows"]) for batch in device_batches()]
    for epoch in (written[:9], written[9:]):
        assert Counter(name for name, _ in epoch) == {"questions": 5, "sentences": 3, "themes": 1}
        assert len({(name, row) for name, batch in epoch for row in batch}) == 67
    assert written[:9] != written[9:]


def test_the_curve_is_that_of_the_steps(project: Path) -> None:
    """A point a step: the rate warms up and falls, and tokens add up; the schedule names the same steps."""
    run(experiment(), "a")
    curve = points()
    assert [point["step"] for point in curve] == list(range(1, 9))
    assert {*curve[0]} == {"step", "loss", "accuracy", "gradient_norm", "learning_rate", "tokens"}
    rates = [point["learning_rate"] for point in curve]
    assert rates == pytest.approx([0, 5e-4, *(1e-3 * left / 6 for left in (6, 5, 4, 3, 2, 1))])
    assert all(earlier["tokens"] < later["tokens"] for earlier, later in pairwise(curve))
    assert all(0 <= point["accuracy"] <= 1 and point["gradient_norm"] > 0 for point in curve)
    assert {batch["step"] for batch in device_batches()} == {point["step"] for point in curve}


def test_training_lowers_the_loss(project: Path) -> None:
    """Over the same rows again and again, positives come nearer than negatives."""
    run(experiment(max_steps=54, devices=1, learning_rate=3e-4), "a")
    losses = [point["loss"] for point in points()]
    assert np.mean(losses[-9:]) < np.mean(losses[:9]) - 0.3


def info_nce(queries: np.ndarray, positives: np.ndarray, negatives: np.ndarray, temperature: float) -> list[float]:
    """-log softmax of each query's positive among all positives and all negatives of the batch.

    Shapes of what is normalised: (rows, dimension), (rows, dimension), (rows, negatives, dimension).
    """
    documents = np.concatenate([positives, negatives.reshape(-1, negatives.shape[-1])])
    logits = queries @ documents.T / temperature
    return [float(np.log(np.exp(row - row.max()).sum()) - (row[n] - row.max())) for n, row in enumerate(logits)]


@pytest.mark.parametrize("micro_tokens", [16_384, 100], ids=["at once", "cached"])
def test_the_loss_is_info_nce(project: Path, micro_tokens: int) -> None:
    """With 7 negatives and temperature 0.02 a step's loss is the plain formula's over what the model embeds."""
    run(experiment(max_steps=0), "a")
    start = SentenceTransformer(str(CONTRASTED), device="cpu")
    assert (Contrast().temperature, Contrast().hard_negatives) == (0.02, 7)
    run(experiment(dropout=0.0, micro_tokens=micro_tokens), "a")
    texts = {name: rows(name, number) for name, (_, number) in SOURCES.items()}
    expected = []
    for batch in device_batches()[:2]:
        taken = [texts[batch["source"]][row] for row in batch["rows"]]
        query, document = PREFIXES[SOURCES[batch["source"]][0]]
        documents = [[row["positive"], *row["negatives"]] for row in taken]
        answers = np.stack([start.encode(each, prompt=document).astype(np.float64) for each in documents])
        asked = start.encode([row["anchor"] for row in taken], prompt=query).astype(np.float64)
        expected += info_nce(asked, answers[:, 0], answers[:, 1:], 0.02)
    assert 1 < points()[0]["loss"] == pytest.approx(np.mean(expected), rel=1e-4)


def test_equal_bytes_twice_and_the_seed_counts(project: Path) -> None:
    """Trained twice, every file is the same; with another seed it is not. Nothing that could hold code is written."""
    run(experiment(), "a")
    first = digest(CONTRASTED)
    assert {file.suffix for file in files_of(CONTRASTED)} == {".json", ".jsonl", ".parquet", ".safetensors"}
    assert str(project) not in "".join(file.read_text() for file in CONTRASTED.rglob("*.json*"))
    # Once with the tokens that the first training kept, once without.
    run(experiment(), "a")
    assert digest(CONTRASTED) == first
    shutil.rmtree(token_store.STORES)
    run(experiment(), "a")
    assert digest(CONTRASTED) == first
    names = ("model.safetensors", "schedule.parquet", "loss.jsonl")
    parts = [sha256(CONTRASTED / name) for name in names]
    run(experiment(seed=1), "a")
    assert not {*parts} & {sha256(CONTRASTED / name) for name in names}


def test_killed_and_started_again_is_as_unbroken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that dies goes on from its last checkpoint, and ends in the same bytes; then checkpoints are gone."""
    run(experiment(), "a")
    unbroken = digest(CONTRASTED)
    assert not list(SCRATCH.rglob("step-*"))
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch:
        seen = Seen(patch, dies=5)
        with pytest.raises(KeyboardInterrupt):
            run(experiment(), "a")
        assert seen.steps == [0, 1, 2, 3, 4]
    assert digest(CONTRASTED) == unbroken
    (folder,) = (SCRATCH / "contrast" / "a").iterdir()
    assert {path.name for path in folder.iterdir()} == {"step-4", "step-5"}
    # As if the newer checkpoint had been damaged since.
    with (folder / "step-5" / "tensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"?")
    with monkeypatch.context() as patch:
        seen = Seen(patch)
        run(experiment(), "a")
        assert seen.steps == [4, 5, 6, 7]
    assert digest(CONTRASTED) == unbroken
    assert not list(SCRATCH.rglob("step-*"))


def test_checkpoints_of_another_training_are_not_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other settings a training begins anew, and what a killed one left goes."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        Seen(patch, dies=5)
        run(experiment(), "a")
    (left,) = (SCRATCH / "contrast" / "a").iterdir()
    with monkeypatch.context() as patch:
        seen = Seen(patch)
        run(experiment(temperature=0.05), "a")
        assert seen.steps == list(range(8))
    assert not left.exists()


def test_no_steps_no_change(project: Path) -> None:
    """With max_steps 0 the weights are the encoder's, in an embedding model all the same; no source is read."""
    for name in SOURCES:
        (MINED / f"{name}.parquet").unlink()
    run(experiment(max_steps=0), "a")
    before, after = weights(ENCODERS / "tiny"), weights(CONTRASTED)
    assert all(torch.equal(after[name], before[name]) for name in after)
    assert points() == device_batches() == []
    assert SentenceTransformer(str(CONTRASTED), device="cpu").encode(RUSSIAN[0]).shape == (32,)


def test_rows_that_are_left_out_are_told(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rows of one anchor are false negatives of each other: of many, few fit into an epoch, and the log says so."""
    questions = rows("questions", 28)
    same = [{**row, "anchor": "какой мост?"} for row in questions[16:]]
    lay({"questions": [*questions[:16], *same], "themes": rows("themes", 3)})
    with caplog.at_level("INFO"):
        run(experiment(max_steps=None, devices=1), "a")
    taken = [row for batch in device_batches() if batch["source"] == "questions" for row in batch["rows"]]
    told = next(message for message in caplog.messages if "left out" in message)
    assert told.startswith("a: of 28 rows of questions are left out of an epoch: ")
    assert f"{28 - len(taken)} {SHORT}" in told
    assert 16 < len(taken) < 28
    for batch in device_batches():
        assert batch["source"] != "questions" or sum(row >= 16 for row in batch["rows"]) <= 1
    assert not any("of themes" in message for message in caplog.messages if "left out" in message)


def test_changed_source_is_a_mistake(project: Path) -> None:
    """A mined file that is not the plan's is named, with what to do, tokens or not; no model is written."""
    run(experiment(), "a")
    before = digest(CONTRASTED)
    write_rows(MINED / "sentences.parquet", rows("sentences", 20), {})
    for _ in range(2):
        with pytest.raises(Mistake, match=r"data/mined/sentences\.parquet: .*`dvc repro mine@sentences`"):
            run(experiment(), "a")
        shutil.rmtree(token_store.STORES)
    assert digest(CONTRASTED) == before


def test_missing_inputs_are_mistakes(project: Path) -> None:
    """A missing source, plan or encoder is named, whether the source's tokens are kept or not; no model is written."""
    run(experiment(), "a")
    shutil.rmtree(RUNS)
    (MINED / "sentences.parquet").unlink()
    for _ in range(2):
        with pytest.raises(Mistake, match=r"data/mined/sentences\.parquet: missing; run `dvc repro mine@sentences`"):
            run(experiment(), "a")
        shutil.rmtree(token_store.STORES)
    (MIXTURES / "full.json").unlink()
    with pytest.raises(Mistake, match=r"data/mixtures/full\.json: missing"):
        run(experiment(), "a")
    (ENCODERS / "tiny").unlink()
    with pytest.raises(Mistake, match=r"results/encoders/tiny: missing; run `dvc repro pretrain@tiny`"):
        run(experiment(), "a")
    assert not RUNS.exists()


def test_no_number_is_a_mistake(project: Path, encoder: Path) -> None:
    """A weight at the end of its range ends the training in its first step, and nothing is written."""
    (ENCODERS / "tiny").unlink()
    shutil.copytree(encoder, ENCODERS / "tiny")
    tensors = load_file(encoder / "model.safetensors")
    tensors["roberta.encoder.layer.1.output.dense.weight"][0] = 3e38
    save_file(tensors, ENCODERS / "tiny" / "model.safetensors", {"format": "pt"})
    with pytest.raises(Mistake, match=r"contrast@a: step 1: loss nan.*nothing is written.*lower learning_rate"):
        run(experiment(), "a")
    assert not RUNS.exists()


def test_a_training_that_bursts_is_a_mistake(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an absurd learning rate losses end in no number; the last checkpoint stays, and nothing is written."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with pytest.raises(Mistake, match=r"contrast@a: step [34]: loss .*nothing is written"):
        run(experiment(learning_rate=1e30), "a")
    assert not RUNS.exists()
    assert list(SCRATCH.rglob("step-1"))
