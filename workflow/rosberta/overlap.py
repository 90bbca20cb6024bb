"""Exact overlap of training texts with the texts that the benchmark evaluates on.

Two texts are equal when their normal forms are (`rosberta.normal`): case, ё, accents, punctuation and blanks hide no
copy. A text of few words does not count, since "да" or a name says nothing of a test, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.artifacts import BENCHMARK
from rosberta.mistakes import Mistake
from rosberta.normal import normal

Leaks = Mapping[str, tuple[str, ...]]
"""Normal forms that the benchmark holds, each with the sorted names of the tasks that do."""

_BATCH = 4096


def overlap(forms: Set[str], tasks: Iterable[str], min_words: int) -> Leaks:
    """Find the normal forms among `forms` that a test text of one of `tasks` has too.

    The benchmark's texts (``data/benchmark/<Task>/texts.parquet``) are streamed past the forms, so memory does not grow
    with them.

    Raises:
        Mistake: the texts of a task are missing or damaged.
    """
    wanted = {form for form in forms if form.count(" ") + 1 >= min_words}
    leaks: dict[str, list[str]] = {}
    for task in sorted(tasks):
        for form in wanted.intersection(map(normal, _texts(task))):
            leaks.setdefault(form, []).append(task)
    return {form: tuple(holders) for form, holders in leaks.items()}


def _texts(task: str) -> Iterator[str]:
    path = BENCHMARK / task / "texts.parquet"
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=["text"], use_threads=False):
                yield from batch.column("text").to_pylist()
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; run the stage `benchmark`, or restore it with `dvc checkout`") from None
    except pa.ArrowException as error:
        raise Mistake(f"{path}: damaged ({error}); remove it and run the stage `benchmark`") from None
