"""Files as they lie on the hub: parquet, JSON lines plain or packed, and the README that names them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from miniature.sets.raw_files import Row
from miniature.sets.raw_files import write as write_plain

Files = dict[str, pa.Table | Sequence[Row] | str]
"""Contents by path: a table for ``.parquet``, rows for ``.jsonl`` (``.gz`` and ``.zip`` too), text for the README."""

Configs = Mapping[str, Mapping[str, str]]
"""Files of each split of each configuration, as globs."""


def write(files: Files, folder: Path) -> None:
    """Write the files of a data set; equal contents give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, pa.Table) or path.suffix == ".jsonl":
            write_plain({name: content}, folder)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_packed(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)))


def _packed(path: Path, lines: str) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(lines.encode(), mtime=0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # The date is the earliest that the format knows: today's would make every build another.
        archive.writestr(zipfile.ZipInfo(path.stem, (1980, 1, 1, 0, 0, 0)), lines.encode())
    return buffer.getvalue()


def readme(configs: Configs) -> str:
    """A data set's README: configurations and splits with their files, the way the hub reads it."""
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, path in splits.items():
            lines += [f"  - split: {split}", f"    path: {path}"]
    return "\n".join(
        [*lines, "---", "A miniature stand-in: made-up texts in the layout of the data set of this name.", ""]
    )
