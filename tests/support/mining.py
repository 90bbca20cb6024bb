"""Rows to be mined, a teacher that is made up, and the stage in a call."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rosberta.experiment.corpus import Mine
from rosberta.frame.artifacts import DEDUPLICATED, MINED
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.mining import teacher as mining_teacher
from rosberta.stages.mine import run
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal

from support.encoders import ENGLISH, RUSSIAN, write_roberta

WIDTH = 8


def mining_row(
    anchor: str, positive: str, *negatives: str, id: str, group: str = "basic_russian", also: Any = ()
) -> dict:
    """A row of a source; `also` are further positives."""
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": group}
    texts = {"anchor": anchor, "positive": positive, "negatives": list(negatives), "positives": list(also)}
    return {**texts, **place, "id": id}


def mine_of(**changes: Any) -> Mine:
    small = {"max_length": 32, "batch_tokens": 512, "cache_gb": 0.0}
    return Mine(**{"teacher": "t", **small, **changes})


def vector(text: str) -> np.ndarray:
    """A made-up embedding of a text: its form decides it, and few directions, so that many scores are equal."""
    chance = np.random.default_rng(hash_text(normal(text)) % 7)
    made = chance.integers(-2, 3, WIDTH).astype(np.float32)
    made[0] += hash_text(normal(text)) % 3
    return made / max(1e-12, float(np.linalg.norm(made)))


class MadeUp:
    """Stands for a teacher: embeds by `vector`."""

    dimension = WIDTH

    @classmethod
    def load(cls, *_: Any, **__: Any) -> MadeUp:
        return cls()

    def embed(self, texts: Sequence[str], *_: Any, **__: Any) -> np.ndarray:
        return np.stack([vector(text) for text in texts]) if texts else np.zeros((0, WIDTH), np.float32)


def opinion(anchor: str, text: str) -> float:
    """A made-up judge's score of a pair, of which many are equal."""
    return hash_text(f"{normal(anchor)} {normal(text)}") % 11 / 10


class MadeUpJudge:
    """Stands for a judge: scores by `opinion`."""

    def __init__(self, settings: Mine) -> None:
        assert settings.cross_encoder is not None

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([opinion(*pair) for pair in pairs], np.float32)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: Path())
    monkeypatch.setattr("rosberta.embedding.embedder.Embedder", MadeUp)
    monkeypatch.setattr("rosberta.stages.mine.Judge", MadeUpJudge)


def experiment_of(mine: Mine, minings: dict[str, Mine] | None = None, others: Iterable[str] = ()) -> Any:
    """An experiment in which a source is mined by these, and draws from `others`, too."""
    drawn = {"mine": sorted(others)} if others else {}
    return SimpleNamespace(mine=mine, minings_of=lambda key: minings or {}, drawn_from=lambda key: drawn)


def stage(
    rows: Sequence[dict],
    minings: dict[str, Mine] | None = None,
    others: Mapping[str, Sequence[dict]] | None = None,
    **changes: Any,
) -> tuple[list[dict], dict]:
    """The rows and counts that the stage gives; none, where none is kept; `others` are sources of its pool."""
    for name, each in {"s": rows, **(others or {})}.items():
        write_rows(DEDUPLICATED / f"{name}.parquet", each, {})
    experiment = experiment_of(mine_of(**changes), minings, others or ())
    (MINED / "s.parquet").unlink(missing_ok=True)
    try:
        run(experiment, "s")
    except Mistake as mistake:
        assert "none has" in str(mistake)
        return [], {}
    return read_rows(MINED / "s.parquet").to_pylist(), read_counts(MINED / "s.parquet")


def documents(number: int, **more: Any) -> list[dict]:
    return [mining_row(f"вопрос {n}", f"документ номер {n}", id=f"s:{n}", **more) for n in range(number)]


@pytest.fixture(scope="module", name="teacher")
def small_teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("teacher"), [*RUSSIAN, *ENGLISH])


def source(number: int) -> list[dict[str, Any]]:
    """Pairs of different texts; the first three anchors have two positives each."""
    chance = random.Random(0)
    words = [word.strip(".,").lower() for text in (*RUSSIAN, *ENGLISH) for word in text.split()]
    rows = []
    for n in range(number):
        anchor, positive = (" ".join([*chance.sample(words, chance.randint(3, 9)), str(n), side]) for side in "аб")
        rows.append(mining_row(anchor, positive, id=f"s:{n}"))
    for n in range(3):
        rows.append(mining_row(rows[n]["anchor"], f"ещё один ответ {n}", id=f"s:{number + n}"))
    return rows
