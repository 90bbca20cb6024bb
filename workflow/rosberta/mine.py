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
    by_rank = any(settings.methods[group] == "ranks" for group in {row["group"] for row in cleaned})
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
    from rosberta.encoding import embed, embedder
    from rosberta.ranks import ranked

    teacher = embedder(fetch("model", settings.teacher), "mean", settings.max_length)
    queries = embed(teacher, anchors, settings.query_prompt, settings.batch_size)
    corpus = embed(teacher, documents, settings.document_prompt, settings.batch_size)
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
    forms = {text: normal(text) for row in rows for text in (row["anchor"], row["positive"], *row["negatives"])}
    corpus = _corpus(rows, forms)
    place = {forms[document]: index for index, document in enumerate(corpus)}
    partners = _partners(rows, forms)
    provided = [_provided(row, forms, _related(forms[row["anchor"]], partners)) for row in rows]

    candidates: dict[str, Sequence[int]] = {}
    if rank:
        anchors = sorted({row["anchor"] for row, given in zip(rows, provided, strict=True) if len(given) < negatives})
        if anchors:
            excluded = [
                sorted(place[form] for form in _related(forms[anchor], partners) if form in place) for anchor in anchors
            ]
            candidates = dict(zip(anchors, rank(anchors, corpus, excluded), strict=True))

    kept: list[dict[str, Any]] = []
    drawn_in_all = provided_in_all = 0
    for row, given in zip(rows, provided, strict=True):
        chosen = set(islice(shuffled(len(given), seed, row["id"], "provided"), negatives))
        found = [text for index, text in enumerate(given) if index in chosen]
        provided_here = len(found)
        if len(found) < negatives:
            taken = {forms[text] for text in found} | _related(forms[row["anchor"]], partners)
            indices = candidates[row["anchor"]] if rank else range(len(corpus))
            for position in shuffled(len(indices), seed, row["id"]):
                document = corpus[indices[position]]
                if forms[document] not in taken:
                    found.append(document)
                if len(found) == negatives:
                    break
        if len(found) == negatives:
            kept.append({**row, "negatives": found})
            provided_in_all += provided_here
            drawn_in_all += negatives - provided_here
    counts = {
        "read": len(rows),
        "kept": len(kept),
        "dropped": {"too_few_candidates": len(rows) - len(kept)} if len(kept) < len(rows) else {},
        "corpus": len(corpus),
        "provided": provided_in_all,
        "mined": drawn_in_all if rank else 0,
        "random": 0 if rank else drawn_in_all,
    }
    return kept, counts


def shuffled(length: int, seed: int, *words: str) -> Iterator[int]:
    """Yield 0 to `length` - 1 in an order drawn for `words`: a Fisher-Yates shuffle, done only as far as it is read."""
    moved: dict[int, int] = {}
    for place in range(length):
        other = place + draw(seed, *words, str(place)) % (length - place)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)


def _corpus(rows: Sequence[Row], forms: Mapping[str, str]) -> list[str]:
    """The documents of a source, sorted; of those with one normal form the first."""
    corpus: dict[str, str] = {}
    for document in sorted({text for row in rows for text in (row["positive"], *row["negatives"])}):
        corpus.setdefault(forms[document], document)
    corpus.pop("", None)
    return list(corpus.values())


def _partners(rows: Sequence[Row], forms: Mapping[str, str]) -> dict[str, set[str]]:
    """The forms that stand beside a form in some pair of anchor and positive."""
    partners: dict[str, set[str]] = {}
    for row in rows:
        anchor, positive = forms[row["anchor"]], forms[row["positive"]]
        partners.setdefault(anchor, set()).add(positive)
        partners.setdefault(positive, set()).add(anchor)
    return partners


def _related(form: str, partners: Mapping[str, set[str]]) -> set[str]:
    """A form, its partners, and theirs."""
    return {form, *partners[form], *(other for partner in partners[form] for other in partners[partner])}


def _provided(row: Row, forms: Mapping[str, str], related: set[str]) -> list[str]:
    """The negatives that a row brings, one of each form."""
    distinct: dict[str, str] = {}
    for text in row["negatives"]:
        if forms[text] not in related:
            distinct.setdefault(forms[text], text)
    return list(distinct.values())
