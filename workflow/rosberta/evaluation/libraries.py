"""How the libraries below evaluation are kept quick and clean while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def fresh_cache() -> Iterator[Callable[[], None]]:
    """Give `datasets` an empty cache for as long as the block lasts, and another one at each call of what is yielded.

    Its cache knows a local folder by the last part of its name, in snake case, and its README alone: in a shared one, a
    task whose files have changed, or that lies in another project, would be read as it was, and of two tasks `a/x` and
    `b/x` the second as the first.
    """
    from datasets import config

    shared = Path(config.HF_DATASETS_CACHE)
    shared.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="fresh-", dir=shared) as folder:
        config.HF_DATASETS_CACHE = Path(folder)
        numbers = count()

        def another() -> None:
            config.HF_DATASETS_CACHE = Path(folder) / str(next(numbers))

        another()
        try:
            yield another
        finally:
            config.HF_DATASETS_CACHE = shared


@contextmanager
def one_thread_a_fit() -> Iterator[None]:
    """Have scikit-learn compute with one thread for as long as the block lasts, and torch with as many as before.

    The fits of classification and clustering are so small that threads wait for each other longer than they work: on
    two cores they take twice as long with two.
    """
    from sklearn import cluster, linear_model, neighbors  # noqa: F401  (what is not loaded yet cannot be told)

    with limited():
        yield


def limited() -> Any:
    """Tell scikit-learn's libraries to take one thread: as a context, or for the rest of the thread that asks."""
    import torch
    from threadpoolctl import ThreadpoolController

    loaded, own = ThreadpoolController(), Path(torch.__file__).parent.resolve()
    others = [library.filepath for library in loaded.lib_controllers if own not in Path(library.filepath).parents]
    return loaded.select(filepath=others).limit(limits=1)


@contextmanager
def whole_columns() -> Iterator[None]:
    """Have a column of a data set be a list for as long as the block lasts.

    `datasets` hands it out row by row, and mteb goes through the labels of a training split dozens of times: in most
    tasks of classification that would take longer than everything else.
    """
    from datasets import Dataset

    columns: Any = Dataset
    lazy = columns.__getitem__

    def eager(data: Dataset, key: Any) -> Any:
        return lazy(data.select_columns(key), slice(None))[key] if isinstance(key, str) else lazy(data, key)

    columns.__getitem__ = eager
    try:
        yield
    finally:
        columns.__getitem__ = lazy
