"""Prompts: what stands before a text in evaluation, by task, for each family of models.

Keys are mteb's, of which the most specific wins: task-side, task, category-side, category, side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from rosberta.evaluation.categories import CATEGORIES
from rosberta.experiment.blocks import PromptFamily
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.texts.prefixes import CLASSIFICATION, CLUSTERING, PREFIXES, SEARCH_DOCUMENT, SEARCH_QUERY

if TYPE_CHECKING:
    from rosberta.experiment.benchmark import Task

E5_QUERY = "query: "
E5_DOCUMENT = "passage: "

INSTRUCTION = "Instruct: {}\nQuery: "
"""What instruct models of the E5 family want before a query, or before a text of a symmetric task (their model cards);
documents take nothing."""

ROSBERTA_PROMPTS: dict[str, str] = {
    "Classification": CLASSIFICATION,
    "MultilabelClassification": CLASSIFICATION,
    "PairClassification": CLASSIFICATION,
    "STS": CLASSIFICATION,
    "Clustering": CLUSTERING,
    "Reranking-query": SEARCH_QUERY,
    "Reranking-document": SEARCH_DOCUMENT,
    "query": SEARCH_QUERY,
    "document": SEARCH_DOCUMENT,
    # Tasks of ruMTEB that ask for a theme take the prefix of clustering, whatever mteb's category says.
    "HeadlineClassification": CLUSTERING,
    "InappropriatenessClassification": CLUSTERING,
    "MassiveScenarioClassification": CLUSTERING,
    "RuSciBenchGRNTIClassification": CLUSTERING,
    "RuSciBenchOECDClassification": CLUSTERING,
    "SensitiveTopicsClassification": CLUSTERING,
    "STS22": CLUSTERING,
}
"""Prompts of the recipe under mteb's keys, of which the most specific wins: task-side, task, category-side, category,
side (paper, Table 7)."""

E5_PROMPTS: dict[str, str] = {
    "Classification": E5_QUERY,
    "MultilabelClassification": E5_QUERY,
    "PairClassification": E5_QUERY,
    "STS": E5_QUERY,
    "BitextMining": E5_QUERY,
    "Clustering": E5_QUERY,
    "query": E5_QUERY,
    "document": E5_DOCUMENT,
}
"""Prompts of multilingual-e5 under mteb's keys: "query: " for everything symmetric (its model card)."""


def prefix_of(category: str, named: str | None = None) -> str:
    """Name of the prefix of one's own task: the one it names, else that of its category.

    Raises:
        Mistake: there is no such prefix, or a pair prefix is asked for by a task without two sides.
    """
    name = named or CATEGORIES[category].prefix
    if name not in PREFIXES:
        raise Mistake(f"prefix {name!r} is none of the recipe's{nearest(name, PREFIXES)}")
    if name == "search" and category not in {"Reranking", "Retrieval"}:
        raise Mistake(f"prefix 'search' has two sides, {category} has one; name classification or clustering")
    return name


def model_prompts(
    family: PromptFamily | Mapping[str, str],
    tasks: Mapping[str, Task] | None = None,
    instructions: Mapping[str, str] | None = None,
    id: str | None = None,
) -> dict[str, str]:
    """What mteb calls `model_prompts`, for a family of models; empty for "none".

    Args:
        family: a name (`rosberta.experiment.models.Model.prompts` says what each means), or the prompts themselves
            under mteb's keys.
        tasks: Tasks by name. Those that have a category are one's own, and get their own prefix by name; the others
            are mteb's, which the family's table covers.
        instructions: mteb's instruction by task, for "instruct".
        id: of the model on the hub, for "mteb".

    Raises:
        Mistake: there is no such family, or a task's prefix does not fit it.
    """
    if not isinstance(family, str):
        return dict(family)
    if family == "none":
        return {}
    if family == "e5":
        return dict(E5_PROMPTS)
    if family == "mteb":
        return registered(id)
    if family == "instruct":
        told = {name: INSTRUCTION.format(instruction) for name, instruction in (instructions or {}).items()}
        return told | dict.fromkeys((f"{name}-document" for name in told), "")
    if family != "rosberta":
        raise Mistake(f"prompts {family!r} is no family of prompts{nearest(family, get_args(PromptFamily))}")
    prompts = dict(ROSBERTA_PROMPTS)
    for name, task in (tasks or {}).items():
        if task.category is not None:
            try:
                prefix = PREFIXES[prefix_of(task.category, task.prefix)]
            except Mistake as mistake:
                raise Mistake(f"benchmark.tasks.{name}: {mistake}") from None
            prompts |= {name: prefix.query, f"{name}-query": prefix.query, f"{name}-document": prefix.document}
    return prompts


def registered(id: str | None) -> dict[str, str]:
    """The prompts that mteb registers for a model, whatever the model's own files say.

    Raises:
        Mistake: mteb knows no such model, or gives it instructions instead.
    """
    import mteb

    if id is None:
        raise Mistake("prompts 'mteb' are those that mteb registers for the id of a pinned model; this model has none")
    try:
        given = mteb.get_model_meta(id).loader_kwargs or {}
    except KeyError:
        raise Mistake(
            f"prompts 'mteb': mteb {version('mteb')} registers no {id}; name another family, or the prompts"
        ) from None
    if "instruction_template" in given or "prompts_dict" in given:
        raise Mistake(f"prompts 'mteb': mteb tells {id} instructions; write instruct")
    return dict(given.get("model_prompts") or {})


def unknown_keys(prompts: Mapping[str, str], tasks: Iterable[str]) -> list[str]:
    """Keys of prompts that no text of these tasks could ever take: neither task, nor category, nor side."""
    known = {*tasks, *CATEGORIES}
    return [key for key in prompts if key not in {"query", "document"} and _side_cut(key) not in known]


def _side_cut(key: str) -> str:
    return key.removesuffix("-query").removesuffix("-document")


def prompt_of(prompts: Mapping[str, str], task: str, category: str, side: str | None = None) -> str | None:
    """The prompt that mteb takes for a task, by its rule that the most specific key wins; None where none applies.

    Args:
        prompts: Prompts under mteb's keys.
        task: The task's name.
        category: Its category (mteb's "type").
        side: "query" or "document" in search, else None.
    """
    keys = [task, category] if side is None else [f"{task}-{side}", task, f"{category}-{side}", category, side]
    return next((prompts[key] for key in keys if key in prompts), None)
