"""Contrastive training: InfoNCE over device batches of packed texts, with cached gradients (paper 4.3, A.2.1).

Of a device batch each distinct text is embedded once. Where they do not fit in one micro-batch, all are embedded
without gradients first, the loss gives the gradient of each embedding, and micro by micro the texts are embedded again
to carry it on (GradCache; Gao et al. 2021, section 3): memory holds one micro-batch, and the loss is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rosberta.encoder.packing import cut
from rosberta.frame.artifacts import mined
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.frame.rows import read_batches
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.loop import Totals
from rosberta.training.losses import info_nce
from rosberta.training.packed import fix_dropout, prepared, row_of, states_of
from rosberta.training.schedule import Schedule
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
    path = mined(name, entry.get("mining"))
    if not path.is_file():
        raise Missing(path, f"mine@{name}")
    if sha256(path) != entry["sha256"]:
        raise Mistake(
            f"{path}: is not what the plan of {mixture} names; run `dvc repro mine@{name}`, then `... mix@{mixture}`"
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
    ) -> None:
        """Take an encoder, on its device, and what it is to be trained on."""
        self.encoder, self.where = prepared(encoder, settings), where
        self.steps = schedule.steps
        self._sources, self._schedule, self._settings, self._seed = sources, schedule, settings, seed

    def compute(self, step: int, rank: int, world: int) -> Totals:
        """Add the gradient of the device batches that this process has of a step."""
        rows = self._schedule.rows_of(step)
        found = [Totals(0, 0, 0, 0)]
        for device, source, which in self._schedule.step(step):
            if device % world == rank:
                found.append(self._device_batch(self._sources[source], which, rows, (self._seed, step, device)))
        return Totals(*map(sum, zip(*found, strict=True)))

    def _device_batch(self, source: Source, which: np.ndarray, rows: int, name: tuple[int, ...]) -> Totals:
        """Add a device batch's gradient of the mean over so many `rows`."""
        taken = np.asarray(source.rows[which])
        asked, of_rows = np.unique(taken[:, 0], return_inverse=True)
        answers, columns = np.unique(taken[:, 1:].T.ravel(), return_inverse=True)
        texts = [source.anchors[text] for text in asked] + [source.documents[text] for text in answers]
        lengths = np.array([len(text) for text in texts])
        parts = cut(lengths, self._settings.micro_tokens)
        device = next(self.encoder.parameters()).device
        columns_there = torch.from_numpy(columns.astype(np.int64)).to(device)
        places = torch.from_numpy(of_rows.astype(np.int64)).to(device)

        def loss_of(embeddings: Tensor) -> tuple[Tensor, Tensor]:
            return info_nce(
                embeddings[: len(asked)][places], embeddings[len(asked) :], columns_there, self._settings.temperature
            )

        if len(parts) == 1:
            loss, right = loss_of(self._embedded(texts, parts[0], (*name, 0)))
            (loss / rows).backward()
        else:
            embeddings = torch.empty((len(texts), self.encoder.config.hidden_size), device=device)
            with torch.no_grad():
                for number, part in enumerate(parts):
                    embeddings[torch.from_numpy(part).to(device)] = self._part(texts, part, (*name, number)).float()
            embeddings.requires_grad_()
            loss, right = loss_of(embeddings)
            (loss / rows).backward()
            gradient = embeddings.grad
            assert gradient is not None
            for number, part in enumerate(parts):
                # Seeded as before, so that dropout hides the same.
                self._part(texts, part, (*name, number)).float().backward(gradient[torch.from_numpy(part).to(device)])
        return Totals(loss.item(), len(which), right.item(), int(lengths.sum()))

    def _embedded(self, texts: list[np.ndarray], part: np.ndarray, name: tuple[int, ...]) -> Tensor:
        """The embeddings of all texts, in their order."""
        order = torch.from_numpy(np.argsort(part)).to(next(self.encoder.parameters()).device)
        return self._part(texts, part, name).float()[order]

    def _part(self, texts: list[np.ndarray], part: np.ndarray, name: tuple[int, ...]) -> Tensor:
        """The states of the first tokens of a micro-batch."""
        fix_dropout("contrast", *name)
        row = row_of(self.encoder, [texts[text] for text in part])
        return states_of(self.encoder, row, self._settings)[row.starts[:-1].long()]
