"""The rules of cleaning: which rows are fit to be trained on, and why the others are not.

Rows are streamed twice: first for what can only be said of all rows together (`Related`), then for their texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from rosberta.corpus.overlap import Leak
from rosberta.frame.rows import ROW, Writer, number_of_rows, read_batches
from rosberta.texts.language import is_foreign
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal, tidy

Row = dict[str, Any]

OVERLAP = "overlap with the benchmark"
CONFLICT = "conflicting label"

TOLD = 5
"""Ids of examples for each task and rule."""

LISTED = pa.schema(
    [*ROW, ("reason", pa.string()), ("rule", pa.string()), ("tasks", pa.list_(pa.string())), ("test_text", pa.string())]
)
"""A removed row: as it was collected, why it was removed, and of an overlap the rule, the tasks and the test text."""


@dataclass(frozen=True)
class Rules:
    """What decides of a row beside the row itself."""

    min_characters: int
    overlong: Callable[[Iterable[str]], set[str]]
    """Which of some texts are too long."""
    overlap: Callable[[Sequence[str]], Mapping[int, Leak]]
    """Which of some normal forms hold a test text, by place."""
    keep_lines: bool = True
    """Whether texts keep their lines."""
    language: str | None = None
    """Language of the source; None: not checked."""
    seen: Callable[[Row, Mapping[str, str]], None] | None = None
    """Is told each row that is kept, and the normal forms of its texts; None: not asked."""
    cosine: Callable[[Sequence[str], Sequence[str]], np.ndarray] | None = None
    """Cosine of both sides of pairs; None: not asked."""
    min_cosine: float = -1.0


def clean(path: Path, kept: Path, removed: Path, rules: Rules) -> dict[str, Any]:
    """Clean the rows of a file into two others, in batches; return the counts, which the first file holds, too.

    Texts are equal where their normal forms are. Of the reasons to drop a row the first counts: empty text, too short,
    no words, too long, positive equals anchor, another language, conflicting label, overlap with the
    benchmark, low similarity. A negative that is not fit, or is none, is removed from
    its row, which stays; and so is a further positive.

    Counts: ``read``, ``kept``, ``dropped`` by reason (read = kept + all dropped), ``negatives`` of the rows that passed
    (``kept``, and ``removed`` by reason), and ``overlap`` by task and rule: ``rows`` dropped, ``negatives`` removed,
    and ``ids`` of some. A text that two tasks hold counts for both.
    """
    related = Related.of(path)
    tally = _Tally()
    number = 0
    passed, listed = Writer(kept, ROW), Writer(removed, LISTED)
    total = number_of_rows(path)
    with tqdm(total=total, desc="clean", unit="row") as progress:
        for rows in read_batches(path):
            for row, gone in _batch(rows, rules, related, tally):
                if gone is not None:
                    listed.write([gone])
                else:
                    passed.write([row])
                    number += 1
            progress.update(len(rows))
    counts = tally.counts(number)
    listed.close({})
    passed.close(counts)
    return counts


@dataclass(frozen=True)
class Related:
    """Which texts belong to an anchor, in any row of a source, as sorted hashes of both normal forms."""

    positives: np.ndarray
    negatives: np.ndarray
    """Those of judged pairs alone, where a pair that is both was judged twice."""

    @classmethod
    def of(cls, path: Path) -> Related:
        """Read a file once; where no row has negatives, there is nothing to know."""
        if not any(row["negatives"] for rows in read_batches(path, ["negatives"]) for row in rows):
            return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        positives, negatives = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
        for rows in read_batches(path, ["anchor", "positive", "negatives", "positives", "task"]):
            known = ((row["anchor"], text) for row in rows for text in (row["positive"], *row["positives"]))
            pairs = [pair(anchor, text) for anchor, text in known if text is not None]
            judged = [pair(row["anchor"], text) for row in rows if row["task"] == "nli" for text in row["negatives"]]
            positives.append(np.array(pairs, np.uint64))
            negatives.append(np.array(judged, np.uint64))
        return cls(np.unique(np.concatenate(positives)), np.unique(np.concatenate(negatives)))


def pair(anchor: str, text: str) -> int:
    """The hash of an anchor and a text that belongs to it."""
    return hash_text(f"{normal(anchor)}\n{normal(text)}")


def _holds(hashes: np.ndarray, wanted: int) -> bool:
    place = int(np.searchsorted(hashes, np.uint64(wanted)))
    return place < len(hashes) and int(hashes[place]) == wanted


@dataclass
class _Tally:
    """What was dropped and removed so far."""

    dropped: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    negatives: int = 0
    overlap: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def leaked(self, leak: Leak, what: str, id: str) -> None:
        """Count one leak for each task that holds the text."""
        for task in leak.tasks:
            entry = self.overlap.setdefault(task, {}).setdefault(leak.rule, {"rows": 0, "negatives": 0, "ids": []})
            entry[what] += 1
            if len(entry["ids"]) < TOLD:
                entry["ids"].append(id)

    def counts(self, kept: int) -> dict[str, Any]:
        """The counts as they are written."""
        return {
            "read": kept + self.dropped.total(),
            "kept": kept,
            "dropped": dict(self.dropped),
            "negatives": {"kept": self.negatives, "removed": dict(self.removed)},
            "overlap": self.overlap,
        }


def _batch(rows: Sequence[Row], rules: Rules, related: Related, tally: _Tally) -> Iterator[tuple[Row, Row | None]]:
    """Each row of a batch as it is written, and how it is listed if it is removed."""
    fresh = partial(tidy, lines=rules.keep_lines)
    tidied = [
        {
            **row,
            "anchor": fresh(row["anchor"]),
            "positive": None if row["positive"] is None else fresh(row["positive"]),
            **{name: [fresh(text) for text in row[name]] for name in ("negatives", "positives")},
        }
        for row in rows
    ]
    texts = _Texts.of(tidied, rules)
    reasons = [texts.unfit(row) or _unfit(row, rules, related, texts) for row in tidied]
    if rules.cosine is not None:
        asked = [place for place, reason in enumerate(reasons) if reason is None and tidied[place]["positive"]]
        pairs = ([tidied[place][side] for place in asked] for side in ("anchor", "positive"))
        for place, cosine in zip(asked, rules.cosine(*pairs) if asked else (), strict=True):
            if cosine < rules.min_cosine:
                reasons[place] = "low similarity"
    for row, tidy_row, reason in zip(rows, tidied, reasons, strict=True):
        if reason is None:
            fit = _with_negatives(tidy_row, texts, related, tally)
            if rules.seen is not None:
                rules.seen(fit, texts.forms)
            yield fit, None
            continue
        tally.dropped[reason] += 1
        leaks = [texts.leaks[side] for side in (tidy_row["anchor"], tidy_row["positive"]) if side in texts.leaks]
        leak = leaks[0] if reason == OVERLAP else None
        # A task that holds both sides counts once.
        by_task = {task: each for each in reversed(leaks) for task in each.tasks} if leak else {}
        for task, each in sorted(by_task.items()):
            tally.leaked(each._replace(tasks=(task,)), "rows", row["id"])
        found = {"rule": leak.rule, "tasks": list(leak.tasks), "test_text": leak.text} if leak else {}
        yield tidy_row, {**row, "reason": reason, **found}


def _unfit(row: Row, rules: Rules, related: Related, texts: _Texts) -> str | None:
    """What makes a row unfit, of what its texts alone do not say."""
    anchor, positive = row["anchor"], row["positive"]
    if rules.language is not None and is_foreign(anchor, positive, rules.language):
        return "another language"
    if positive is not None and len(related.negatives) and _holds(related.negatives, pair(anchor, positive)):
        return CONFLICT
    return OVERLAP if anchor in texts.leaks or positive in texts.leaks else None


def _with_negatives(row: Row, texts: _Texts, related: Related, tally: _Tally) -> Row:
    """The row with those of its negatives that are fit, one of each normal form."""
    negatives: dict[str, str] = {}
    for negative in row["negatives"]:
        form = texts.forms[negative]
        # A short text is a fair negative: "Нет." contradicts many a premise.
        reason = texts.flaw(negative, 1)
        if reason is None and form == texts.forms[row["anchor"]]:
            reason = "equals the anchor"
        if reason is None and _holds(related.positives, hash_text(f"{texts.forms[row['anchor']]}\n{form}")):
            reason = "a positive of the anchor"
        if reason is None and negative in texts.leaks:
            reason = OVERLAP
            tally.leaked(texts.leaks[negative], "negatives", row["id"])
        if reason is None and form in negatives:
            reason = "duplicate"
        if reason is None:
            negatives[form] = negative
        else:
            tally.removed[reason] += 1
    tally.negatives += len(negatives)
    return {**row, "negatives": list(negatives.values()), "positives": _positives(row, texts, related)}


def _positives(row: Row, texts: _Texts, related: Related) -> list[str]:
    """Those of a row's further positives that are fit, one of each normal form.

    What is not fit here is not fit for a negative of another row either, and needs not be known.
    """
    taken = {texts.forms[side] for side in (row["anchor"], row["positive"]) if side is not None}
    positives: dict[str, str] = {}
    for text in row["positives"]:
        form = texts.forms[text]
        judged_twice = _holds(related.negatives, hash_text(f"{texts.forms[row['anchor']]}\n{form}"))
        if form not in taken and texts.flaw(text, 1) is None and text not in texts.leaks and not judged_twice:
            positives.setdefault(form, text)
    return list(positives.values())


@dataclass(frozen=True)
class _Texts:
    """What is known of the texts of a batch, found in one pass each."""

    min_characters: int
    forms: Mapping[str, str]
    """Normal form of each text."""
    long: set[str]
    leaks: Mapping[str, Leak]

    @classmethod
    def of(cls, rows: Sequence[Row], rules: Rules) -> _Texts:
        every = (
            text for row in rows for text in (row["anchor"], row["positive"], *row["negatives"], *row["positives"])
        )
        texts = list(dict.fromkeys(text for text in every if text is not None))
        forms = {text: normal(text) for text in texts}
        found = rules.overlap(list(forms.values()))
        return cls(
            rules.min_characters, forms, rules.overlong(texts), {texts[place]: leak for place, leak in found.items()}
        )

    def unfit(self, row: Row) -> str | None:
        """What makes a row unfit, of what its texts say."""
        anchor, positive = row["anchor"], row["positive"]
        for text in (anchor,) if positive is None else (anchor, positive):
            if flaw := self.flaw(text, self.min_characters):
                return flaw
        return "positive equals anchor" if positive is not None and self.forms[anchor] == self.forms[positive] else None

    def flaw(self, text: str, min_characters: int) -> str | None:
        """What keeps a text from being trained on."""
        if not text:
            return "empty text"
        if len(text) < min_characters:
            return "too short"
        if not self.forms[text]:
            return "no words"
        return "too long" if text in self.long else None
