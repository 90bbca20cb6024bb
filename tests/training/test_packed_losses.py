"""Both trainings' losses and gradients are those of sentence-transformers and transformers over padded batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.experiment.training import Contrast, Pretrain
from rosberta.texts.draws import draw
from rosberta.texts.ngrams import hash_text
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.contrastive import Contrastive
from rosberta.training.masked_language import MaskedLanguage, masking_of
from rosberta.training.masking import masked
from rosberta.training.schedule import Schedule
from rosberta.training.token_store import tokenizer_of
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from support.encoders import ENGLISH, RUSSIAN, bert, contrastive, masked_language, mined_rows, write_roberta
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

LENGTH = 40
ROWS = {"a": mined_rows("a", 22), "b": mined_rows("b", 9, prefix="clustering")}
TEXTS = [*RUSSIAN, *ENGLISH, "Да.", "слово " * 40]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With larger weights than at random, so that embeddings differ as much as those of real encoders."""
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH], scale=4)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contrast(**changes: Any) -> Contrast:
    chosen = {"batch_size": 8, "devices": 4, "hard_negatives": 3, "max_length": LENGTH, "dropout": 0.0}
    return Contrast(**{"warmup_steps": 0} | chosen | changes)


def pretrain(**changes: Any) -> Pretrain:
    chosen = {"batch_size": len(TEXTS), "max_length": LENGTH, "dropout": 0.0, "mask_probability": 0.3}
    return Pretrain(**chosen | changes)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def assert_near(found: dict[str, Tensor], expected: dict[str, Tensor], share: float) -> None:
    """Every gradient differs by no more than a share of its own norm, or a tenth of that of all gradients'."""
    assert found.keys() == expected.keys()
    assert len(found) > 30
    total = torch.stack([each.double().norm() for each in expected.values()]).norm()
    assert total > 1e-2
    for name, each in expected.items():
        off = (found[name].double() - each.double()).norm()
        assert off <= share * (each.double().norm() + 0.1 * total), f"{name}: {off} of {each.norm()}"


def step_of(work: Contrastive, step: int = 0, world: int = 1) -> tuple[float, dict[str, Tensor]]:
    """Mean loss and gradients of a step in training mode."""
    work.encoder.zero_grad()
    work.encoder.train()
    totals = [work.compute(step, rank, world) for rank in range(world)]
    return sum(each.loss for each in totals) / sum(each.number for each in totals), gradients(work.encoder)


def columns_of(source: str, rows: Iterable[int]) -> list[list[str]]:
    """Anchors, positives and each of three negatives, with their prefixes."""
    prefix = PREFIXES[ROWS[source][0]["prefix"]]
    chosen = [ROWS[source][row] for row in rows]
    documents = [[row["positive"], *row["negatives"]] for row in chosen]
    return [[prefix.query + row["anchor"] for row in chosen]] + [
        [prefix.document + row[place] for row in documents] for place in range(4)
    ]


def sentence_transformers(
    encoder: Path, drawn: Schedule, temperature: float, mini_batch: int | None
) -> tuple[float, dict[str, Tensor]]:
    """The same of sentence-transformers, over padded batches: device batches weigh as many rows as they have."""
    model = load_sentence_transformer(encoder, "cls", LENGTH).eval()
    loss: nn.Module = (
        MultipleNegativesRankingLoss(model, scale=1 / temperature)
        if mini_batch is None
        else CachedMultipleNegativesRankingLoss(model, scale=1 / temperature, mini_batch_size=mini_batch)
    )
    total = 0.0
    for _, source, rows in drawn.step(0):
        value = loss([model.preprocess(column) for column in columns_of(source, rows)], None)
        part = value * (len(rows) / drawn.rows_of(0))
        part.backward()
        total += part.item()
    return total, gradients(model[0].auto_model)


def info_nce(encoder: Path, drawn: Schedule, temperature: float) -> float:
    """-log softmax of each anchor's positive among all positives and negatives of its batch, averaged, in NumPy."""
    model = load_sentence_transformer(encoder, "cls", LENGTH).eval()
    losses = []
    for _, source, rows in drawn.step(0):
        asked, *answers = (model.encode(column).astype(np.float64) for column in columns_of(source, rows))
        documents = np.concatenate(answers)
        cosines = (asked @ documents.T) / np.linalg.norm(asked, axis=1)[:, None] / np.linalg.norm(documents, axis=1)
        logits = cosines / temperature
        losses += [np.log(np.exp(row - row.max()).sum()) + row.max() - row[place] for place, row in enumerate(logits)]
    return float(np.mean(losses))


@pytest.mark.parametrize("micro_tokens", [16_384, 150], ids=["plain", "cached"])
@pytest.mark.parametrize("temperature", [0.02, 0.3])
def test_contrastive_step_is_sentence_transformers(encoder: Path, temperature: float, micro_tokens: int) -> None:
    """Loss and gradients of a step of unequal device batches of two sources, with negatives that several rows bring."""
    work, drawn = contrastive(encoder, ROWS, contrast(temperature=temperature, micro_tokens=micro_tokens))
    assert {len(rows) for _, _, rows in drawn.step(0)} > {8}, "batches are unequal"
    assert len({source for _, source, _ in drawn.step(0)}) == 2
    found, gradient = step_of(work)
    plain, plain_gradient = sentence_transformers(encoder, drawn, temperature, None)
    assert found == pytest.approx(plain, rel=1e-5)
    assert_near(gradient, plain_gradient, 1e-5)
    cached, cached_gradient = sentence_transformers(encoder, drawn, temperature, 3)
    assert found == pytest.approx(cached, rel=1e-5)
    assert_near(gradient, cached_gradient, 1e-5)
    assert found == pytest.approx(info_nce(encoder, drawn, temperature), rel=1e-5)


def test_negatives_count_as_often_as_rows_bring_them(encoder: Path) -> None:
    """Were a document that several rows bring counted once, the loss would be another."""
    _, drawn = contrastive(encoder, ROWS, contrast())
    documents = [text for column in columns_of("a", drawn.step(0)[0][2])[1:] for text in column]
    assert len(documents) > 2 * len(set(documents))


def test_totals_of_a_contrastive_step(encoder: Path) -> None:
    """Anchors, the tokens of distinct texts, and how many anchors are nearest to their positive."""
    work, drawn = contrastive(encoder, ROWS, contrast(temperature=1.0))
    work.encoder.eval()
    totals = work.compute(0, 0, 1)
    model = load_sentence_transformer(encoder, "cls", LENGTH).eval()
    right = tokens = 0
    for _, source, rows in drawn.step(0):
        asked, *answers = columns_of(source, rows)
        cosines = (
            model.encode(asked, normalize_embeddings=True)
            @ np.concatenate([model.encode(column, normalize_embeddings=True) for column in answers]).T
        )
        right += (cosines.argmax(axis=1) == np.arange(len(rows))).sum()
        distinct = sorted(set(asked)) + sorted({text for column in answers for text in column})
        tokens += sum(int(model.preprocess([text])["attention_mask"].sum()) for text in distinct)
    assert (totals.number, totals.right, totals.tokens) == (drawn.rows_of(0), right, tokens)
    assert 0 < right < totals.number


@pytest.mark.parametrize("micro_tokens", [1, 60, 400])
def test_micro_batches_change_nothing(encoder: Path, micro_tokens: int) -> None:
    """With micro-batches of any size, down to a text each, loss and gradients are those of one."""
    one = step_of(contrastive(encoder, ROWS, contrast(temperature=0.2))[0])
    many = step_of(contrastive(encoder, ROWS, contrast(temperature=0.2, micro_tokens=micro_tokens))[0])
    assert many[0] == pytest.approx(one[0], rel=1e-6)
    assert_near(many[1], one[1], 1e-6)


def contrast_loss(encoder: Path, **changes: Any) -> tuple[nn.Module, Callable[[], tuple[float, dict[str, Tensor]]]]:
    work = contrastive(encoder, {"a": ROWS["a"]}, contrast(temperature=0.3, devices=1, **changes))[0]
    return work.encoder, lambda: step_of(work)


def pretrain_loss(encoder: Path, **changes: Any) -> tuple[nn.Module, Callable[[], tuple[float, dict[str, Tensor]]]]:
    work = masked_language(encoder, TEXTS, pretrain(**changes))
    return work.model, lambda: mlm_step_of(work)


@pytest.mark.parametrize("micro_tokens", [16_384, 100], ids=["one", "many"])
@pytest.mark.parametrize("make", [contrast_loss, pretrain_loss])
def test_dropout_is_the_same_in_loss_and_gradient(encoder: Path, make: Callable[..., Any], micro_tokens: int) -> None:
    """With dropout a step repeats bit for bit, and its gradient is the slope of its own loss, by differences."""
    model, step = make(encoder, micro_tokens=micro_tokens, dropout=0.2, attention_dropout=0.2)
    loss, gradient = step()
    torch.manual_seed(7)
    torch.rand(3)
    again, same = step()
    assert loss == again
    assert all(torch.equal(gradient[name], same[name]) for name in gradient)
    norm = float(torch.stack([each.norm() for each in gradient.values()]).norm())
    weights = dict(model.named_parameters())

    def moved(by: float) -> float:
        with torch.no_grad():
            for name, each in gradient.items():
                weights[name] += by * each / norm
        return step()[0]

    width = 5e-4
    above = moved(width)
    below = moved(-2 * width)
    assert (above - below) / (2 * width) == pytest.approx(norm, rel=1e-2)
    still = make(encoder, micro_tokens=micro_tokens)[1]()[0]
    assert abs(still - loss) > 1e-3, "dropout is at work"


def test_dropout_differs_from_step_to_step(encoder: Path) -> None:
    """Seeds, steps and parts have their own dropout."""
    rows = {"a": ROWS["a"]}
    found = []
    for seed in (0, 1):
        # Of one batch a schedule, so that both steps and seeds have the same rows.
        chosen = contrast(temperature=0.3, devices=1, batch_size=22, max_steps=2, dropout=0.3)
        work, drawn = contrastive(encoder, rows, chosen, seed)
        assert drawn.steps == 2
        found += [step_of(work, step)[0] for step in (0, 1)]
        still = contrastive(encoder, rows, chosen.model_copy(update={"dropout": 0.0}), seed)[0]
        assert step_of(still, 0)[0] == pytest.approx(step_of(still, 1)[0], rel=1e-5)
    assert min(abs(one - other) for place, one in enumerate(found) for other in found[:place]) > 1e-4


def forwards(model: nn.Module) -> list[tuple[int, int, int]]:
    """A list that grows with every forward of an encoder: its texts, its tokens, and the seed of its dropout."""
    found: list[tuple[int, int, int]] = []
    model.register_forward_pre_hook(
        lambda module, args, row: found.append(
            (len(row["cu_seq_lens_q"]) - 1, row["input_ids"].numel(), torch.initial_seed())
        ),
        with_kwargs=True,
    )
    return found


@pytest.mark.parametrize("micro_tokens", [1, 130, 16_384])
def test_memory_holds_a_micro_batch(encoder: Path, micro_tokens: int) -> None:
    """Nothing is computed at once that is over the bound, but a single text; few parts are more than half empty."""
    work, _ = contrastive(encoder, ROWS, contrast(micro_tokens=micro_tokens))
    language = masked_language(encoder, TEXTS, pretrain(micro_tokens=micro_tokens))
    for model, compute in ((work.encoder, work.compute), (language.model.roberta, language.compute)):
        found = forwards(model)
        tokens = compute(0, 0, 1).tokens
        assert all(texts == 1 or size <= micro_tokens for texts, size, _ in found)
        often = sum(size for _, size, _ in found) / tokens
        assert often in (1, 2), "what fits in one part is computed once, else once more for the gradients"
        if micro_tokens == 130:
            assert len(found) > 4 * often
            assert len(found) < 2 * often * tokens / micro_tokens
        assert micro_tokens < 16_384 or often == 1


def test_each_part_has_its_own_dropout(encoder: Path) -> None:
    """No two parts, device batches, steps or seeds share the draws of dropout; of a part all computations do."""
    seeds: list[int] = []
    for seed in (0, 1):
        work, _ = contrastive(encoder, ROWS, contrast(micro_tokens=130, devices=2), seed)
        language = masked_language(encoder, TEXTS, pretrain(micro_tokens=130, batch_size=20, epochs=2.0, seed=seed))
        for model, compute, often in ((work.encoder, work.compute, 2), (language.model.roberta, language.compute, 1)):
            found = forwards(model)
            for step in (0, 1):
                compute(step, 0, 1)
            drawn = [seeded for _, _, seeded in found]
            assert all(drawn.count(seeded) == often for seeded in drawn)
            seeds += set(drawn)
    assert len(seeds) > 40
    assert len(set(seeds)) == len(seeds)


def test_processes_share_a_step_out(encoder: Path) -> None:
    """What several processes compute of a step, one after the other, adds up to what one does, whatever the dropout."""
    work, _ = contrastive(encoder, ROWS, contrast(temperature=0.2, dropout=0.2, micro_tokens=150))
    language = masked_language(encoder, TEXTS, pretrain(dropout=0.2, micro_tokens=100))
    for step in (lambda world: step_of(work, 0, world), lambda world: mlm_step_of(language, 0, world)):
        one = step(1)
        for world in (2, 3, 16):
            some = step(world)
            assert some[0] == pytest.approx(one[0], rel=1e-6)
            assert_near(some[1], one[1], 1e-6)
    assert work.compute(0, 1, 2).number < work.compute(0, 0, 1).number


def mlm_step_of(work: MaskedLanguage, step: int = 0, world: int = 1) -> tuple[float, dict[str, Tensor]]:
    """Mean loss and gradients of a step in training mode."""
    work.model.zero_grad()
    work.model.train()
    totals = [work.compute(step, rank, world) for rank in range(world)]
    return sum(each.loss for each in totals) / sum(each.number for each in totals), gradients(work.model)


def padded(
    encoder: Path, texts: list[str], seed: int, epoch: int, probability: float
) -> tuple[dict[str, Tensor], Tensor]:
    """Hidden texts as a padded batch, and labels that are -100 where nothing is to be guessed."""
    tokenizer = tokenizer_of(encoder, LENGTH)
    how = masking_of(tokenizer, Pretrain(mask_probability=probability), "")
    ids, labels = [], []
    for text in texts:
        own = np.array(tokenizer.encode(text).ids, np.int32)
        number = (hash_text(text) + draw(seed, "masks", str(epoch))) % 2**64
        hidden, chosen = masked(own, np.array([0, len(own)]), np.array([number], np.uint64), how)
        ids.append(torch.from_numpy(hidden.astype(np.int64)))
        label = np.full(len(own), -100)
        label[chosen] = own[chosen]
        labels.append(torch.from_numpy(label))
    mask = [torch.ones(len(own), dtype=torch.int64) for own in ids]
    rows = [nn.utils.rnn.pad_sequence(each, True, filler) for each, filler in ((ids, 1), (mask, 0), (labels, -100))]
    return {"input_ids": rows[0], "attention_mask": rows[1]}, rows[2]


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_masked_language_step_is_transformers(encoder: Path, parts: int) -> None:
    """However many parts: the loss is the sum over all masked tokens of the step, divided by their number."""
    tokens = sum(len(tokenizer_of(encoder, LENGTH).encode(text).ids) for text in TEXTS)
    work = masked_language(encoder, TEXTS, pretrain(micro_tokens=-(-tokens // parts), seed=3))
    found, gradient = mlm_step_of(work)
    batch, labels = padded(encoder, TEXTS, 3, 0, 0.3)
    reference = AutoModelForMaskedLM.from_pretrained(encoder).eval()
    answer = reference(**batch, labels=labels)
    answer.loss.backward()
    assert found == pytest.approx(answer.loss.item(), rel=1e-6)
    assert_near(gradient, gradients(reference), 1e-5)
    chosen = labels != -100
    work.model.eval()
    totals = work.compute(0, 0, 1)
    right = (answer.logits.argmax(dim=-1) == labels)[chosen].sum()
    assert (totals.number, totals.right, totals.tokens) == (chosen.sum(), right, tokens)


def test_epochs_of_masked_language(encoder: Path) -> None:
    """An epoch takes each text once, in its own order and under its own masks; a step may lie in two of them."""
    size, number = 5, len(TEXTS)
    seen: list[list[int]] = []
    work = masked_language(encoder, TEXTS, pretrain(batch_size=size, epochs=2.0, seed=1))
    assert work.steps == -(-2 * number // size)
    work.model.roberta.register_forward_pre_hook(
        lambda module, args, row: seen.extend(
            row["input_ids"][0, start:end].tolist()
            for start, end in zip(row["cu_seq_lens_q"][:-1], row["cu_seq_lens_q"][1:], strict=True)
        ),
        with_kwargs=True,
    )
    for step in range(work.steps):
        work.compute(step, 0, 1)
    hidden = [
        [row[keep].tolist() for row, keep in zip(batch["input_ids"], batch["attention_mask"].bool(), strict=True)]
        for batch, _ in (padded(encoder, TEXTS, 1, epoch, 0.3) for epoch in (0, 1))
    ]
    assert sorted(seen) == sorted([*hidden[0], *hidden[1]])
    assert [*seen[:size]] != hidden[0][:size]
    for step in range(work.steps):
        of_step = seen[step * size : (step + 1) * size]
        expected = [hidden[place // number] for place in range(step * size, min((step + 1) * size, 2 * number))]
        assert all(any(text in each for each in expected) for text in of_step)
    # A text a step, told by its tokens: the second epoch has an order of its own.
    whole = masked_language(encoder, TEXTS, pretrain(batch_size=1, epochs=2.0, seed=1, mask_probability=0.9))
    order = [whole.compute(step, 0, 1).tokens for step in range(2 * number)]
    assert sorted(order[:number]) == sorted(order[number:])
    assert order[:number] != order[number:]
    # A work that begins in the middle, as after a checkpoint, takes the same texts.
    fresh = masked_language(encoder, TEXTS, pretrain(batch_size=size, epochs=2.0, seed=1))
    assert mlm_step_of(fresh, 6)[0] == mlm_step_of(work, 6)[0] != mlm_step_of(work, 7)[0]


def test_no_masked_token_no_gradient(encoder: Path) -> None:
    """A step in which nothing was chosen adds nothing, and is no mistake."""
    work = masked_language(encoder, ["Да."], pretrain(mask_probability=1e-9, batch_size=1))
    assert tuple(work.compute(0, 0, 1))[:3] == (0, 0, 0)
    assert not gradients(work.model)


def test_masked_language_of_a_bert(encoder: Path) -> None:
    """A BERT, whose head has another name, learns the same as in transformers."""
    store, settings = masked_language(encoder, TEXTS, pretrain())._texts, pretrain(micro_tokens=200)
    tokenizer = tokenizer_of(encoder, LENGTH)
    found, gradient = mlm_step_of(MaskedLanguage(bert(LENGTH), tokenizer, store, settings, "pretrain@a"))
    batch, labels = padded(encoder, TEXTS, 0, 0, 0.3)
    reference = bert(LENGTH).eval()
    loss = reference(**batch, labels=labels).loss
    loss.backward()
    assert found == pytest.approx(loss.item(), rel=1e-6)
    assert_near(gradient, gradients(reference), 1e-5)


@pytest.mark.parametrize("change", [{"dropout": 0.3}, {"attention_dropout": 0.3}])
@pytest.mark.parametrize("make", [contrast_loss, pretrain_loss])
def test_dropout_changes_the_loss(encoder: Path, make: Callable[..., Any], change: dict[str, float]) -> None:
    """Either dropout alone makes another loss of a step."""
    without, with_it = make(encoder)[1]()[0], make(encoder, **change)[1]()[0]
    assert abs(with_it - without) > 1e-4
