"""Contrastive training: InfoNCE over device batches of packed texts, with cached gradients (paper 4.3, A.2.1).

Of a device batch each distinct text is embedded once. Where they do not fit in one micro-batch, all are embedded
without gradients first, the loss gives the gradient of each embedding, and micro by micro the texts are embedded again
to carry it on (GradCache; Gao et al. 2021, section 3): memory holds one micro-batch, and the loss is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rosberta.encoder.packing import cut
from rosberta.frame.artifacts import MINE, mined
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.frame.rows import read_batches
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.loop import Totals
from rosberta.training.losses import info_nce
from rosberta.training.packed import compiles, fix_dropout, prepared, row_of, states_of
from rosberta.training.processes import dealt
from rosberta.training.schedule import Schedule, texts_of
from rosberta.training.schedule import schedule as batched
from rosberta.training.step_negatives import known_pairs, left_out
from rosberta.training.token_store import TokenStore, opened, place_of, stored

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer
    from torch import Tensor

    from rosberta.experiment.training import Contrast


class Source(NamedTuple):
    """A mined source, cut into tokens."""

    anchors: TokenStore
    """Distinct anchors."""
    documents: TokenStore
    """Distinct positives and negatives."""
    rows: np.ndarray
    """int32, (rows, 2 + negatives): of each row its anchor, positive and negatives, in these stores."""
    forms: np.ndarray
    """int64, (rows, 2 + negatives): numbers of their normal forms, equal where the forms are."""
    positives: np.ndarray
    """int64, (pairs, 2): numbers of the forms of an anchor and a further positive of it, which may be no text here."""


def source_of(
    name: str, entry: Mapping[str, Any], mixture: str, negatives: int, tokenizer: Tokenizer, identity: Mapping[str, Any]
) -> Source:
    """Read a mined source, and cut its texts into tokens, unless that was done before.

    Args:
        name: of the source.
        entry: its entry in the plan: `sha256`, `prefix`, and `mining`, if it is not by `mine`.
        mixture: whose plan it is.
        negatives: of a row.
        tokenizer: cuts, special tokens included.
        identity: of the tokenizer.

    Raises:
        Mistake: the source is missing, or not the one that the plan names, or has rows with fewer negatives.
    """
    path = mined(name, entry.get("mining", MINE))
    if not path.is_file():
        raise Missing(path, f"mine@{name}")
    if sha256(path) != entry["sha256"]:
        raise Mistake(
            f"{path}: is not what the plan of {mixture} names; run `dvc repro mine@{name}`, then "
            f"`... mix@{mixture.partition('/')[0]}`"
        )
    prefix = PREFIXES[entry["prefix"]]
    inputs = {"rows": entry["sha256"], "negatives": negatives, "kind": "contrast", **identity}
    places = [place_of(inputs | {"side": side, "prefix": text}) for side, text in prefix._asdict().items()]
    found = [opened(place) for place in places]
    if None in found:
        sides, beside = _read(path, negatives)
        found = [
            stored(place, texts, tokenizer, text, noted=beside, total=len(texts))
            for place, texts, text in zip(places, sides, prefix, strict=True)
        ]
    anchors, documents = (each for each in found if each is not None)
    return Source(anchors, documents, *(documents.noted(name) for name in ("rows", "forms", "positives")))


def _read(path: Path, negatives: int) -> tuple[tuple[list[str], list[str]], dict[str, np.ndarray]]:
    """The distinct texts of both sides of a file, and what `Source` says of its rows, by name."""
    numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})
    known: dict[int, int] = {}
    of_text: tuple[list[int], list[int]] = ([], [])
    rows, positives = [], []

    def form_of(text: str) -> int:
        return known.setdefault(hash_text(normal(text)), len(known))

    def number(side: int, text: str) -> int:
        found = numbers[side].get(text)
        if found is None:
            numbers[side][text] = found = len(of_text[side])
            of_text[side].append(form_of(text))
        return found

    for batch in read_batches(path, ["anchor", "positive", "negatives", "positives", "id"]):
        for row in batch:
            if len(row["negatives"]) < negatives:
                raise Mistake(
                    f"{path}: row {row['id']} has {len(row['negatives'])} negatives, contrast.hard_negatives asks for "
                    f"{negatives}; lower it, or choose another mine.too_few than short"
                )
            documents = [row["positive"], *row["negatives"][:negatives]]
            rows.append([number(0, row["anchor"]), *(number(1, text) for text in documents)])
            positives += [(form_of(row["anchor"]), form_of(text)) for text in row["positives"]]
    array = np.array(rows, np.int32).reshape(len(rows), 2 + negatives)
    asked, answers = (np.array(each, np.int64) for each in of_text)
    forms = np.concatenate([asked[array[:, :1]], answers[array[:, 1:]]], axis=1)
    pairs = np.array(positives, np.int64).reshape(len(positives), 2)
    return (list(numbers[0]), list(numbers[1])), {"rows": array, "forms": forms, "positives": pairs}


def held_out(source: Source, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows of a source are trained on, and which are held out for the validation curve.

    Those of the smallest hashes are held out, one of each anchor and positive; what shares an anchor or a positive with
    one of them is not trained on. Rows that would take too many others with them are passed over.

    Args:
        source: cut into tokens.
        number: of rows to hold out, but for a tenth of all at most, those included that share something with them.

    Returns:
        int64 rows, rising, of both.
    """
    every = np.arange(len(source.rows))
    room = len(every) // 10
    if not number or not room:
        return every, every[:0]
    anchors, positives = np.array(source.forms[:, 0]), np.array(source.forms[:, 1])
    numbers = [np.unique(each, return_inverse=True, return_counts=True) for each in (anchors, positives)]
    sharing = sum(counts[places] for _, places, counts in numbers) - np.ones(len(every), np.int64)
    # Hashed once more: the draws of other stages go by the hashes themselves.
    asked, answers = (
        store.hashes[source.rows[:, side]] * np.uint64(0x9E3779B97F4A7C15)
        for side, store in enumerate((source.anchors, source.documents))
    )
    order = np.lexsort((answers, asked))
    taken: list[int] = []
    seen: tuple[set[int], set[int]] = (set(), set())
    for row in order.tolist():
        if sharing[row] <= room and anchors[row] not in seen[0] and positives[row] not in seen[1]:
            taken.append(row)
            room -= sharing[row]
            seen[0].add(anchors[row])
            seen[1].add(positives[row])
            if len(taken) == number:
                break
    apart = np.isin(anchors, anchors[taken]) | np.isin(positives, positives[taken])
    return every[~apart], np.sort(np.array(taken, np.int64))


def write_schedule(schedule: Schedule, path: Path) -> None:
    """Write which rows meet in which device batch of which step: columns step, device, source, rows."""
    places = np.arange(len(schedule.source))
    table = pa.table(
        {
            "step": pa.array((places // schedule.devices + 1).astype(np.int32)),
            "device": pa.array((places % schedule.devices).astype(np.int32)),
            "source": pa.array([schedule.sources[source] for source in schedule.source.tolist()], pa.string()),
            "rows": pa.ListArray.from_arrays(
                pa.array(schedule.starts.astype(np.int32)), pa.array(schedule.rows.astype(np.int32))
            ),
        }
    )
    pq.write_table(table, path, compression="zstd")


class Contrastive:
    """The work of a contrastive training."""

    def __init__(
        self,
        encoder: Any,
        sources: Mapping[str, Source],
        schedule: Schedule,
        settings: Contrast,
        seed: int,
        where: str,
        held_out: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Take an encoder, on its device, and what it is to be trained on; and rows of sources that it is not."""
        self.encoder, self.where = prepared(encoder, settings), where
        self.steps = schedule.steps
        self._sources, self._schedule, self._settings, self._seed = sources, schedule, settings, seed
        self._pairs: dict[int, np.ndarray] = {}
        apart = {
            name: texts_of(sources[name].forms, rows, sources[name].positives)
            for name, rows in (held_out or {}).items()
            if len(rows)
        }
        # As in training, no row is a false negative of another one of its batch.
        looked_at = batched(apart, batch_size=settings.batch_size, devices=1, seed=0)
        self._held_out = [
            (sources[name], rows) for step in range(looked_at.steps) for _, name, rows in looked_at.step(step)
        ]

    def compute(self, step: int, rank: int, world: int) -> Totals:
        """Add the gradient of the device batches that this process has of a step."""
        rows = self._schedule.rows_of(step)
        batches = [
            Batch(self._sources[source], which, (self._seed, step, device))
            for device, source, which in self._schedule.step(step)
        ]
        mine = dealt([batch.tokens for batch in batches], world)[rank]
        if self._settings.in_batch == "step":
            return self._learnt_together(batches, mine, rows, world)
        return _sum(self._learnt(batches[number], rows) for number in mine)

    def validate(self, rank: int, world: int) -> Totals:
        """Sum up the loss of the device batches that this process has of the rows that are held out."""
        return _sum(self._looked_at(Batch(*batch, (0,))) for batch in self._held_out[rank::world])

    def _learnt(self, batch: Batch, rows: int) -> Totals:
        """Add a device batch's gradient of the mean over so many `rows`."""
        parts = self._parts(batch)
        if len(parts) == 1:
            order = torch.from_numpy(np.argsort(parts[0])).to(self._device)
            loss, right = self._loss(batch, self._part(batch, parts, 0)[order])
            (loss / rows).backward()
            return batch.totals(loss, right)
        # Compiled layers draw other dropout where no gradient is wanted.
        with torch.set_grad_enabled(compiles(self.encoder, self._settings)):
            embeddings = self._all(batch, parts)
        embeddings.requires_grad_()
        loss, right = self._loss(batch, embeddings)
        (loss / rows).backward()
        gradient = embeddings.grad
        assert gradient is not None
        for number, part in enumerate(parts):
            # Seeded as before, so that dropout hides the same.
            self._part(batch, parts, number).backward(gradient[torch.from_numpy(part).to(self._device)])
        return batch.totals(loss, right)

    def _learnt_together(self, batches: list[Batch], mine: list[int], rows: int, world: int) -> Totals:
        """Add the gradient of device batches whose rows have the documents of the whole step for negatives."""
        ends = np.cumsum([len(batch.texts) for batch in batches])
        starts = ends - [len(batch.texts) for batch in batches]
        embeddings = torch.zeros((int(ends[-1]), self.encoder.config.hidden_size), device=self._device)
        with torch.set_grad_enabled(compiles(self.encoder, self._settings)):
            for number in mine:
                embeddings[starts[number] : ends[number]] = self._all(batches[number], self._parts(batches[number]))
        if world > 1:
            torch.distributed.all_reduce(embeddings)
        embeddings.requires_grad_()
        loss = right = embeddings.sum() * 0
        if mine:
            pairs = [self._pairs.setdefault(id(batch.source), known_pairs(batch.source)) for batch in batches]
            hidden = torch.from_numpy(left_out(batches, mine, pairs)).to(self._device)
            asked = np.concatenate([starts[number] + batches[number].places for number in mine])
            documents = np.concatenate(
                [np.arange(start + batch.asked, end) for start, end, batch in zip(starts, ends, batches, strict=True)]
            )
            columns, first = [], np.cumsum([0, *(len(batch.documents) for batch in batches)])
            for number, batch in enumerate(batches):
                columns.append((number not in mine, first[number] + batch.columns, batch.rows))
            # The positives of the rows that are asked for, then all else.
            columns.sort(key=lambda each: each[0])
            order = np.concatenate(
                [each[:number] for other, each, number in columns if not other]
                + [each[0 if other else number :] for other, each, number in columns]
            )
            askers, answers, candidates = (
                torch.from_numpy(each).to(self._device) for each in (asked, documents, order)
            )
            loss, right = info_nce(
                embeddings[askers], embeddings[answers], candidates, self._settings.temperature, hidden
            )
        (loss / rows).backward()
        gradient = embeddings.grad
        assert gradient is not None
        if world > 1:
            torch.distributed.all_reduce(gradient)
        for number in mine:
            parts = self._parts(batches[number])
            for place, part in enumerate(parts):
                there = torch.from_numpy(starts[number] + part).to(self._device)
                self._part(batches[number], parts, place).backward(gradient[there])
        chosen = [batches[number] for number in mine]
        number, tokens = sum(batch.rows for batch in chosen), sum(batch.tokens for batch in chosen)
        return Totals(loss.item(), number, right.item(), tokens)

    def _looked_at(self, batch: Batch) -> Totals:
        return batch.totals(*self._loss(batch, self._all(batch, self._parts(batch))))

    def _parts(self, batch: Batch) -> list[np.ndarray]:
        return cut(batch.lengths, self._settings.micro_tokens)

    def _loss(self, batch: Batch, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        columns, places = (torch.from_numpy(each).to(self._device) for each in (batch.columns, batch.places))
        asked = embeddings[: batch.asked]
        return info_nce(asked[places], embeddings[batch.asked :], columns, self._settings.temperature)

    def _all(self, batch: Batch, parts: list[np.ndarray]) -> Tensor:
        """The embeddings of all texts, in their order, without gradients."""
        embeddings = torch.empty((len(batch.texts), self.encoder.config.hidden_size), device=self._device)
        for number, part in enumerate(parts):
            embeddings[torch.from_numpy(part).to(self._device)] = self._part(batch, parts, number).detach()
        return embeddings

    def _part(self, batch: Batch, parts: list[np.ndarray], number: int) -> Tensor:
        """The states of the first tokens of a micro-batch."""
        fix_dropout("contrast", *batch.name, number)
        row = row_of(self.encoder, [batch.texts[text] for text in parts[number]])
        return states_of(self.encoder, row, self._settings)[row.starts[:-1].long()].float()

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.encoder.parameters()).device
        return device


class Batch:
    """A device batch: its distinct texts, anchors before documents, and which of them each row has."""

    def __init__(self, source: Source, which: np.ndarray, name: tuple[int, ...]) -> None:
        """Gather the texts of these rows of a source; dropout draws by the batch's name."""
        taken = np.asarray(source.rows[which])
        asked, places = np.unique(taken[:, 0], return_inverse=True)
        answers, first, columns = np.unique(taken[:, 1:].T.ravel(), return_index=True, return_inverse=True)
        self.source, self._taken, self._answers = source, taken, answers
        self._forms, self._first = np.asarray(source.forms[which]), first
        self.texts = [source.anchors[text] for text in asked] + [source.documents[text] for text in answers]
        self.lengths = np.array([len(text) for text in self.texts])
        self.tokens = int(self.lengths.sum())
        self.asked, self.places, self.columns = len(asked), places.astype(np.int64), columns.astype(np.int64)
        self.rows, self.name = len(which), name

    @property
    def anchors(self) -> np.ndarray:
        """Numbers of the normal forms of the rows' anchors."""
        return self._forms[:, 0]

    @property
    def documents(self) -> np.ndarray:
        """Numbers of the normal forms of the distinct documents."""
        found: np.ndarray = self._forms[:, 1:].T.ravel()[self._first]
        return found

    @property
    def document_hashes(self) -> np.ndarray:
        """uint64: of the distinct documents."""
        return self.source.documents.hashes[self._answers]

    @property
    def row_hashes(self) -> np.ndarray:
        """uint64, (rows, 2): of each row's anchor and positive."""
        anchors, positives = self.source.anchors.hashes, self.source.documents.hashes
        return np.stack([anchors[self._taken[:, 0]], positives[self._taken[:, 1]]], axis=1)

    def totals(self, loss: Tensor, right: Tensor) -> Totals:
        """The sums of a step's part that is this batch alone."""
        return Totals(loss.item(), self.rows, right.item(), self.tokens)


def _sum(totals: Iterable[Totals]) -> Totals:
    return Totals(*map(sum, zip(Totals(0, 0, 0, 0), *totals, strict=True)))
