"""Stage `evaluate`: score a model on every task with mteb, as the leaderboard does.

``results/scores/<model>/`` holds one JSON a task in the leaderboard's layout (mteb's own loaders read it), the model's
``model_meta.json``, and ``summary.json``. None of them says when, where or how long: equal weights give equal bytes.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta import hub
from rosberta.artifacts import BENCHMARK, SCORES, digest_of, files_of, sha256, whole, write_json
from rosberta.mistakes import Mistake
from rosberta.prefixes import model_prompts, prompt_of
from rosberta.tasks import BENCHMARKS, fresh_cache, load_task, members

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.models import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    from rosberta.params import Experiment

log = logging.getLogger(__name__)

DECIMALS = 6
"""Decimals of a score in the leaderboard's files."""


def run(experiment: Experiment, key: str) -> None:
    """Score one model of the experiment on all its tasks.

    Raises:
        Mistake: weights or tasks are missing, or a prompt would not reach the model.
    """
    import datasets
    import torch

    datasets.disable_progress_bars()
    torch.set_num_threads(experiment.evaluate.threads)
    with warnings.catch_warnings():
        # mteb warns of every task that has a newer version, which is the benchmark's matter; scikit-learn of labels
        # that a weak model never predicts.
        warnings.filterwarnings("ignore", module="mteb|sklearn|sentence_transformers")
        logging.getLogger("mteb").setLevel(logging.ERROR)
        _run(experiment, key)


def _run(experiment: Experiment, key: str) -> None:
    import mteb

    model, settings = experiment.models[key], experiment.evaluate
    entries = experiment.benchmark.tasks
    tasks = {}
    for name, entry in entries.items():
        folder = BENCHMARK / name
        if not folder.is_dir():
            raise Mistake(f"{folder}: missing; run the stage `benchmark`, or restore it with `dvc checkout`")
        tasks[name] = load_task(name, entry, folder, settings.seed)
    weights = weights_of(model.weights)
    prompts = model_prompts(model.prompts, entries)
    max_length = model.max_length or settings.max_length
    encoder = wrapped(load_model(weights, max_length), f"rosberta/{key}", revision_of(weights), prompts)
    applied = {name: _applied(encoder, task, prompts) for name, task in tasks.items()}

    scores: dict[str, dict[str, Any]] = {}
    with whole(SCORES / key) as part, fresh_cache():
        part.mkdir()
        progress = tqdm(tasks.items(), desc=f"evaluate {key}", unit="task")
        for name, task in progress:
            progress.set_postfix_str(name)
            result = mteb.evaluate(
                encoder,
                task,
                co2_tracker=False,
                encode_kwargs={"batch_size": settings.batch_size, "show_progress_bar": False},
                cache=None,
                overwrite_strategy="always",
                show_progress_bar=False,
            )[0]
            write_json(part / f"{name}.json", content(result.model_dump()))
            score = round(100 * float(result.get_score()), DECIMALS - 2)
            scores[name] = {"category": task.metadata.type, "score": score, "prefix": applied[name]}
        write_json(part / "model_meta.json", encoder.mteb_model_meta.to_dict())
        own = {name for name, entry in entries.items() if entry.category is not None}
        summary = summarise(scores, own, {name: members(name) for name in BENCHMARKS})
        write_json(part / "summary.json", summary)
    mean = summary["task_mean"]
    log.info("%s: %d tasks, task mean %s", key, len(scores), "undefined" if mean is None else f"{mean:.2f}")


def weights_of(weights: str) -> Path:
    """The folder of the weights that a model names: an artifact's, or that of a pinned model.

    Raises:
        Mistake: it is missing, or holds no safetensors.
    """
    if match := re.fullmatch(rf"{hub.HUB}/models/(.+)\.json", weights):
        folder = hub.fetch("model", match[1])
    else:
        folder = Path(weights)
    if not any(folder.glob("*.safetensors")):
        raise Mistake(f"{weights}: no weights (*.safetensors) there; run the stage that writes them")
    return folder


def revision_of(folder: Path) -> str:
    """Revision of a model: the digest of the files of its weights, whatever lies beside them."""
    files = [file for file in files_of(folder) if file.suffix == ".safetensors"]
    return digest_of({file.relative_to(folder).as_posix(): sha256(file) for file in files})


def load_model(folder: Path, max_length: int) -> SentenceTransformer:
    """Load an embedding model without prompts of its own; a plain encoder gets the recipe's head (the first token).

    Args:
        folder: Of sentence-transformers' layout, or of transformers'.
        max_length: Tokens of a text at most; the model's own limit holds if it is lower.
    """
    from rosberta.encoding import embedder

    model = embedder(folder, "cls", max_length)
    # What the model has of its own must not stand in for the prompts of the experiment.
    model.prompts, model.default_prompt_name = {}, None
    return model.eval()


def wrapped(
    model: SentenceTransformer, name: str, revision: str, prompts: dict[str, str]
) -> SentenceTransformerEncoderWrapper:
    """The model as mteb takes it, with explicit prompts and an identity that depends on content alone."""
    from mteb.models import ModelMeta, SentenceTransformerEncoderWrapper
    from mteb.models.model_meta import ScoringFunction
    from torch import nn

    encoder = SentenceTransformerEncoderWrapper(model)
    # Set here, not passed: what is passed loses every key that is no task of mteb's, one's own tasks among them.
    encoder.model_prompts = prompts or None
    embeddings = (part for part in model.modules() if isinstance(part, nn.Embedding | nn.EmbeddingBag))
    parameters = (weight.numel() for part, weight in model.named_parameters() if ".pooler." not in part)
    encoder.mteb_model_meta = ModelMeta.create_empty(
        overwrites={
            "name": name,
            "revision": revision,
            "loader_kwargs": {"model_prompts": prompts},
            "n_parameters": sum(parameters),
            "n_embedding_parameters": next(embeddings).weight.numel(),
            "max_tokens": model.max_seq_length,
            "embed_dim": model.get_embedding_dimension(),
            "open_weights": True,
            "framework": ["Sentence Transformers", "PyTorch", "safetensors"],
            "similarity_fn_name": ScoringFunction.COSINE,
            "use_instructions": bool(prompts),
        }
    )
    return encoder


def _applied(encoder: SentenceTransformerEncoderWrapper, task: AbsTask, prompts: Mapping[str, str]) -> str:
    """What mteb will put before the texts of a task: one prompt, or two joined by " | ".

    Raises:
        Mistake: the model has prompts, and none, or another than meant, would reach it.
    """
    from mteb.models.abs_encoder import get_prompt
    from mteb.types import PromptType

    name, category = task.metadata.name, task.metadata.type
    sides = (PromptType.query, PromptType.document) if category in {"Retrieval", "Reranking"} else (None,)
    applied = []
    for side in sides:
        meant = prompt_of(prompts, name, category, side and side.value)
        found = get_prompt(encoder.model_prompts, task.metadata, side)
        if found != meant or (prompts and found is None):
            raise Mistake(f"benchmark.tasks.{name}: the prompt {meant!r} would not reach the model, but {found!r}")
        applied.append(found or "")
    return " | ".join(dict.fromkeys(applied))


def content(result: dict[str, Any]) -> dict[str, Any]:
    """One task's result without what is not content (times, dates, emissions), floats rounded as in mteb's files."""
    timeless = dict.fromkeys(("evaluation_time", "kg_co2_emissions", "date", "evaluation_phases"))
    return _rounded(result | timeless)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value


def summarise(
    scores: Mapping[str, dict[str, Any]], own: set[str], benchmarks: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Average as the leaderboard does: over tasks, and over the means of the categories.

    Args:
        scores: Category, score (0-100) and prefix by task.
        own: Names of one's own tasks, which enter no average.
        benchmarks: Names of the tasks of each version of ruMTEB. The first of which all tasks are there is averaged.

    Returns:
        `tasks` and `own_tasks` (as in `scores`), `benchmark` (the version averaged, or None), `task_mean`,
        `category_means` by category and `category_mean`; these are None, or empty, where tasks are missing.
    """
    published = {name: score for name, score in scores.items() if name not in own}
    benchmark = next((name for name, tasks in benchmarks.items() if set(tasks) <= set(published)), None)
    averaged = [published[task] for task in benchmarks[benchmark]] if benchmark else []
    by_category: dict[str, list[float]] = {}
    for score in averaged:
        by_category.setdefault(score["category"], []).append(score["score"])
    means = {category: _mean(each) for category, each in sorted(by_category.items())}
    return {
        "tasks": published,
        "own_tasks": {name: score for name, score in scores.items() if name in own},
        "benchmark": benchmark,
        "task_mean": _mean([score["score"] for score in averaged]) if averaged else None,
        "category_means": means,
        "category_mean": _mean([fmean(each) for each in by_category.values()]) if averaged else None,
    }


def _mean(values: list[float]) -> float:
    return round(fmean(values), DECIMALS - 2)
