"""Copies of a model on a device, each of which turns batches into embeddings."""

from __future__ import annotations

import copy
import math
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from rosberta.encoder.packing import Row, packed, split
from rosberta.encoder.unpadded import ENCODERS, Encoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from torch import Tensor

BATCHES_AHEAD = 3
"""Batches that a GPU has been given before the embeddings of the first are asked for."""

FEWEST = 16
"""Tokens of a batch on a CPU, or texts where the first token of each is pooled. With fewer the sums of a product are
taken in another order, so that an embedding would depend on what else is in its batch."""


class Batch(NamedTuple):
    """Some texts."""

    places: list[int]
    """Of the texts in what is embedded."""
    texts: Sequence[Any]
    """Token ids of each, its prompt's first, by falling number; or texts without it, for a model that takes no ids."""


def takes_rows(model: SentenceTransformer) -> bool:
    """Whether a model is an encoder that takes rows of tokens, then a pooling, then anything that takes its output."""
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    modules = list(model)
    if len(modules) < 2 or not isinstance(modules[0], Transformer) or not isinstance(modules[1], Pooling):
        return False
    encoder: Any
    pooling: Any
    encoder, pooling = modules[:2]
    return bool(
        encoder.auto_model.config.model_type in ENCODERS
        and encoder.modalities == ["text"]
        and encoder.tokenizer.is_fast
        # Without these an empty text would be no token at all.
        and encoder.tokenizer.num_special_tokens_to_add() > 0
        and pooling.include_prompt
    )


def own_tokenizer(model: SentenceTransformer) -> Tokenizer:
    """The tokenizer of a model by itself, which cuts texts as the model does."""
    outer: Any = model.tokenizer
    tokenizer: Tokenizer = copy.deepcopy(outer.backend_tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(outer.model_max_length, direction=outer.truncation_side)
    return tokenizer


class Shared:
    """An iterator that several threads draw from."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        """Share `batches`."""
        self._batches, self._lock = batches, threading.Lock()

    def __iter__(self) -> Shared:
        """Be the iterator itself."""
        return self

    def __next__(self) -> Batch:
        """Give the next batch to whichever thread asks."""
        with self._lock:
            return next(self._batches)


class RowReplica:
    """A copy of a model on a device, for batches of token ids."""

    def __init__(self, model: SentenceTransformer, device: torch.device, dtype: torch.dtype, _: int) -> None:
        """Copy a model to a device, its products in `dtype`."""
        first, self._pooling, *rest = list(copy.deepcopy(model).eval())
        self._encoder = Encoder(first.auto_model.to(device), dtype)
        self._pooling, self._rest = self._pooling.to(device), [module.to(device) for module in rest]
        self._device = device
        self._numbers = model.truncate_dim
        self._first = self._pooling.pooling_mode == "cls"

    def embed(self, batches: Iterator[Batch], _: str) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield the places and embeddings of each batch, float32; a GPU is kept busy with the next ones meanwhile."""
        flying: deque[tuple[list[int], Tensor, torch.cuda.Event | None]] = deque()
        for batch in batches:
            texts = self._enough(batch.texts)
            flying.append((batch.places, *self._launch(packed(texts, self._encoder.padding))))
            if len(flying) > BATCHES_AHEAD or self._device.type != "cuda":
                yield _landed(*flying.popleft())
        while flying:
            yield _landed(*flying.popleft())

    def _enough(self, texts: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """The texts of a batch, on a CPU with copies of the last behind them where they are too few."""
        if self._device.type != "cpu":
            return texts
        lacking = FEWEST - (len(texts) if self._first else sum(len(text) for text in texts))
        copies = lacking if self._first else -(-lacking // len(texts[-1]))
        return [*texts, *[texts[-1]] * max(0, copies)]

    @torch.inference_mode()
    def _launch(self, row: Row) -> tuple[Tensor, torch.cuda.Event | None]:
        """Compute the embeddings of a row; on a GPU they are in the tensor when the event has happened."""
        there = row.to(self._device)
        features = {"sentence_embedding": self._pooled(self._encoder(there, first=self._first), there)}
        for module in self._rest:
            features = module(features)
        embeddings = features["sentence_embedding"][:, : self._numbers].float()
        if self._device.type != "cuda":
            return embeddings.cpu(), None
        with torch.cuda.device(self._device):
            host = torch.empty(embeddings.shape, pin_memory=True).copy_(embeddings, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        return host, event

    def _pooled(self, states: Tensor, row: Row) -> Tensor:
        """One embedding of each text, float32, of the states of its tokens, or of its first alone."""
        if self._first:
            return states.float()
        # Texts of equal length at once, as a batch without padding: the same sums in the same order every time.
        pooled = [
            self._pooling({"token_embeddings": run.float()})["sentence_embedding"] for run in split(states, row.runs)
        ]
        return torch.cat(pooled)


def _landed(places: list[int], embeddings: Tensor, event: torch.cuda.Event | None) -> tuple[list[int], np.ndarray]:
    if event:
        event.synchronize()
    return places, embeddings.numpy()[: len(places)]


class StockReplica:
    """A copy of a model on a device, for batches of texts: what it does itself, on sorted texts."""

    def __init__(self, model: SentenceTransformer, device: torch.device, dtype: torch.dtype, batch_tokens: int) -> None:
        """Copy a model to a device, for batches of so many tokens at most."""
        self._model = copy.deepcopy(model).to(device, dtype)
        limit = self._model.max_seq_length
        # What has no limit has no padding either: models of static embeddings.
        self._batch_size = batch_tokens if limit is None or math.isinf(limit) else max(1, batch_tokens // int(limit))

    def embed(self, batches: Iterator[Batch], prompt: str) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield the places and embeddings of each batch, float32."""
        for batch in batches:
            # Given apart, since some models do not pool its tokens.
            embeddings = self._model.encode(
                list(batch.texts), prompt=prompt, batch_size=self._batch_size, show_progress_bar=False
            )
            yield batch.places, embeddings.astype(np.float32, copy=False)
