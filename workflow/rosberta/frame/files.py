"""How a file or folder is written, whole or not at all, and what its content is called."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosberta.frame.mistakes import Missing, Mistake


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write a file or a folder to; move it in at the end.

    What stood at `path` is replaced only then. On an error the temporary is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def canonical(value: object) -> str:
    """One JSON text for one value: sorted keys, no escapes, a newline at the end."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def write_json(path: Path, value: object) -> None:
    """Write `value` to `path` as canonical JSON, whole."""
    with whole(path) as part:
        part.write_text(canonical(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON artifact.

    Raises:
        Mistake: the file is missing, or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Missing(path) from None
    except ValueError as error:
        raise Mistake(f"{path}: not readable as JSON ({error}); remove it and run its stage again") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(folder: Path) -> str:
    """Hexadecimal SHA-256 of a folder's content: of the sorted lines ``path sha256`` of its files."""
    return digest_of({file.relative_to(folder).as_posix(): sha256(file) for file in files_of(folder)})


def digest_of(sums: Mapping[str, str]) -> str:
    """The digest of a folder whose files (relative POSIX path) have these SHA-256 sums."""
    lines = "".join(f"{path} {sums[path]}\n" for path in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """All files below `folder`, sorted; what the engines drop there for themselves is passed over."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp")
