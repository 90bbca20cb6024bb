"""Groups of texts that say the same, with texts that only look alike: ``paraphrases`` and ``distractors``.

Two texts are drawn of each group as anchor and positive, the others are known to be positives; the distractors are the
negatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._values import as_list, flaw
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw


class Options(AdapterOptions):
    """Names of the columns."""

    paraphrases: str = "paraphrases"
    distractors: str = "distractors"


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.paraphrases, options.distractors)


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example a group."""
    for position, row in enumerate(raw):
        texts = dict.fromkeys(text for text in as_list(row[options.paraphrases]) if flaw(text) is None)
        if len(texts) < 2:
            yield Drop("fewer than two paraphrases")
            continue
        # By content, so that another order of the list draws the same.
        anchor, *others = sorted(texts, key=lambda text: draw(seed, "paraphrase", text))
        yield example(position, anchor, others[0], as_list(row[options.distractors]), others)
