"""Candidates for negatives: what is none, and what is drawn of the rest.

Ranks follow the convention of `sentence_transformers.util.mine_hard_negatives`: what belongs to an anchor is removed
first, then ranks are counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rosberta.texts.draws import draw
from rosberta.texts.normalisation import normal

Row = Mapping[str, Any]
Rank = Callable[[Sequence[str], Sequence[str], Sequence[Sequence[int]]], Iterable[Sequence[int]]]
"""From anchors, documents, and for each anchor the indices of the documents that are none of its negatives, to its
candidates: indices of documents."""


def mine(
    rows: Sequence[Row], negatives: int, seed: int, rank: Rank | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give every row `negatives` negatives: those that it brings, then drawn ones; drop rows with too few candidates.

    Texts are compared in their normal form (`rosberta.texts.normalisation`). The documents are all positives and
    negatives of the rows, one of each form. Not a negative of an anchor is: itself, its positives in any row, further
    ones included, whatever it is a positive of, and whatever shares a positive with it, so that two questions of one
    document are never each other's negatives.

    A draw depends on the seed, the row's id and the candidates, not on the order or number of other rows.

    Args:
        rows: of one source.
        negatives: wanted by each row. Of more that a row brings, so many are drawn; they keep their order.
        seed: of all draws.
        rank: gives an anchor's candidates; None: they are all documents.

    Returns:
        The rows that are kept, in order, and counts: ``read``, ``kept``, ``dropped`` by reason, ``corpus`` (documents),
        and the negatives of the rows kept by origin: ``provided``, ``mined``, ``random``.
    """
    source = _Source(rows)
    related = [source.related(row["anchor"]) for row in rows]
    provided = [source.provided(row["negatives"], others) for row, others in zip(rows, related, strict=True)]
    lacking = sorted({row["anchor"] for row, given in zip(rows, provided, strict=True) if len(given) < negatives})
    candidates: dict[str, Sequence[int]] = {}
    if rank and lacking:
        excluded = [source.places(source.related(anchor)) for anchor in lacking]
        candidates = dict(zip(lacking, rank(lacking, source.corpus, excluded), strict=True))

    kept: list[dict[str, Any]] = []
    drawn = 0
    for row, given, others in zip(rows, provided, related, strict=True):
        chosen = set(islice(shuffled(len(given), seed, row["id"], "provided"), negatives))
        texts = [text for place, text in enumerate(given) if place in chosen]
        if len(texts) < negatives:
            taken = others | {source.forms[text] for text in texts}
            indices = candidates[row["anchor"]] if rank else range(len(source.corpus))
            documents = (source.corpus[indices[place]] for place in shuffled(len(indices), seed, row["id"]))
            texts += islice((text for text in documents if source.forms[text] not in taken), negatives - len(texts))
        if len(texts) == negatives:
            kept.append({**row, "negatives": texts})
            drawn += negatives - len(chosen)
    counts = {
        "read": len(rows),
        "kept": len(kept),
        "dropped": {"too_few_candidates": len(rows) - len(kept)} if len(kept) < len(rows) else {},
        "corpus": len(source.corpus),
        "provided": len(kept) * negatives - drawn,
        "mined": drawn if rank else 0,
        "random": 0 if rank else drawn,
    }
    return kept, counts


def shuffled(length: int, seed: int, *words: str) -> Iterator[int]:
    """Yield 0 to `length` - 1 in an order drawn for `words`: a Fisher-Yates shuffle, done only as far as it is read."""
    moved: dict[int, int] = {}
    for place in range(length):
        other = place + draw(seed, *words, str(place)) % (length - place)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)


class _Source:
    """The texts of a source, compared in their normal forms."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.forms = {
            text: normal(text)
            for row in rows
            for text in (row["anchor"], row["positive"], *row["negatives"], *row.get("positives", ()))
        }
        documents: dict[str, str] = {}
        for text in sorted({text for row in rows for text in (row["positive"], *row["negatives"])}):
            documents.setdefault(self.forms[text], text)
        documents.pop("", None)
        self.corpus = list(documents.values())
        """The documents, sorted; of those with one form the first."""
        self._place = {form: place for place, form in enumerate(documents)}
        self._partners: dict[str, set[str]] = {}
        for row in rows:
            anchor = self.forms[row["anchor"]]
            for positive in (self.forms[text] for text in (row["positive"], *row.get("positives", ()))):
                self._partners.setdefault(anchor, set()).add(positive)
                self._partners.setdefault(positive, set()).add(anchor)

    def related(self, anchor: str) -> set[str]:
        """The forms of an anchor, of what it is paired with, and of what that is paired with."""
        form = self.forms[anchor]
        return {form}.union(self._partners[form], *(self._partners[partner] for partner in self._partners[form]))

    def provided(self, negatives: Sequence[str], related: set[str]) -> list[str]:
        """The negatives that a row brings, one of each form, without those that are none."""
        distinct: dict[str, str] = {}
        for text in negatives:
            if self.forms[text] not in related:
                distinct.setdefault(self.forms[text], text)
        return list(distinct.values())

    def places(self, forms: set[str]) -> list[int]:
        """Indices of the documents of these forms, sorted."""
        return sorted(self._place[form] for form in forms if form in self._place)
