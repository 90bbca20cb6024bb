"""Stage `evaluate`: score a model on every task with mteb, as the leaderboard does, through the encoding room.

``results/scores/<model>/`` holds

- ``<name>/<revision>/``: a JSON a task of ruMTEB and ``model_meta.json``, in the layout that the leaderboard's public
  repository of results takes (mteb's own loaders read it);
- ``own/``: a JSON a task of one's own;
- ``examples/``: scores of single examples, for `rosberta.compare`;
- ``summary.json``: every score, and the averages.

None of them says when, where or how long. A task's files are kept as soon as they exist, and a killed evaluation goes
on behind the last one.
"""

from __future__ import annotations

import logging
import re
import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from math import isnan
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq
from tqdm import tqdm

from rosberta import hub
from rosberta.artifacts import (
    BENCHMARK,
    OWN,
    SCORES,
    canonical,
    digest,
    digest_of,
    files_of,
    read_json,
    sha256,
    whole,
    write_json,
)
from rosberta.examples import DECIMALS, Listener, of_task
from rosberta.leaderboard import Evaluated, meta_of
from rosberta.mistakes import Mistake
from rosberta.prefixes import model_prompts, prompt_of
from rosberta.tasks import BENCHMARKS, SEARCH, fresh_cache, load_task, members, one_thread_a_fit, whole_columns

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from sentence_transformers import SentenceTransformer

    from rosberta.params import Experiment

log = logging.getLogger(__name__)

SCRATCH = Path(".scratch")
EMBEDDINGS = SCRATCH / "embeddings"
"""Embeddings that were computed, of all models (`rosberta.embedding_cache`)."""


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
    model, entries = experiment.models[key], experiment.benchmark.tasks
    tasks = {}
    for name, entry in entries.items():
        folder = BENCHMARK / name
        if not folder.is_dir():
            raise Mistake(f"{folder}: missing; run the stage `benchmark`, or restore it with `dvc checkout`")
        tasks[name] = load_task(name, entry, folder, experiment.evaluate.seed)
    prompts = model_prompts(model.prompts, entries, {name: instruction_of(task) for name, task in tasks.items()})
    evaluated = evaluated_of(experiment, key, prompts)
    applied = {name: _applied(evaluated, task, prompts) for name, task in tasks.items()}
    meta = evaluated.mteb_model_meta.to_dict()
    identity = {
        "code": digest_of({path.name: sha256(path) for path in Path(__file__).parent.glob("*.py")}),
        "packages": {name: version(name) for name in ("mteb", "scikit-learn", "datasets")},
        "embeddings": evaluated.embedder.identity,
        "meta": meta,
        "model": model.model_dump(),
        "settings": experiment.evaluate.model_dump(),
    }

    scores: dict[str, dict[str, Any]] = {}
    kept = SCRATCH / "evaluate" / key
    with fresh_cache():
        progress = tqdm(tasks.items(), desc=f"evaluate {key}", unit="task")
        for name, task in progress:
            progress.set_postfix_str(name)
            place = kept / name
            inputs = canonical(identity | {"task": vars(entries[name]), "data": digest(BENCHMARK / name)})
            if _is_of(place, inputs):
                log.info("%s: %s was scored before, and is kept", key, name)
            else:
                with whole(place) as part:
                    part.mkdir()
                    _score(evaluated, task, part)
                    (part / "inputs.json").write_text(inputs, encoding="utf-8")
            score = read_json(place / "score.json")
            scores[name] = {"category": task.metadata.type, "score": score, "prefix": applied[name]}
    own = {name for name, entry in entries.items() if entry.category is not None}
    summary = summarise(scores, own, {name: members(name) for name in BENCHMARKS})
    with whole(SCORES / key) as part:
        submitted = part / results_folder(meta["name"], meta["revision"])
        submitted.mkdir(parents=True)
        for name in tasks:
            _copied(kept / name / "result.json", (part / OWN if name in own else submitted) / f"{name}.json")
            if (kept / name / "examples.parquet").is_file():
                _copied(kept / name / "examples.parquet", part / "examples" / f"{name}.parquet")
        write_json(submitted / "model_meta.json", meta)
        write_json(part / "summary.json", summary)
    shutil.rmtree(kept, ignore_errors=True)
    mean = summary["task_mean"]
    log.info("%s: %d tasks, task mean %s", key, len(scores), "undefined" if mean is None else f"{mean:.2f}")


def _copied(origin: Path, target: Path) -> None:
    """Copy a file; a task's name may hold slashes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, target)


def _is_of(place: Path, inputs: str) -> bool:
    """Whether what is kept of a task was computed from these inputs."""
    try:
        return (place / "inputs.json").read_text(encoding="utf-8") == inputs
    except FileNotFoundError:
        return False


def _score(evaluated: Evaluated, task: AbsTask, part: Path) -> None:
    """Score a task, and lay down its result, its score (0-100) and those of its examples."""
    import mteb

    # Loaded here, since mteb puts away again what it loads itself.
    task.load_data()
    listener = Listener(task)
    searched = task.metadata.type in SEARCH
    with TemporaryDirectory() as folder, whole_columns(), one_thread_a_fit():
        # A task's name may hold slashes, and mteb names its file after it.
        (Path(folder) / task.metadata.name).parent.mkdir(parents=True, exist_ok=True)
        result = mteb.evaluate(
            evaluated,
            task,
            co2_tracker=False,
            encode_kwargs={"show_progress_bar": False},
            cache=None,
            overwrite_strategy="always",
            # Of search this would be every document found.
            prediction_folder=None if searched else folder,
            show_progress_bar=False,
        )[0]
        examples = of_task(task, listener, next(Path(folder).rglob("*.json"), None))
    task.unload_data()
    write_json(part / "result.json", content(result.model_dump()))
    score = round(100 * float(result.get_score()), DECIMALS - 2)
    if isnan(score):
        log.warning("%s: its score is not defined for these embeddings (they may all be equal)", task.metadata.name)
    write_json(part / "score.json", None if isnan(score) else score)
    if examples is not None:
        pq.write_table(examples, part / "examples.parquet", compression="zstd")


def results_folder(name: str, revision: str) -> Path:
    """Where the leaderboard's repository of results keeps a model's."""
    return Path(name.replace("/", "__")) / revision


def evaluated_of(experiment: Experiment, key: str, prompts: Mapping[str, str]) -> Evaluated:
    """The model of the experiment that is to be evaluated, in the precision and on the devices that are to be used.

    Raises:
        Mistake: its weights are missing.
    """
    import torch

    from rosberta.embedding import Embedder
    from rosberta.embedding_cache import EmbeddingCache

    model, settings = experiment.models[key], experiment.evaluate
    weights = weights_of(model.weights)
    loaded = load_model(weights, model.max_length or settings.max_length, model.pooling)
    revision = revision_of(weights)
    embedder = Embedder(
        loaded,
        # More than the weights decides an embedding: tokenizer and head.
        revision=f"{digest(weights)} {model.pooling}",
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
    match = re.fullmatch(rf"{hub.HUB}/models/(.+)\.json", experiment.models[key].weights)
    if match and experiment.hub.origin == "hub":
        return match[1], experiment.hub.models[match[1]].revision
    return f"rosberta/{key}", None


def instruction_of(task: AbsTask) -> str:
    """What mteb tells instruct models to do with the queries of a task, or with all its texts where it has one side."""
    told: Any = task.metadata.prompt
    told = told.get("query") if isinstance(told, Mapping) else told
    return told or task.abstask_prompt


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


def load_model(folder: Path, max_length: int, pooling: Literal["cls", "mean"] = "cls") -> SentenceTransformer:
    """Load an embedding model without prompts of its own; a plain encoder gets a head.

    Args:
        folder: Of sentence-transformers' layout, or of transformers'.
        max_length: Tokens of a text at most; the model's own limit holds if it is lower.
        pooling: Of a plain encoder (the recipe's: the first token).
    """
    from rosberta.encoding import embedder

    model = embedder(folder, pooling, max_length)
    # What the model has of its own must not stand in for the prompts of the experiment.
    model.prompts, model.default_prompt_name = {}, None
    return model.eval()


def _applied(evaluated: Evaluated, task: AbsTask, prompts: Mapping[str, str]) -> str:
    """What mteb will put before the texts of a task: one prompt, or two joined by " | ".

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
        if prompts and meant is None and found is None:
            of = f"the {side.value} side of " if side else ""
            raise Mistake(
                f"benchmark.tasks.{name}: the model has prompts, but none for {of}{category}; add one under "
                f"{name!r}, {category!r}{f' or {side.value!r}' if side else ''}"
            )
        if found != meant:
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
        scores: Category, score (0-100; None: not defined) and prefix by task.
        own: Names of one's own tasks, which enter no average.
        benchmarks: Names of the tasks of each version of ruMTEB. The first of which all tasks are there is averaged.

    Returns:
        `tasks` and `own_tasks` (as in `scores`), `benchmark` (the version averaged, or None), `task_mean`,
        `category_means` by category and `category_mean`; these are None, or empty, where scores are missing.
    """
    published = {name: score for name, score in scores.items() if name not in own}
    known = {name for name, score in published.items() if score["score"] is not None}
    benchmark = next((name for name, tasks in benchmarks.items() if set(tasks) <= known), None)
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
