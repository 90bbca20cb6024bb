"""Two models, task by task: their scores, and the difference with its error where there can be one.

Two models of the experiment are paired: they were scored on the same examples, with fits to the same training texts,
and halves of a clustering's documents are the same for both (`rosberta.evidence.estimates`). What is not the same is
not paired. Of published models scores alone are known, so that the error is that of ours; and where a published score
was made otherwise (`rosberta.published.deviations`) it is not subtracted at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from rosberta import published
from rosberta.evidence.estimates import Estimate, added, estimate, mean
from rosberta.evidence.values import Values, values_of
from rosberta.frame.artifacts import SCORES
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.rows import read_rows
from rosberta.published import VERSIONS

PAIRED, APART, OURS = "paired", "unpaired", "ours alone"
"""What an interval is of: differences example by example; each model's own error, added; that of ours."""

BOUNDS = {"STS": (-100, 100)}
"""Of scores by category, where they are not 0 and 100."""

SAME = ("data", "settings", "code")
"""What two scores of a task must share to be of one measure, as `summary.json` names it."""


class Side(NamedTuple):
    """One of the two models."""

    name: str
    scores: Mapping[str, float]
    """Score by task, 0-100."""
    categories: Mapping[str, str]
    """Category by task."""
    folder: Path | None
    """Its artifact, if it is a model of this experiment."""
    facts: Mapping[str, Mapping[str, Any]] = {}
    """What each task's score rests on, as `summary.json` has it."""


class Difference(NamedTuple):
    """What is known of one task."""

    task: str
    category: str
    scores: tuple[float, float]
    estimate: Estimate | None
    """The difference with its error; None: there is no way to know it."""
    source: str
    """What the interval is of, or why there is none."""
    comparable: bool = True
    """Whether the two scores are of one measure, and may be subtracted."""


def side(name: str) -> Side:
    """What is known of a model.

    Raises:
        Mistake: it is neither a scored model of this experiment, nor a published one.
    """
    path = SCORES / name / "summary.json"
    if path.is_file():
        summary = read_json(path)
        tasks = summary["tasks"] | summary["own_tasks"]
        scores = {task: float(each["score"]) for task, each in tasks.items() if each["score"] is not None}
        return Side(name, scores, {task: each["category"] for task, each in tasks.items()}, path.parent, tasks)
    known = published.leaderboard()
    if name not in known:
        here = sorted(each.parent.name for each in SCORES.glob("*/summary.json"))
        raise Mistake(
            f"compare: {name!r} is neither a scored model here ({', '.join(here) or 'there are none'}) nor one of the "
            f"{len(known)} that the leaderboard shows (ids such as {published.RELEASED_ID})"
            f"{nearest(name, [*here, *known], listed=False)}"
        )
    categories = {task.name: task.category for version in VERSIONS for task in published.tasks(version)}
    scores = {task: score for task, score in known[name].items() if task in categories}
    return Side(name, scores, categories, None)


def estimated(side: Side, task: str) -> Estimate | None:
    """A score of a model of this experiment with its error; None where too little is known."""
    values = _values(side, task)
    return (
        None
        if values is None or task not in side.scores
        else estimate(values, side.scores[task], _bounds(side.categories[task]))
    )


def difference(sides: tuple[Side, Side], task: str) -> Difference:
    """The second model's score of a task less the first one's, with its error where it can be known."""
    first, second = sides
    scores = (first.scores[task], second.scores[task])
    known = Difference(task, first.categories[task], scores, None, "")
    if first.folder is None and second.folder is None:
        return known._replace(source="published scores")
    if first.folder is not None and second.folder is not None:
        return _of_ours(sides, known)
    ours, theirs = (second, first) if first.folder is None else (first, second)
    if ours.facts.get(task, {}).get("origin") == "miniature":
        return known._replace(source="other data: the miniature's", comparable=False)
    deviation = published.deviation("leaderboard", theirs.name, task, prompt_of(ours, task))
    if deviation:
        return known._replace(source=f"{theirs.name}: {deviation}", comparable=False)
    alone = estimated(ours, task)
    return known if alone is None else known._replace(estimate=alone.at(scores[1] - scores[0]), source=OURS)


def _of_ours(sides: tuple[Side, Side], known: Difference) -> Difference:
    """The difference of two models of the experiment."""
    facts = [each.facts.get(known.task, {}) for each in sides]
    other = [name for name in SAME if facts[0].get(name) != facts[1].get(name)]
    if other:
        return known._replace(source=f"other {' and '.join(other)}", comparable=False)
    one, two = (_values(each, known.task) for each in sides)
    if one is None or two is None:
        return known
    less = two.less(one)
    if less is None:
        return known._replace(source="other examples", comparable=False)
    errors = [estimated(each, known.task) for each in sides]
    found = estimate(less, known.scores[1] - known.scores[0])
    if found is None or errors[0] is None or errors[1] is None:
        return known
    least, most = _bounds(known.category)
    found = found._replace(furthest=most - least)
    if prompt_of(sides[0], known.task) != prompt_of(sides[1], known.task):
        # Who reads other texts is not paired: both errors count in full.
        return known._replace(estimate=added(found, errors[0], errors[1]), source=f"{APART}, other prompts")
    # That a model does not differ from itself needs no examples.
    itself = sides[0].folder == sides[1].folder
    return known._replace(estimate=found._replace(variance=0.0) if itself else found, source=PAIRED)


def _bounds(category: str) -> tuple[float, float]:
    return BOUNDS.get(category, (0, 100))


def leader(sides: Sequence[Side], shares: Mapping[str, float]) -> str | None:
    """The model whose weighted mean of scores is highest by more than noise against each of the others.

    Args:
        sides: models of the experiment.
        shares: weight of each task.

    Returns:
        Its name; None if there is none, or if errors are not known.
    """
    whole = [each for each in sides if all(task in each.scores for task in shares)]
    if len(whole) < 2:
        return None
    best = max(whole, key=lambda each: sum(share * each.scores[task] for task, share in shares.items()))
    for other in whole:
        if other is best:
            continue
        gaps = [difference((other, best), task).estimate for task in shares]
        known = [each for each in gaps if each is not None]
        if len(known) < len(gaps) or mean(known, list(shares.values())).interval[0] <= 0:
            return None
    return best.name


def prompt_of(side: Side, task: str) -> str:
    """What stood before a task's texts."""
    return str(side.facts.get(task, {}).get("prefix") or "")


@lru_cache(maxsize=1024)
def _read(path: Path, _: int) -> Values | None:
    return values_of(read_rows(path))


def _values(side: Side, task: str) -> Values | None:
    """What was kept of a task; None if nothing was."""
    if side.folder is None:
        return None
    # A process may be asked of several projects, so that the path alone would not do.
    path = (side.folder / "examples" / f"{task}.parquet").absolute()
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None
