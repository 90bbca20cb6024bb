"""A second opinion: a cross-encoder, which reads an anchor and a document together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from rosberta.mining.order import Order
from rosberta.mining.pool import Pool
from rosberta.mining.teacher import devices_of, limits_of, one_thread
from rosberta.outside.pins import fetch

if TYPE_CHECKING:
    from rosberta.experiment.corpus import Mine

ANCHORS = 4096
"""Anchors whose candidates are judged together."""


class Judge:
    """A cross-encoder on all devices.

    On a CPU it reads pair by pair, so that no score depends on what else is read, or on the number of threads.
    """

    def __init__(self, settings: Mine) -> None:
        """Load the cross-encoder that the parameters name."""
        from rosberta.encoder.cross_encoder import load_cross_encoder

        asked = settings.cross_encoder
        assert asked is not None
        self._devices = devices_of(settings)
        folder = fetch("model", asked.model)
        self._models = {
            device: load_cross_encoder(folder, asked.max_length, asked.precision, device)
            for device in dict.fromkeys(self._devices)
        }
        self._batch_size = asked.batch_size

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The scores of pairs (anchor, document), float32, as the model's own activation has them."""
        if not pairs:
            return np.zeros(0, np.float32)
        parts = [part for part in np.array_split(np.arange(len(pairs)), len(self._devices)) if len(part)]

        def predict(part: np.ndarray, device: str) -> np.ndarray:
            size = 1 if device == "cpu" else self._batch_size
            some = [pairs[place] for place in part.tolist()]
            found: np.ndarray = self._models[device].predict(some, batch_size=size, show_progress_bar=False)
            return found.astype(np.float32, copy=False)

        with one_thread(), ThreadPoolExecutor(len(parts)) as threads:
            return np.concatenate(list(threads.map(predict, parts, self._devices[: len(parts)])))


def accepted(
    settings: Mine, pool: Pool, order: Order, judge: Judge, anchors: np.ndarray, windows: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Of the candidates of anchors those that the judge lets pass for negatives, as many as a row may take.

    They are read in the order in which rows take them, and no further than is needed: what is left is what would be
    left if all were read.

    Args:
        settings: `cross_encoder` says from which score on a document is none.
        pool: that the anchors and documents are of.
        order: of the documents.
        judge: that reads.
        anchors: int64.
        windows: int32, (anchors, candidates): documents, -1 where there are fewer.

    Returns:
        int32, as `windows`; and how many candidates were ``judged``, and how many of them ``refused``.
    """
    found = np.full_like(windows, -1)
    counts = {"judged": 0, "refused": 0}
    for start in tqdm(range(0, len(anchors), ANCHORS), desc="judge", unit="part"):
        some = anchors[start : start + ANCHORS]
        waiting, limits = [], _limits(settings, pool, judge, some)
        for anchor, window in zip(some.tolist(), windows[start : start + ANCHORS], strict=True):
            allowed = np.sort(window[window >= 0])
            hashes = order.hashes(int(pool.anchor_forms[anchor]), pool.document_forms[allowed])
            waiting.append(allowed[hashes.argsort(kind="stable")].tolist()[::-1])
        number = [0] * len(some)
        while True:
            asked = [
                (place, waiting[place].pop())
                for place in range(len(some))
                for _ in range(min(settings.negatives - number[place], len(waiting[place])))
            ]
            if not asked:
                break
            texts = [(pool.anchors[int(some[place])], pool.documents[document]) for place, document in asked]
            for (place, document), score in zip(asked, judge.scores(texts).tolist(), strict=True):
                counts["judged"] += 1
                if score > limits[place]:
                    counts["refused"] += 1
                else:
                    found[start + place, number[place]] = document
                    number[place] += 1
    return found, counts


def _limits(settings: Mine, pool: Pool, judge: Judge, anchors: np.ndarray) -> list[float]:
    """The score of the judge above which a document is no negative of an anchor."""
    asked = settings.cross_encoder
    assert asked is not None
    lowest = np.full(len(anchors), np.inf, np.float32)
    if not asked.absolute_margin is asked.relative_margin is None:
        places, documents = pool.answers.of_keys(anchors)
        texts = [
            (pool.anchors[int(anchors[place])], pool.documents[document])
            for place, document in zip(places.tolist(), documents.tolist(), strict=True)
        ]
        np.minimum.at(lowest, places, judge.scores(texts))
    limits: list[float] = limits_of(asked, lowest).tolist()
    return limits
