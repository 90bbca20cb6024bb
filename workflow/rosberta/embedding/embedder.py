"""From texts to embeddings, fast: the one place where the project's models embed.

Equal texts are embedded once, and none that the cache holds. The rest is tokenised ahead of the device, sorted by
length, cut into batches of a number of tokens, and embedded without padding (`rosberta.encoder.unpadded`), on one
device or several. What comes out is what `SentenceTransformer.encode` gives for each text alone, but for the last bits.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from tqdm import tqdm

from rosberta.embedding.cache import key_of
from rosberta.embedding.replicas import Batch, RowReplica, Shared, StockReplica, own_tokenizer, takes_rows
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.frame.code import code_of
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from rosberta.embedding.cache import EmbeddingCache
    from rosberta.experiment.blocks import Precision

log = logging.getLogger(__name__)

CHUNK_CHARACTERS = 1_000_000
"""Characters tokenised at once: what bounds the token ids in memory."""

CHUNKS_AHEAD = 6
"""Chunks that are tokenised, or wait, while the device works on one."""


class Embedder:
    """An embedding model that embeds many texts fast.

    Encoders of RoBERTa's and BERT's kind, whatever their pooling and what follows it, run without padding; other
    models through their own `encode`. The model given is left as it is: what runs is a copy in the precision asked
    for. Pooling and what follows it are computed in float32 in either precision.

    In float32, on a CPU where torch has one thread, an embedding depends on its text and prompt alone: several threads
    are then several `devices`. Elsewhere the other texts of the call move its last bits, and their order does not.
    Equal calls then give equal bytes on one machine; with a cache, as long as it holds all of a call's texts or none.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        revision: str,
        precision: Precision = "fp32",
        batch_tokens: int = 16_384,
        cache: EmbeddingCache | None = None,
        devices: Sequence[str] | None = None,
    ) -> None:
        """Copy `model` to the devices.

        Args:
            model: whose tokens of a text at most (`max_seq_length`) hold here too.
            revision: of its files; with another revision the cache finds nothing, nor with another head or length.
            precision: of the encoder.
            batch_tokens: tokens of a batch, but for a single text that is longer.
            cache: of embeddings; None: none.
            devices: that share the work, such as ``["cuda:0", "cuda:1"]``; None: the one that the model is on.
        """
        limit = model.max_seq_length
        dimension: Any = model.get_embedding_dimension()
        self.dimension: int = dimension
        self.max_length: int | None = None if limit is None or math.isinf(limit) else int(limit)
        """Tokens of a text at most; None: no limit."""
        pooled = next((part for part in model if hasattr(part, "pooling_mode")), None)
        self.pooling: str | None = str(pooled.pooling_mode) if pooled else None
        """How the model pools, by name; None: it does not say."""
        self.seen, self.truncated = 0, 0
        """Texts asked for so far, equal ones of a call once, and those of them that were longer, and were cut."""
        self._batch_tokens = batch_tokens
        self._cache = cache
        identity = f"{revision} {precision} {self.max_length} {head_of(model)} {_method()}"
        self.identity = hashlib.sha256(identity.encode()).hexdigest()[:32]
        """Of all that decides an embedding but its text and prompt."""
        rows = takes_rows(model)
        self._tokenizer = own_tokenizer(model) if rows else None
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        replica = RowReplica if rows else StockReplica
        places = [torch.device(device) for device in devices or [str(model.device)]]
        self.on_gpu = all(place.type != "cpu" for place in places)
        """Whether embedding leaves the processors to others."""
        copies = {place: replica(model, place, dtype, batch_tokens) for place in places}
        self._replicas = [copies[place] for place in places]

    @classmethod
    def load(cls, folder: Path, pooling: Literal["cls", "mean"], max_length: int, **options: Any) -> Self:
        """Make an embedder of a model's folder (`rosberta.encoder.folder`); `options` are those of the class.

        Its revision is the content of the folder, since the id of a model names many.
        """
        model = load_sentence_transformer(folder, pooling, max_length)
        return cls(model, revision=digest(folder), **options)

    def kept(self, number: int) -> bool:
        """Whether the embeddings of so many texts find room in the cache."""
        return self._cache is not None and self._cache.takes(number, self.dimension)

    def embed(
        self, texts: Sequence[str], prompt: str = "", *, progress: str | None = None, keep: bool = True
    ) -> np.ndarray:
        """Embed texts, each with `prompt` before it.

        In memory are the result (twice where texts repeat) and the tokens of a few million characters.

        Args:
            texts: of any length; the model's limit cuts them.
            prompt: put before each text as it is.
            progress: what a progress bar is called; None: no bar.
            keep: whether the cache is asked and filled.

        Returns:
            float32, (texts, dimension), in the order of `texts`.

        Raises:
            Mistake: an embedding is not finite; it is not kept in the cache.
        """
        places: dict[str, int] = {}
        rows = np.fromiter((places.setdefault(text, len(places)) for text in texts), np.int64, len(texts))
        unique = list(places)
        embeddings = np.empty((len(unique), self.dimension), np.float32)
        cut = np.zeros(len(unique), bool)
        cache = self._cache if keep else None
        keys = [key_of(prompt, text) for text in unique] if cache else []
        found = cache.get(self.identity, keys, embeddings, cut) if cache else np.zeros(len(unique), bool)
        missing = (~found).nonzero()[0].tolist()
        with tqdm(total=len(unique), desc=progress, unit="text", disable=progress is None) as bar:
            bar.update(len(unique) - len(missing))
            self._compute(unique, missing, prompt, embeddings, cut, bar)
        if not (finite := np.isfinite(embeddings).all(axis=1)).all():
            text = unique[int(np.argmin(finite))]
            raise Mistake(f"an embedding holds NaN or infinity, first that of {text[:60]!r}; try precision: fp32")
        if cut.any():
            log.info("%d texts are cut to %s tokens", cut.sum(), self.max_length)
        self.seen += len(unique)
        self.truncated += int(cut.sum())
        if cache and missing:
            cache.put(self.identity, [keys[place] for place in missing], embeddings[missing], cut[missing])
        return embeddings if len(unique) == len(texts) else embeddings[rows]

    def _compute(
        self, texts: list[str], places: list[int], prompt: str, into: np.ndarray, cut: np.ndarray, bar: tqdm
    ) -> None:
        """Embed the texts at `places` and write them there in `into`, each device taking the next batch when free.

        Which of them were longer than the model takes is written in `cut`.
        """
        batches = Shared(self._batches(texts, places, prompt, cut))

        def work(replica: RowReplica | StockReplica) -> None:
            for done, embedded in replica.embed(batches, prompt):
                into[done] = embedded
                bar.update(len(done))

        if len(self._replicas) == 1:
            work(self._replicas[0])
        else:
            with ThreadPoolExecutor(len(self._replicas)) as pool:
                list(pool.map(work, self._replicas))

    def _batches(self, texts: list[str], places: list[int], prompt: str, cut: np.ndarray) -> Iterator[Batch]:
        """Yield batches of the texts at `places`, the longest first, which depend on no order of theirs.

        Chunks are tokenised in a thread of their own (and the tokenizer's), so that the device need not wait.
        """
        order = sorted(places, key=lambda place: (-len(texts[place]), texts[place]))
        waiting: deque[Future[list[Batch]]] = deque()
        with ThreadPoolExecutor(1) as tokenising:
            for chunk in _chunks(order, texts):
                waiting.append(tokenising.submit(self._cut, chunk, [texts[place] for place in chunk], prompt, cut))
                if len(waiting) > CHUNKS_AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def _cut(self, places: list[int], texts: list[str], prompt: str, cut: np.ndarray) -> list[Batch]:
        """Tokenise a chunk, and cut it into batches by falling number of tokens."""
        if self._tokenizer is None:
            return [Batch(places, texts)]
        encodings = self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        tokens = [np.array(encoding.ids, np.int32) for encoding in encodings]
        cut[places] = [
            len(ids) == self.max_length and bool(encoding.overflowing)
            for encoding, ids in zip(encodings, tokens, strict=True)
        ]
        # Batches of about one size: a small last one would cost nearly the time of a full one.
        total = sum(len(ids) for ids in tokens)
        size = math.ceil(total / math.ceil(total / self._batch_tokens))
        batches: list[Batch] = []
        room = 0
        # The sort is stable, and equal lengths stay in the order of the texts.
        for index in sorted(range(len(tokens)), key=lambda index: -len(tokens[index])):
            if not batches or len(tokens[index]) > room:
                batches.append(Batch([], []))
                room = size
            batches[-1].places.append(places[index])
            batches[-1].texts.append(tokens[index])  # type: ignore[attr-defined]
            room -= len(tokens[index])
        return batches


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings of length one, so that their dot product is the cosine; zero stays zero."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def head_of(model: SentenceTransformer) -> str:
    """What makes an embedding of the states of tokens, by name: each part behind the encoder with its settings."""
    parts: list[Any] = list(model)[1:]
    settings: list[Any] = [getattr(part, "get_config_dict", dict)() for part in parts]
    named = {
        f"{place} {type(part).__name__}": each for place, (part, each) in enumerate(zip(parts, settings, strict=True))
    }
    return json.dumps({**named, "truncate_dim": model.truncate_dim}, sort_keys=True, default=str)


@cache
def _method() -> str:
    """How embeddings are computed, so that a cache gives none that were computed otherwise."""
    packages = (f"{name} {version(name)}" for name in ("torch", "transformers", "sentence-transformers", "tokenizers"))
    return " ".join([*packages, *code_of(__name__).values()])


def _chunks(places: list[int], texts: list[str]) -> Iterator[list[int]]:
    """Yield the places in order, in parts whose texts have so many characters together."""
    chunk: list[int] = []
    room = CHUNK_CHARACTERS
    for place in places:
        if chunk and len(texts[place]) > room:
            yield chunk
            chunk, room = [], CHUNK_CHARACTERS
        chunk.append(place)
        room -= len(texts[place])
    if chunk:
        yield chunk
