"""Models that are evaluated: their weights, name and revision, and the prompts that reach them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rosberta.evaluation.categories import SEARCH
from rosberta.evaluation.mteb_model import Evaluated, meta_of
from rosberta.evaluation.prompts import prompt_of
from rosberta.frame.artifacts import EMBEDDINGS
from rosberta.frame.files import digest, digest_of, files_of, sha256
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.frame.weights import own_folder, pinned_model
from rosberta.outside import pins

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from sentence_transformers import SentenceTransformer

    from rosberta.experiment import Experiment


log = logging.getLogger(__name__)

UNLIMITED = 10**9
"""More tokens than any model takes."""


def results_folder(name: str, revision: str) -> Path:
    """Where the leaderboard's repository of results keeps a model's."""
    return Path(name.replace("/", "__")) / revision


def load_evaluated(experiment: Experiment, key: str, prompts: Mapping[str, str]) -> Evaluated:
    """The model of the experiment that is to be evaluated, in the precision and on the devices that are to be used.

    Raises:
        Mistake: its weights are missing.
    """
    import torch

    from rosberta.embedding.cache import EmbeddingCache
    from rosberta.embedding.embedder import Embedder

    model, settings = experiment.models[key], experiment.evaluate
    weights = weights_of(model.weights)
    loaded, left = loaded_with_rest(weights, model.max_length or settings.max_length, model.pooling)
    for line in left:
        log.warning("%s: %s", key, line)
    revision = revision_of(weights)
    embedder = Embedder(
        loaded,
        # More than the weights decides an embedding, such as the tokenizer.
        revision=digest(weights),
        precision=settings.precision,
        batch_tokens=settings.batch_tokens,
        cache=EmbeddingCache(EMBEDDINGS, int(1e9 * settings.cache_gb)) if settings.cache_gb else None,
        devices=[f"cuda:{number}" for number in range(torch.cuda.device_count())] or None,
    )
    name, published = name_of(experiment, key)
    return Evaluated(embedder, prompts, meta_of(loaded, name, published or revision, prompts, embedder.max_length))


def name_of(experiment: Experiment, key: str) -> tuple[str, str | None]:
    """What a model is called: by its publisher, with the revision pinned, or by its key, with none.

    The miniature's models have the names of those that they stand in for, but are not them.
    """
    id = pinned_model(experiment.models[key].weights)
    if id and experiment.hub.origin == "hub":
        return id, experiment.hub.models[id].revision
    return f"rosberta/{key}", None


def facts_of(evaluated: Evaluated, experiment: Experiment, key: str) -> dict[str, Any]:
    """What a reader must know of a model to believe its scores."""
    model, meta = experiment.models[key], evaluated.mteb_model_meta
    return {
        "name": meta.name,
        "revision": meta.revision,
        "weights": revision_of(weights_of(model.weights)),
        "prompts": model.prompts if isinstance(model.prompts, str) else "given",
        "precision": experiment.evaluate.precision,
        "max_length": evaluated.embedder.max_length,
        "pooling": evaluated.embedder.pooling,
        "dimension": evaluated.embedder.dimension,
        "similarity": str(meta.similarity_fn_name.value) if meta.similarity_fn_name else None,
    }


def instruction_of(task: AbsTask) -> str:
    """What mteb tells instruct models to do with the queries of a task, or with all its texts where it has one side."""
    told: Any = task.metadata.prompt
    told = told.get("query") if isinstance(told, Mapping) else told
    return told or task.abstask_prompt


def weights_of(weights: str) -> Path:
    """The folder of the weights that a model names: an artifact's, or that of a pinned model.

    Raises:
        Mistake: it is missing, or holds no weights.
    """
    from rosberta.encoder.files import check_folder

    id = pinned_model(weights)
    folder = pins.fetch("model", id) if id else Path(weights)
    if not own_folder(weights) and not folder.is_dir():
        raise Missing(folder)
    check_folder(folder, weights)
    return folder


def revision_of(folder: Path) -> str:
    """Revision of a model: the digest of the files of its weights, whatever lies beside them."""
    files = [file for file in files_of(folder) if file.suffix == ".safetensors"]
    return digest_of({file.relative_to(folder).as_posix(): sha256(file) for file in files})


def load_model(folder: Path, max_length: int, pooling: Literal["cls", "mean"] = "cls") -> SentenceTransformer:
    """Load an embedding model without prompts of its own; a plain encoder gets a head.

    Args:
        folder: Of sentence-transformers' layout, or of transformers'.
        max_length: Tokens of a text at most; the model's own limit holds if it is lower.
        pooling: Of a plain encoder (the recipe's: the first token).

    Raises:
        Mistake: the folder holds no such model, or code of its own.
    """
    return loaded_with_rest(folder, max_length, pooling)[0]


def loaded_with_rest(
    folder: Path, max_length: int, pooling: Literal["cls", "mean"] = "cls"
) -> tuple[SentenceTransformer, list[str]]:
    """As `load_model`; besides, what mteb alone would do otherwise with this folder, a sentence each."""
    from rosberta.encoder.folder import load_sentence_transformer

    model = load_sentence_transformer(folder, pooling, UNLIMITED)
    left = []
    own = {name: prompt for name, prompt in model.prompts.items() if prompt}
    if own:
        left.append(f"mteb alone would use its own prompts ({', '.join(sorted(own))}); here those of the experiment")
    if model.default_prompt_name:
        left.append(f"mteb alone would use its default prompt {model.default_prompt_name!r}; here none")
    limit = model.max_seq_length
    if limit is not None and limit != inf and limit > max_length:
        model.max_seq_length = max_length
        if limit < UNLIMITED:
            left.append(f"mteb alone would read {limit} tokens of a text; here {max_length} (max_length)")
    # What the model has of its own must not stand in for the prompts of the experiment.
    model.prompts, model.default_prompt_name = {}, None
    return model.eval(), left


def applied_prompt(evaluated: Evaluated, task: AbsTask, prompts: Mapping[str, str], *, bare: bool = False) -> str:
    """What mteb will put before the texts of a task: one prompt, or two joined by " | ".

    Args:
        evaluated: the model.
        task: that it is to be scored on.
        prompts: meant, under mteb's keys.
        bare: whether a text may go without a prompt though the model has some, as mteb has it.

    Raises:
        Mistake: the model has prompts, and none, or another than meant, would reach it.
    """
    from mteb.types import PromptType

    name, category = task.metadata.name, task.metadata.type
    sides = (PromptType.query, PromptType.document) if category in SEARCH else (None,)
    applied = []
    for side in sides:
        meant = prompt_of(prompts, name, category, side and side.value)
        found = evaluated.prompt(task.metadata, side)
        if prompts and meant is None and found is None and not bare:
            of = f"the {side.value} side of " if side else ""
            raise Mistake(
                f"benchmark.tasks.{name}: the model has prompts, but none for {of}{category}; add one under "
                f"{name!r}, {category!r}{f' or {side.value!r}' if side else ''}"
            )
        if found != meant:
            raise Mistake(f"benchmark.tasks.{name}: the prompt {meant!r} would not reach the model, but {found!r}")
        applied.append(found or "")
    return " | ".join(dict.fromkeys(applied))
