"""Tasks: those of ruMTEB as mteb defines them, and one's own built from mteb's parts.

An entry of ``benchmark.tasks`` without a category is a task of ruMTEB under mteb's name. With a category it is one's
own: its files by role, its columns by role, and the prefix that its texts take. Both are evaluated by mteb's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.evaluation.categories import CATEGORIES
from rosberta.evaluation.prompts import prefix_of
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake, nearest

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.experiment.benchmark import Task

_BOTH = (
    "CEDRClassification",
    "GeoreviewClassification",
    "GeoreviewClusteringP2P",
    "HeadlineClassification",
    "InappropriatenessClassification",
    "KinopoiskClassification",
    "MIRACLReranking",
    "MassiveIntentClassification",
    "MassiveScenarioClassification",
    "RUParaPhraserSTS",
    "RuBQReranking",
    "RuBQRetrieval",
    "RuReviewsClassification",
    "RuSTSBenchmarkSTS",
    "RuSciBenchGRNTIClassification",
    "RuSciBenchGRNTIClusteringP2P",
    "RuSciBenchOECDClassification",
    "RuSciBenchOECDClusteringP2P",
    "STS22",
    "SensitiveTopicsClassification",
    "TERRa",
)

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "MTEB(rus, v1)": tuple(sorted((*_BOTH, "MIRACLRetrieval", "RiaNewsRetrieval"))),
    "MTEB(rus, v1.1)": tuple(sorted((*_BOTH, "MIRACLRetrievalHardNegatives.v2", "RiaNewsRetrievalHardNegatives.v2"))),
}
"""The two versions of ruMTEB, each with its 23 tasks; they differ in two of retrieval. mteb says the same, but builds
the tasks of all its benchmarks to do so, which takes longer than to score a small task."""

_SPLITS = {"RuSTSBenchmarkSTS": ["test"]}
"""What ruMTEB evaluates of a task, where that is not all that mteb evaluates."""

SPLIT = "test"
"""The split that one's own tasks are evaluated on."""


def faults(name: str, entry: Task) -> Iterator[str]:
    """Say what is wrong with an entry of ``benchmark.tasks``, one sentence each; loads neither mteb nor data."""
    where = f"benchmark.tasks.{name}"
    if entry.category is None:
        for field in ("files", "columns", "prefix"):
            if getattr(entry, field):
                yield f"{where}.{field}: mteb defines this task; give a category to define your own"
        return
    category = CATEGORIES[entry.category]
    for kind, known, given in (("files", category.files, entry.files), ("columns", category.columns, entry.columns)):
        for role in given:
            if role not in known:
                yield f"{where}.{kind}: {entry.category} has no {role!r}{nearest(role, known)}"
    for role in category.files:
        if role not in entry.files:
            yield f"{where}.files: {entry.category} needs a file in the role {role!r}; write {role}: PATH"
    if entry.candidates is not None and "top_ranked" not in category.files:
        yield f"{where}.candidates: only Reranking has candidates; leave it out"
    try:
        prefix_of(entry.category, entry.prefix)
    except Mistake as mistake:
        yield f"{where}.prefix: {mistake}"


def column(entry: Task, role: str) -> str:
    """Name of the column that plays a role in one's own task: as given, else the role's own name."""
    return entry.columns.get(role, role)


@cache
def rumteb() -> dict[str, AbsTask]:
    """The tasks of both versions of ruMTEB by name, with the subsets and splits that the leaderboard averages."""
    import mteb

    names = dict.fromkeys(name for tasks in BENCHMARKS.values() for name in tasks)
    return {name: mteb.get_task(name, languages=["rus"], eval_splits=_SPLITS.get(name)) for name in names}


def load_task(name: str, entry: Task, folder: Path, seed: int = 42) -> AbsTask:
    """Build a task that reads its data from a local folder, as the stage `benchmark` lays it out.

    For a task of ruMTEB this is mteb's own class with its own revision, restricted to what the leaderboard averages:
    the Russian subset, and the splits of the benchmark. Nothing is read before the task is evaluated.

    Args:
        name: The task's name.
        entry: Its entry in ``benchmark.tasks``.
        folder: Its folder.
        seed: Seed of mteb's samples.

    Raises:
        Mistake: ruMTEB has no such task, or one's own is not fully described.
    """
    wrong = list(faults(name, entry))
    if wrong:
        raise Mistake("\n".join(wrong))
    if entry.category is not None:
        if name in rumteb():
            raise Mistake(f"benchmark.tasks.{name}: a task of ruMTEB has this name; give your own another")
        return _own(name, entry, folder, seed)
    if name not in rumteb():
        known = nearest(name, rumteb())
        raise Mistake(f"benchmark.tasks.{name}: ruMTEB has no such task (your own needs a category){known}")
    published = rumteb()[name]
    task = type(published)(seed=seed)
    task.hf_subsets = list(published.hf_subsets)
    task.filter_eval_splits(list(published.eval_splits))
    # The instance's own copy: mteb's class, and with it every other instance, keeps the address on the hub.
    dataset = {**published.metadata.dataset, "path": str(folder)}
    task.metadata = published.metadata.model_copy(update={"dataset": dataset})
    return task


def _own(name: str, entry: Task, folder: Path, seed: int) -> AbsTask:
    from mteb import abstasks
    from mteb.abstasks.task_metadata import TaskMetadata

    assert entry.category is not None
    category = CATEGORIES[entry.category]
    metadata = TaskMetadata(
        name=name,
        description=f"{name}, a task of the experiment's own.",
        # No revision of the outside world says what is in this folder: its content does.
        dataset={"path": str(folder), "revision": digest(folder) if folder.is_dir() else "absent"},
        type=entry.category,
        category="t2c" if "label" in category.columns and "sentence1" not in category.columns else "t2t",
        modalities=["text"],
        eval_splits=[SPLIT],
        eval_langs=[entry.language],
        main_score=category.main_score,
    )
    attributes: dict[str, Any] = {"metadata": metadata, **category.settings}
    attributes |= {attribute: column(entry, role) for role, attribute in category.columns.items() if attribute}
    if entry.category == "STS":
        attributes |= {
            "column_names": (column(entry, "sentence1"), column(entry, "sentence2")),
            "dataset_transform": _with_score(column(entry, "score")),
        }
    if entry.category == "BitextMining":
        names = {column(entry, role): role for role in category.columns}
        attributes |= {"column_names": tuple(category.columns), "dataset_transform": _renamed(names)}
    return type(name, (getattr(abstasks, category.base),), attributes)(seed=seed)


def _renamed(names: Mapping[str, str]) -> Any:
    def dataset_transform(self: AbsTask, num_proc: int | None = None) -> None:  # noqa: ARG001 (mteb's signature)
        """Give columns the names that mteb wants."""
        data: Any = self.dataset
        self.dataset = data.select_columns(list(names)).rename_columns(dict(names))

    return dataset_transform


def _with_score(name: str) -> Any:
    def dataset_transform(self: AbsTask, num_proc: int | None = None) -> None:  # noqa: ARG001 (mteb's signature)
        """Give the column of scores the one name that mteb knows, and numbers where they are written as text."""
        from datasets import Value

        data: Any = self.dataset
        data = data if name == "score" else data.rename_column(name, "score")
        self.dataset = data.cast_column("score", Value("float64"))

    return dataset_transform
