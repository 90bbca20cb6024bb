"""`rosberta.embedding.cache`: what was put is found bit by bit, or not at all."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from rosberta.embedding import cache as embedding_cache
from rosberta.embedding.cache import EmbeddingCache, key_of


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten embeddings of eight numbers a file."""
    monkeypatch.setattr(embedding_cache, "SHARD_BYTES", 320)


def some(number: int, seed: int = 0) -> tuple[list[bytes], np.ndarray]:
    keys = [key_of("query: ", f"{seed} {place}") for place in range(number)]
    return keys, np.random.default_rng(seed).standard_normal((number, 8)).astype(np.float32)


def found(cache: EmbeddingCache, model: str, keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    into = np.full((len(keys), 8), np.nan, np.float32)
    return cache.get(model, keys, into), into


def test_what_was_put_is_found(tmp_path: Path) -> None:
    """In any order, over many files, and nothing of another model or key."""
    cache = EmbeddingCache(tmp_path, 10**6)
    keys, embeddings = some(35)
    cache.put("model", keys, embeddings)
    assert len(list(tmp_path.glob("model/*.safetensors"))) == 4
    other, _ = some(5, seed=1)
    order = np.random.default_rng(3).permutation(40)
    asked = [[*keys, *other][place] for place in order]
    there, into = found(cache, "model", asked)
    assert there.tolist() == [place < 35 for place in order]
    assert np.array_equal(into[there], embeddings[order[order < 35]])
    assert np.isnan(into[~there]).all()
    assert not found(cache, "another", keys)[0].any()


def test_prompt_and_text_are_kept_apart() -> None:
    """A prompt that ends as the text begins is another key."""
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("", "\udc80") != key_of("", "?")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_not_believed(tmp_path: Path, damage: str) -> None:
    """It is removed, what it held is not found, and the others still answer."""
    cache = EmbeddingCache(tmp_path, 10**6)
    keys, embeddings = some(20)
    cache.put("model", keys, embeddings)
    file = sorted(tmp_path.glob("model/*.safetensors"))[0]
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        # A bit of the last embedding, behind the header.
        content[-50] ^= 1
    file.write_bytes({"cut": content[:-7], "flipped": content, "empty": b""}[damage])
    there, into = found(cache, "model", keys)
    assert there.sum() == 10
    assert np.array_equal(into[there], embeddings[there])
    assert not file.exists()
    cache.put("model", [key for key, one in zip(keys, there, strict=True) if not one], embeddings[~there])
    assert found(cache, "model", keys)[0].all()


def test_the_limit_holds_and_the_least_used_goes(tmp_path: Path) -> None:
    """What was used last stays."""
    cache = EmbeddingCache(tmp_path, 10**6)
    groups = [some(10, seed) for seed in range(3)]
    for seed, (keys, embeddings) in enumerate(groups):
        cache.put("model", keys, embeddings)
        newest = max(tmp_path.glob("model/*"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (seed, seed))
    size = newest.stat().st_size
    assert found(cache, "model", groups[0][0])[0].all()
    limited = EmbeddingCache(tmp_path, 3 * size)
    limited.put("model", *some(10, 9))
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*")) <= 3 * size
    assert [found(limited, "model", keys)[0].all() for keys, _ in [*groups, some(10, 9)]] == [True, False, True, True]


def test_what_was_cut_is_known_again(tmp_path: Path) -> None:
    """Of each text, whether it was longer than the model takes."""
    cache = EmbeddingCache(tmp_path, 10**6)
    keys, embeddings = some(25)
    cut = np.arange(25) % 3 == 0
    cache.put("model", keys, embeddings, cut)
    again = np.zeros(25, bool)
    assert cache.get("model", keys, np.empty((25, 8), np.float32), again).all()
    assert np.array_equal(again, cut)


def test_one_corpus_does_not_drive_out_all_else(tmp_path: Path) -> None:
    """What would fill more than half of the room is not taken."""
    cache = EmbeddingCache(tmp_path, 320)
    assert cache.takes(5, 8)
    assert not cache.takes(6, 8)


def test_a_disk_that_takes_nothing_costs_the_cache_only(tmp_path: Path) -> None:
    """Nothing is raised; nothing is found."""
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file", 10**6)
    keys, embeddings = some(3)
    cache.put("model", keys, embeddings)
    assert not found(cache, "model", keys)[0].any()


def test_a_folder_that_may_only_be_read_still_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the mark of its use nor a damaged file's removal is needed to go on."""
    cache = EmbeddingCache(tmp_path, 10**6)
    keys, embeddings = some(20)
    cache.put("model", keys, embeddings)
    damaged, whole = sorted(tmp_path.glob("model/*.safetensors"))
    damaged.write_bytes(b"")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    there, into = found(cache, "model", keys)
    assert there.sum() == 10
    assert np.array_equal(into[there], embeddings[there])
    assert damaged.exists()
    assert whole.exists()


def filled(folder: Path) -> None:
    """Puts where no file may outgrow 100 bytes, as on a disk that is full."""
    logging.disable()  # where standard error is a file, that may not outgrow them either
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    cache = EmbeddingCache(folder, 10**6)
    keys, embeddings = some(10)
    cache.put("model", keys, embeddings)
    assert not found(cache, "model", keys)[0].any()


def test_a_full_disk_costs_the_cache_only(tmp_path: Path) -> None:
    """Nothing is raised; nothing is found, and nothing is left behind."""
    writer = multiprocessing.get_context("spawn").Process(target=filled, args=(tmp_path,))
    writer.start()
    writer.join()
    assert writer.exitcode == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_another_is_writing_stays(tmp_path: Path) -> None:
    """However little room there is; what a killed process left goes when it is old."""
    cache = EmbeddingCache(tmp_path, 1)
    (tmp_path / "model").mkdir()
    fresh, old = (tmp_path / "model" / f".{name}.safetensors.1.part" for name in "ab")
    for part in (fresh, old):
        part.write_bytes(b"some")
    os.utime(old, (0, 0))
    cache.put("model", *some(10))
    assert [*(tmp_path / "model").iterdir()] == [fresh]


def hammered(folder: Path, worker: int) -> None:
    """Puts and gets in a folder that others use and that is too small for all."""
    embedding_cache.SHARD_BYTES = 320
    cache = EmbeddingCache(folder, 4000)
    for turn in range(30):
        keys, embeddings = some(10, turn % 7)
        cache.put(f"model{worker % 2}", keys, embeddings)
        there, into = found(cache, f"model{worker % 2}", keys)
        assert np.array_equal(into[there], embeddings[there])


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    """What one removes to make room another may be reading: nobody fails, and nobody reads what was not put."""
    workers = [multiprocessing.get_context("spawn").Process(target=hammered, args=(tmp_path, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert not list(tmp_path.rglob("*.part"))
