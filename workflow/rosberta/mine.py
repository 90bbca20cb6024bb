"""Stage `mine`: hard negatives, so that every row has the same number.

Ranks follow the convention of `sentence_transformers.util.mine_hard_negatives`: what belongs to an anchor is removed
first, then ranks are counted from 0, and the candidates are those from `first_rank` (included) to `last_rank` (not
included). The recipe's ranks 20-100 are thus the 80 documents after the first 20 (paper 4.1).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from rosberta.artifacts import CLEANED, MINED, read_rows, write_rows
from rosberta.blocks import TEXTS
from rosberta.draw import draw
from rosberta.hub import fetch
from rosberta.mistakes import Mistake
from rosberta.normal import normal

if TYPE_CHECKING:
    from rosberta.params import Experiment, Mine

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
Rank = Callable[[Sequence[str], Sequence[str], Sequence[Sequence[int]]], Iterable[Sequence[int]]]
"""From anchors, documents, and for each anchor the indices of the documents that are none of its negatives, to its
candidates: indices of documents."""


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/mined/<key>.parquet``: the rows of ``data/cleaned/<key>.parquet``, each with all its negatives.

    Raises:
        Mistake: an input is missing or damaged, or no row has enough candidates.
    """
    settings = experiment.mine
    cleaned = read_rows(CLEANED / f"{key}.parquet").to_pylist()
    groups = {row["group"] for row in cleaned}
    if TEXTS in groups:
        # Every source has a mined file; single texts are in it as they are, without negatives.
        write_rows(MINED / f"{key}.parquet", cleaned, {"read": len(cleaned), "kept": len(cleaned), "dropped": {}})
        return
    by_rank = any(settings.methods[group] == "ranks" for group in groups)
    rows, counts = mine(
        cleaned, settings.negatives, settings.seed, partial(teacher_ranks, settings) if by_rank else None
    )
    if not rows:
        raise Mistake(
            f"mine: of {len(cleaned)} rows of {key} none has {settings.negatives} negatives among its "
            f"{counts['corpus']} documents; lower mine.first_rank, or leave the source out of its mixtures"
        )
    write_rows(MINED / f"{key}.parquet", rows, counts)
    if by_rank and counts["corpus"] < settings.last_rank:
        log.info(
            "%s: ranks %d-%d are cut, there are %d documents",
            key, settings.first_rank, settings.last_rank, counts["corpus"],
        )  # fmt: skip
    log.info(
        "%s: read %d, kept %d, dropped %d with too few candidates; negatives: %d provided, %d mined, %d random",
        key, counts["read"], counts["kept"], counts["dropped"].get("too_few_candidates", 0),
        counts["provided"], counts["mined"], counts["random"],
    )  # fmt: skip


def teacher_ranks(
    settings: Mine, anchors: Sequence[str], documents: Sequence[str], excluded: Sequence[Sequence[int]]
) -> list[Sequence[int]]:
    """For each anchor the documents from `first_rank` to `last_rank` in the teacher's order."""
    from rosberta.embedding import Embedder, unit
    from rosberta.encoding import embedder
    from rosberta.ranks import ranked

    teacher = Embedder(
        embedder(fetch("model", settings.teacher), "mean", settings.max_length),
        revision=settings.teacher,
        precision=settings.precision,
        batch_tokens=settings.batch_tokens,
    )
    queries = unit(teacher.embed(anchors, settings.query_prompt, progress="embed anchors"))
    corpus = unit(teacher.embed(documents, settings.document_prompt, progress="embed documents"))
    ranks = ranked(queries, corpus, excluded, settings.last_rank)
    return [indices[settings.first_rank :].tolist() for indices in ranks]


def mine(
    rows: Sequence[Row], negatives: int, seed: int, rank: Rank | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give every row `negatives` negatives: those that it brings, then drawn ones; drop rows with too few candidates.

    Texts are compared in their normal form (`rosberta.normal`). The documents are all positives and negatives of the
    rows, one of each form. Not a negative of an anchor is: itself, its positives in any row, whatever it is a positive
    of, and whatever shares a positive with it, so that two questions of one document are never each other's negatives.

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
            text: normal(text) for row in rows for text in (row["anchor"], row["positive"], *row["negatives"])
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
            anchor, positive = self.forms[row["anchor"]], self.forms[row["positive"]]
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
