"""Test texts, indexed where nobody looks: what is mapped stays when its folder goes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from rosberta.corpus.indexing import build
from rosberta.corpus.overlap import Benchmark
from rosberta.experiment.corpus import Overlap


def indexed(texts: Iterable[tuple[str, str]], settings: Overlap) -> Benchmark:
    """The normal forms of test texts, each behind its task, ready to be searched."""
    with TemporaryDirectory() as folder:
        build(texts, settings, Path(folder))
        return Benchmark(Path(folder), settings)
