"""Texts as token ids in memory-mapped files, cut into tokens once and shared by all trainings that read them."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from rosberta.frame.artifacts import SCRATCH
from rosberta.frame.files import canonical, sha256, whole
from rosberta.texts.ngrams import hash_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STORES = SCRATCH / "tokens"
"""What may vanish at any time, and is then cut again."""

KEPT_DAYS = 30
"""Days that a store outlives its last opening: of settings that nobody trains with any more nothing is left."""

_BATCH = 4096


@dataclass(frozen=True)
class TokenStore:
    """Texts as token ids, special tokens included, and what else was noted of them; nothing is in memory but pages."""

    ids: np.ndarray
    """int32, text after text."""
    starts: np.ndarray
    """int64, (texts + 1,): where each begins."""
    hashes: np.ndarray
    """uint64, (texts,): of the texts themselves."""
    folder: Path

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.starts) - 1

    def __getitem__(self, text: int) -> np.ndarray:
        """The token ids of a text."""
        return self.ids[self.starts[text] : self.starts[text + 1]]

    def lengths(self, texts: np.ndarray) -> np.ndarray:
        """Tokens of each of some texts, int64."""
        return self.starts[texts + 1] - self.starts[texts]

    def noted(self, name: str) -> np.ndarray:
        """An array that was laid beside the texts."""
        array: np.ndarray = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return array


def tokenizer_of(folder: Path, max_length: int) -> Tokenizer:
    """The tokenizer of a model's folder, which cuts texts to so many tokens, special ones included."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def place_of(inputs: Mapping[str, Any]) -> Path:
    """The folder of a store, named after all that decides what is in it."""
    return STORES / blake2b(canonical(inputs).encode(), digest_size=16).hexdigest()


def identity_of(folder: Path, max_length: int) -> dict[str, Any]:
    """What of a tokenizer decides its token ids."""
    from importlib.metadata import version

    return {
        "tokenizer": sha256(folder / "tokenizer.json"),
        "max_length": max_length,
        "tokenizers": version("tokenizers"),
    }


def opened(place: Path) -> TokenStore | None:
    """The store in a folder; None, where there is none that is whole, with all that was laid beside its texts."""
    try:
        sizes = json.loads((place / "sizes.json").read_text(encoding="utf-8"))
        ids = np.memmap(place / "ids.bin", np.int32, "r") if sizes["ids"] else np.zeros(0, np.int32)
        beside = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in sizes["beside"]}
        starts, hashes = beside["starts"], beside["hashes"]
        if {name: list(array.shape) for name, array in beside.items()} != sizes["beside"]:
            return None
        fits = len(ids) == sizes["ids"] == starts[-1] and len(hashes) == len(starts) - 1
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError):
        return None
    if not fits:
        return None
    # Said, since not every disk notes it.
    os.utime(place / "sizes.json", ns=(time.time_ns(), (place / "sizes.json").stat().st_mtime_ns))
    return TokenStore(ids, starts, hashes, place)


def stored(
    place: Path,
    texts: Iterable[str],
    tokenizer: Tokenizer,
    prefix: str = "",
    *,
    noted: Mapping[str, np.ndarray] | None = None,
    total: int | None = None,
) -> TokenStore:
    """Cut texts into tokens, `prefix` before each, and keep them in a folder with arrays that belong to them."""
    starts, hashes = [np.zeros(1, np.int64)], [np.zeros(0, np.uint64)]
    end = 0
    # Two jobs may cut the same texts at once: what one has moved in the other leaves there.
    ours = place.with_name(f".{place.name}.{os.getpid()}")
    with whole(ours) as part, tqdm(total=total, desc="tokenise", unit="text") as bar:
        part.mkdir()
        with (part / "ids.bin").open("wb") as file:
            for batch in _batched(texts):
                encodings = tokenizer.encode_batch_fast([prefix + text for text in batch])
                ids = [np.array(encoding.ids, np.int32) for encoding in encodings]
                file.write(np.concatenate(ids).tobytes())
                ends = end + np.cumsum([len(each) for each in ids])
                end = int(ends[-1])
                starts.append(ends.astype(np.int64))
                hashes.append(np.array([hash_text(text) for text in batch], np.uint64))
                bar.update(len(batch))
        beside = {"starts": np.concatenate(starts), "hashes": np.concatenate(hashes), **(noted or {})}
        for name, array in beside.items():
            np.save(part / f"{name}.npy", array)
        shapes = {name: list(array.shape) for name, array in beside.items()}
        (part / "sizes.json").write_text(canonical({"ids": end, "beside": shapes}), encoding="utf-8")
    _move_in(ours, place)
    _forget_old()
    found = opened(place)
    assert found is not None, "it was just written"
    return found


def _move_in(ours: Path, place: Path) -> None:
    """Move a store to its place, unless a whole one is there."""
    try:
        ours.rename(place)
    except OSError:
        if opened(place) is None:
            shutil.rmtree(place)
            ours.rename(place)
    finally:
        shutil.rmtree(ours, ignore_errors=True)


def _forget_old() -> None:
    """Remove the stores that were not opened for long."""
    for sizes in STORES.glob("[!.]*/sizes.json"):
        try:
            if time.time() - sizes.stat().st_atime > KEPT_DAYS * 86_400:
                shutil.rmtree(sizes.parent, ignore_errors=True)
        except FileNotFoundError:
            pass  # another job's own sweep


def _batched(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while batch := list(islice(stream, _BATCH)):
        yield batch
