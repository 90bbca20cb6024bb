"""Stage `clean`: what a training row must be, and that it holds nothing of the benchmark's test texts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rosberta.artifacts import CLEANED, COLLECTED, read_rows, write_rows
from rosberta.hub import fetch
from rosberta.lengths import overlong, tokenizer_of
from rosberta.mistakes import Mistake
from rosberta.normal import normal, tidy
from rosberta.overlap import Leaks, overlap

if TYPE_CHECKING:
    from rosberta.params import Experiment

log = logging.getLogger(__name__)

Row = dict[str, Any]

OVERLAP = "overlap with the benchmark"


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/cleaned/<key>.parquet``: the rows of ``data/collected/<key>.parquet`` that are fit to train on.

    Raises:
        Mistake: an input is missing or damaged, or no row is left.
    """
    settings = experiment.clean
    collected = read_rows(COLLECTED / f"{key}.parquet").to_pylist()
    tokenizer = tokenizer_of(fetch("model", settings.tokenizer))
    rows, counts = clean(
        collected,
        min_characters=settings.min_characters,
        overlong=lambda texts: overlong(texts, tokenizer, settings.max_tokens),
        overlap=lambda forms: overlap(forms, experiment.benchmark.tasks, settings.min_overlap_words),
    )
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(counts["dropped"].items())) or "none"
    if not rows:
        raise Mistake(f"clean: of {len(collected)} rows of {key} none is left ({dropped}); check its adapter's options")
    write_rows(CLEANED / f"{key}.parquet", rows, counts)
    log.info("%s: read %d, kept %d, dropped: %s", key, counts["read"], counts["kept"], dropped)


def clean(
    rows: Iterable[Row],
    *,
    min_characters: int,
    overlong: Callable[[Iterable[str]], set[str]],
    overlap: Callable[[set[str]], Leaks],
) -> tuple[list[Row], dict[str, Any]]:
    """Tidy the texts of `rows`, and drop what is not fit to train on; return what is left, in order, and the counts.

    Texts are equal where their normal forms are. Of the reasons to drop a row the first counts: empty text, too short,
    no words, too long, positive equals anchor, overlap with the benchmark, duplicate (of an earlier pair). A negative
    that is not fit, or is none, is removed from its row, which stays.

    Counts: ``read``, ``kept``, ``dropped`` by reason (read = kept + all dropped), ``negatives`` of the rows kept
    (``kept``, and ``removed`` by reason), and ``overlap`` by task: ``rows`` dropped and ``negatives`` removed. A text
    that two tasks hold counts for both.
    """
    tidied = [
        {
            **row,
            "anchor": tidy(row["anchor"]),
            "positive": tidy(row["positive"]),
            "negatives": [tidy(negative) for negative in row["negatives"]],
        }
        for row in rows
    ]
    source = _Source.of(tidied, min_characters, overlong, overlap)
    kept: list[Row] = []
    seen: set[tuple[str, str]] = set()
    dropped: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    overlaps: dict[str, Counter[str]] = {"rows": Counter(), "negatives": Counter()}
    for row in tidied:
        pair = (source.forms[row["anchor"]], source.forms[row["positive"]])
        reason = source.unfit_pair(row["anchor"], row["positive"]) or ("duplicate" if pair in seen else None)
        if reason:
            dropped[reason] += 1
            if reason == OVERLAP:
                overlaps["rows"].update(_tasks(source.leaks, pair))
            continue
        seen.add(pair)
        negatives: dict[str, str] = {}
        for negative in row["negatives"]:
            form = source.forms[negative]
            reason = source.unfit_negative(negative, row["anchor"]) or ("duplicate" if form in negatives else None)
            if reason is None:
                negatives[form] = negative
                continue
            removed[reason] += 1
            if reason == OVERLAP:
                overlaps["negatives"].update(_tasks(source.leaks, (form,)))
        kept.append({**row, "negatives": list(negatives.values())})
    counts = {
        "read": len(tidied),
        "kept": len(kept),
        "dropped": dict(dropped),
        "negatives": {"kept": sum(len(row["negatives"]) for row in kept), "removed": dict(removed)},
        "overlap": {name: dict(by_task) for name, by_task in overlaps.items()},
    }
    return kept, counts


@dataclass(frozen=True)
class _Source:
    """What is known of all texts of a source, found in one pass each."""

    min_characters: int
    forms: Mapping[str, str]
    """Normal form of each text."""
    long: Set[str]
    """The texts that are too long."""
    leaks: Leaks
    positives: Mapping[str, Set[str]]
    """Normal forms of all positives of an anchor, by the anchor's."""

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        min_characters: int,
        overlong: Callable[[Iterable[str]], set[str]],
        overlap: Callable[[set[str]], Leaks],
    ) -> _Source:
        texts = dict.fromkeys(text for row in rows for text in (row["anchor"], row["positive"], *row["negatives"]))
        forms = {text: normal(text) for text in texts}
        positives: dict[str, set[str]] = {}
        for row in rows:
            positives.setdefault(forms[row["anchor"]], set()).add(forms[row["positive"]])
        return cls(min_characters, forms, overlong(texts), overlap(set(forms.values())), positives)

    def unfit_pair(self, anchor: str, positive: str) -> str | None:
        """What makes a pair unfit to train on."""
        for text in (anchor, positive):
            if flaw := self._flaw(text, self.min_characters):
                return flaw
        if self.forms[anchor] == self.forms[positive]:
            return "positive equals anchor"
        return OVERLAP if self.forms[anchor] in self.leaks or self.forms[positive] in self.leaks else None

    def unfit_negative(self, negative: str, anchor: str) -> str | None:
        """What makes a text unfit as a negative of an anchor."""
        # A short text is a fair negative: "Нет." contradicts many a premise.
        if flaw := self._flaw(negative, 1):
            return flaw
        if self.forms[negative] == self.forms[anchor]:
            return "equals the anchor"
        if self.forms[negative] in self.positives[self.forms[anchor]]:
            return "a positive of the anchor"
        return OVERLAP if self.forms[negative] in self.leaks else None

    def _flaw(self, text: str, min_characters: int) -> str | None:
        if not text:
            return "empty text"
        if len(text) < min_characters:
            return "too short"
        if not self.forms[text]:
            return "no words"
        return "too long" if text in self.long else None


def _tasks(leaks: Leaks, forms: Iterable[str]) -> list[str]:
    """Each task that holds one of the forms, once."""
    return sorted({task for form in forms for task in leaks.get(form, ())})
