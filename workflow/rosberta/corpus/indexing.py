"""The index of test texts: a folder of sorted arrays, written once, that every search reads in place.

Texts are numbered in the order of their normal forms, so that nothing depends on the order in which tasks are read:

- ``forms``, ``ends``: the forms in UTF-8, one behind another, and where each ends; ``words``: how many it has;
- ``tasks.json``, ``tasks``: sets of tasks, and the number of each text's;
- ``whole``: the hash of each text;
- ``grams-N``: its word n-grams but for those of more than `COMMON` texts, which are phrases of a genre; of full size
  also these (``phrases``), and how many others each text has (``counts``);
- ``band-N``: the bands of its MinHash signature;
- ``documents/TASK.npy``: the hashes of all documents that a task searches, which need not be test texts;
  ``titled/TASK.npy``: of those with titles the hashes with the title before the text, and (second row) those without;
- ``alike``: the stems of short texts (`rosberta.corpus.alike`).

Hashes are sorted, and the text that each is of stands beside it (``-hashes``, ``-owners``). Memory grows by some ten
bytes a text, whatever its length: all else is sorted on disk (`rosberta.corpus.sorting`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.corpus.alike import Writer
from rosberta.corpus.sorting import CHARACTERS, MOST, Column, Sorter, distinct, runs
from rosberta.frame.artifacts import BENCHMARK, DOCUMENTS
from rosberta.frame.files import write_json
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.frame.rows import batches_of
from rosberta.texts import near_duplicates
from rosberta.texts.ngrams import Grams, Words, hash_text, word_grams, words
from rosberta.texts.normalisation import normal

if TYPE_CHECKING:
    from rosberta.experiment.corpus import Overlap

COMMON = 8
"""Test texts that may share an n-gram before it counts as a phrase of its genre."""

BATCH = 4096


def texts_of(tasks: Iterable[str], *, distractors: bool) -> Iterator[tuple[str, str]]:
    """The test texts of tasks (``data/benchmark/<Task>/texts.parquet``) in their normal forms, each behind its task.

    Args:
        tasks: their names.
        distractors: whether all documents that a task searches are among them, and not the relevant ones alone.

    Raises:
        Mistake: the texts of a task are missing or damaged.
    """
    for task in tasks:
        yield from ((task, normal(text)) for (text,) in _read(BENCHMARK / task / "texts.parquet", "text"))
        if distractors and (path := DOCUMENTS / f"{task}.parquet").is_file():
            yield from ((task, normal(text)) for (text,) in _read(path, "text"))


def write_documents(tasks: Iterable[str], folder: Path) -> dict[str, int]:
    """Write, of each task that searches, the sorted hashes of its documents' normal forms; return how many differ.

    A document with a title is one, with it or without: by its text.

    Raises:
        Mistake: the documents of a task are damaged.
    """
    counts = {}
    for task in tasks:
        if (path := DOCUMENTS / f"{task}.parquet").is_file():
            hashes, titled = array("Q"), array("Q")
            for text, title in _read(path, "text", "titled"):
                if form := normal(text or ""):
                    hashes.append(hash_text(form))
                    if title is not None:
                        titled.extend((hash_text(normal(title)), hashes[-1]))
            once = np.unique(np.frombuffer(hashes, np.uint64))
            np.save(folder / f"{task}.npy", once)
            # Of several with one form, title and all, the first stands for them.
            pairs = np.unique(np.frombuffer(titled, np.uint64).reshape(-1, 2), axis=0)
            firsts = np.unique(pairs[:, 0], return_index=True)[1]
            (folder / "titled").mkdir(exist_ok=True)
            np.save(folder / "titled" / f"{task}.npy", np.ascontiguousarray(pairs[firsts].T))
            counts[task] = len(once)
    return counts


def _read(path: Path, *columns: str) -> Iterator[tuple[Any, ...]]:
    try:
        with pq.ParquetFile(path) as file:
            # Across row groups arrow keeps what it has read.
            for batch in batches_of(file, BATCH, list(columns)):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    except FileNotFoundError:
        raise Missing(path, "benchmark") from None
    except (pa.ArrowException, KeyError) as error:
        raise Mistake(f"{path}: damaged ({error}); remove it and run the stage `benchmark`") from None


def build(
    texts: Iterable[tuple[str, str]],
    settings: Overlap,
    folder: Path,
    *,
    hashes: int = MOST,
    characters: int = CHARACTERS,
) -> int:
    """Index test texts; return how many distinct ones there are. Equal texts give equal bytes, whatever the limits.

    Args:
        texts: pairs of a task and the normal form of a text of it, in any order, a text maybe several times.
        settings: of the stage `clean`.
        folder: an empty one.
        hashes: that wait in memory for each array that is sorted.
        characters: of texts that wait in memory.
    """
    with TemporaryDirectory(dir=folder, prefix=".scratch-") as place:
        scratch = Path(place)
        # Written before the texts are known to be distinct, so in its own folder.
        (scratch / "texts").mkdir()
        long = ((form, task) for task, form in texts if form and form.count(" ") + 1 >= settings.min_words)
        return _write(distinct(long, scratch / "texts", characters), settings, folder, scratch, hashes)


def _write(
    texts: Iterator[tuple[str, tuple[str, ...]]], settings: Overlap, folder: Path, scratch: Path, most: int
) -> int:
    sizes = range(settings.short_words, settings.words + 1)
    grams = {size: Sorter(scratch / f"grams-{size}", most) for size in {*sizes, settings.words}}
    bands = [Sorter(scratch / f"band-{band:02}", most) for band in range(near_duplicates.BANDS)]
    whole = Sorter(scratch / "whole", most)
    alike = Writer(folder, scratch, most)
    sets: dict[tuple[str, ...], int] = {}
    number = size = 0
    with ExitStack() as stack:
        forms, ends, lengths, tasks = (
            stack.enter_context(Column(folder / f"{name}.npy", dtype))
            for name, dtype in (("forms", "u1"), ("ends", "<i8"), ("words", "<i4"), ("tasks", "<i4"))
        )
        for part in _batches(texts):
            batch = [form for form, _ in part]
            encoded = [form.encode() for form in batch]
            forms.add(np.frombuffer(b"".join(encoded), np.uint8))
            ends.add(size + np.cumsum([len(form) for form in encoded]))
            size += sum(map(len, encoded))
            tasks.add(np.array([sets.setdefault(each, len(sets)) for _, each in part]))
            owners = number + np.arange(len(batch))
            whole.add(np.fromiter(map(hash_text, batch), np.uint64, len(batch)), owners)
            cut = words(batch)
            lengths.add(cut.lengths())
            alike.add(cut)
            for length, found in sizes_of(cut, settings, known=True):
                grams[length].add(found.hashes, found.texts + number)
            for sorter, keys in zip(bands, near_duplicates.bands(batch).T, strict=True):
                sorter.add(keys, owners)
            number += len(batch)
    write_json(folder / "tasks.json", list(sets))
    alike.close(settings.alike)
    _sorted(folder / "whole", whole.pieces())
    for band, sorter in enumerate(bands):
        _sorted(folder / f"band-{band:02}", sorter.pieces())
    for length, sorter in grams.items():
        phrases, counts = [np.zeros(0, np.uint64)], np.zeros(number, np.int32)
        _sorted(folder / f"grams-{length}", _rare(sorter, phrases, counts))
        if length == settings.words:
            np.save(folder / "phrases.npy", np.concatenate(phrases))
            np.save(folder / "counts.npy", counts)
    return number


def _batches(texts: Iterator[tuple[str, tuple[str, ...]]]) -> Iterator[list[tuple[str, tuple[str, ...]]]]:
    while batch := list(islice(texts, BATCH)):
        yield batch


def sizes_of(cut: Words, settings: Overlap, *, known: bool) -> Iterator[tuple[int, Grams]]:
    """The n-grams that are compared: of full size, and of each smaller one where one of the two texts is so short.

    Of test texts (`known`) the smaller ones are taken of short texts alone: a sentence of five words in a long
    article says nothing.
    """
    size = settings.words
    yield size, word_grams(cut, size)
    lengths = cut.lengths()
    for shorter in range(settings.short_words, size):
        grams = word_grams(cut, shorter)
        if known:
            short = lengths[grams.texts] <= 4 * size
            grams = Grams(grams.hashes[short], grams.texts[short])
        yield shorter, grams


def _sorted(path: Path, pieces: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    with Column(Path(f"{path}-hashes.npy"), "<u8") as hashes, Column(Path(f"{path}-owners.npy"), "<i4") as owners:
        for piece, of in pieces:
            hashes.add(piece)
            owners.add(of)


def _rare(sorter: Sorter, phrases: list[np.ndarray], counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Those n-grams that few texts have; what many have is added to `phrases`, how many a text keeps to `counts`."""
    for hashes, owners in sorter.pieces():
        firsts, numbers = runs(hashes)
        rare = np.repeat(numbers <= COMMON, numbers)
        phrases.append(hashes[firsts][numbers > COMMON])
        np.add.at(counts, owners[rare], 1)
        yield hashes[rare], owners[rare]
