"""A model as mteb takes it: its protocols of encoding and of search, both through the encoding room.

Search is exact. The corpus is embedded block by block and ranked as it comes (`rosberta.embedding.ranks`), so
that a corpus of millions of documents needs the memory of one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from rosberta.embedding.embedder import unit
from rosberta.embedding.ranks import streamed
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models import ModelMeta
    from mteb.types import PromptType
    from sentence_transformers import SentenceTransformer

    from rosberta.embedding.embedder import Embedder

BLOCK = 65_536
"""Documents of a corpus that are embedded at once."""


class Evaluated:
    """A model with its prompts, as `mteb.models.EncoderProtocol` and `mteb.models.SearchProtocol` want it."""

    def __init__(self, embedder: Embedder, prompts: Mapping[str, str], meta: ModelMeta) -> None:
        """Take a model.

        Args:
            embedder: what embeds.
            prompts: under mteb's keys (`rosberta.evaluation.prompts`); empty: none.
            meta: what the leaderboard says of it.
        """
        self.embedder = embedder
        self.model_prompts: dict[str, str] | None = dict(prompts) or None
        self.mteb_model_meta = meta
        self.read: Sequence[str] = ()
        """The texts that `encode` was given last, in order."""
        self._corpus: Dataset | None = None

    def prompt(self, metadata: TaskMetadata, side: PromptType | None) -> str | None:
        """What mteb's own rule puts before a text of a task; None where no prompt is meant for it."""
        from mteb.models.abs_encoder import get_prompt

        return get_prompt(self.model_prompts, metadata, side)

    def encode(
        self, inputs: Any, *, task_metadata: TaskMetadata, prompt_type: PromptType | None = None, **_: Any
    ) -> np.ndarray:
        """Embed the texts of a loader of mteb's: float32, (texts, dimension), in order."""
        self.read = list(inputs.dataset["text"])
        return self.embedder.embed(self.read, self.prompt(task_metadata, prompt_type) or "")

    @property
    def _dot(self) -> bool:
        """Whether the model ranks by dot product instead of by cosine."""
        return self.mteb_model_meta.similarity_fn_name == "dot"

    def similarity(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosine, or the model's dot product, of all with all, (embeddings1, embeddings2)."""
        from mteb.similarity_functions import cos_sim, dot_score

        found: Any = (dot_score if self._dot else cos_sim)(embeddings1, embeddings2)
        return found

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosine, or the model's dot product, of each with its partner, (embeddings1,)."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        found: Any = (pairwise_dot_score if self._dot else pairwise_cos_sim)(embeddings1, embeddings2)
        return found

    def index(self, corpus: Dataset, **_: Any) -> None:
        """Take the corpus that is searched next: columns ``id``, ``text`` and maybe ``title``."""
        self._corpus = corpus

    def search(
        self,
        queries: Dataset,
        *,
        task_metadata: TaskMetadata,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """Find the documents nearest to each query by cosine, or by the model's dot product.

        Args:
            queries: columns ``id``, ``text`` and maybe ``instruction``.
            task_metadata: of the task.
            top_k: documents wanted of the corpus.
            top_ranked: for each query the documents to rank, instead of the whole corpus.

        Returns:
            For each query's id the similarity by document id.
        """
        from mteb.types import PromptType

        assert self._corpus is not None, "mteb indexes before it searches"
        before = self.prompt(task_metadata, PromptType.query) or ""
        asked = self._ready(self.embedder.embed(questions(queries), before))
        before = self.prompt(task_metadata, PromptType.document) or ""
        ids = list(queries["id"])
        if top_ranked is not None:
            return dict(zip(ids, self._reranked(ids, asked, top_ranked, before), strict=True))
        names: list[str] = []
        values, places = streamed(asked, self._embedded(before, names), top_k)
        return {
            id: {names[place]: float(value) for place, value in zip(*ranked, strict=True)}
            for id, *ranked in zip(ids, places, values, strict=True)
        }

    def _ready(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings whose dot product is the model's similarity."""
        return embeddings if self._dot else unit(embeddings)

    def _embedded(self, prompt: str, names: list[str]) -> Iterator[np.ndarray]:
        """Yield the embeddings of the corpus block by block, and append its ids to `names`."""
        assert self._corpus is not None
        keep = self.embedder.kept(len(self._corpus))
        with tqdm(total=len(self._corpus), desc="search", unit="document", leave=False) as bar:
            for block in self._corpus.iter(BLOCK):
                names.extend(block["id"])
                yield self._ready(self.embedder.embed(documents(block), prompt, keep=keep))
                bar.update(len(block["id"]))

    def _reranked(
        self, ids: Sequence[str], asked: np.ndarray, top_ranked: Mapping[str, Sequence[str]], prompt: str
    ) -> Iterator[dict[str, float]]:
        """Yield for each query the cosines of the documents that it names; no other is embedded."""
        assert self._corpus is not None
        wanted = {document for id in ids for document in top_ranked.get(id, ())}
        place_of = {id: place for place, id in enumerate(self._corpus["id"]) if id in wanted}
        rows = {id: row for row, id in enumerate(place_of)}
        block = self._corpus.select(list(place_of.values()))[:]
        embedded = self._ready(self.embedder.embed(documents(block), prompt))
        for id, query in zip(ids, asked, strict=True):
            candidates = top_ranked.get(id, ())
            cosines = embedded[[rows[candidate] for candidate in candidates]] @ query
            yield dict(zip(candidates, cosines.tolist(), strict=True))


def questions(queries: Dataset) -> list[str]:
    """The texts of queries as mteb has a model read them: text, blank, the query's own instruction if it has one."""
    texts = list(queries["text"])
    if "instruction" not in queries.column_names:
        return texts
    told = queries["instruction"]
    return [text if of is None else f"{text} {of}" for text, of in zip(texts, told, strict=True)]


def documents(block: Mapping[str, Sequence[str | None]]) -> list[str]:
    """The texts of documents as mteb has a model read them: title, blank, text."""
    titles = block.get("title") or [None] * len(block["text"])
    return [f"{title or ''} {text}".strip() for title, text in zip(titles, block["text"], strict=True)]


def meta_of(
    model: SentenceTransformer, name: str, revision: str, prompts: Mapping[str, str], max_tokens: int | None
) -> ModelMeta:
    """What the leaderboard says of a model, none of which depends on when or where it was evaluated.

    Raises:
        Mistake: the model declares a similarity that search here does not rank by.
    """
    from mteb.models import ModelMeta
    from mteb.models.model_meta import ScoringFunction
    from torch import nn

    if model.similarity_fn_name not in ("cosine", "dot"):
        raise Mistake(
            f"{name}: it declares the similarity {model.similarity_fn_name!r}; here models rank by cosine or dot"
        )
    embeddings = (part for part in model.modules() if isinstance(part, nn.Embedding | nn.EmbeddingBag))
    parameters = (weight.numel() for part, weight in model.named_parameters() if ".pooler." not in part)
    return ModelMeta.create_empty(
        overwrites={
            "name": name,
            "revision": revision,
            "loader_kwargs": {"model_prompts": dict(prompts)},
            "n_parameters": sum(parameters),
            "n_embedding_parameters": next(embeddings).weight.numel(),
            "max_tokens": max_tokens,
            "embed_dim": model.get_embedding_dimension(),
            "open_weights": True,
            "framework": ["Sentence Transformers", "PyTorch", "safetensors"],
            "similarity_fn_name": ScoringFunction.from_str(model.similarity_fn_name),
            "use_instructions": bool(prompts),
        }
    )
