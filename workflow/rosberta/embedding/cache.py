"""Embeddings kept on disk, so that what is evaluated again, or shares texts with another task, is not computed anew."""

from __future__ import annotations

import logging
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from rosberta.frame.files import whole

log = logging.getLogger(__name__)

SHARD_BYTES = 64_000_000
"""Embeddings of a file, about."""

ABANDONED_SECONDS = 3600
"""After which a file that is not whole is nobody's: its writer was killed."""


def key_of(prompt: str, text: str) -> bytes:
    """Name what is embedded, in 16 bytes."""
    prefix, content = prompt.encode(), text.encode("utf-8", "surrogatepass")
    # The length keeps ("ab", "c") and ("a", "bc") apart: models may treat a prompt as more than letters.
    return blake2b(len(prefix).to_bytes(8, "big") + prefix + content, digest_size=16).digest()


class EmbeddingCache:
    """Embeddings by model and key, bit by bit as they were put, in files that are written whole and never changed.

    Several processes may use one folder at once. A file that is damaged is removed, and what it held is not found; so
    is what was least lately used when the files outgrow the limit. A disk that refuses to be read or written costs the
    cache, not the work.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Use `folder`, which need not exist, with files of `limit_bytes` in all at most."""
        self.folder, self.limit_bytes = folder, limit_bytes

    def takes(self, number: int, dimension: int) -> bool:
        """Whether so many embeddings may be put: what outgrew half of the limit would drive all else out."""
        return number * dimension * 4 <= self.limit_bytes / 2

    def get(self, model: str, keys: Sequence[bytes], into: np.ndarray, cut: np.ndarray | None = None) -> np.ndarray:
        """Look embeddings up.

        Args:
            model: what computed them: a name for a folder.
            keys: distinct, of `key_of`.
            into: float32, (keys, dimension): the rows of those that are found are written.
            cut: bool, (keys,): written likewise, whether the text was longer than the model takes.

        Returns:
            bool, (keys,): which are found.
        """
        found = np.zeros(len(keys), bool)
        wanted = _numbers(keys)
        order = wanted[:, 0].argsort(kind="stable")
        ordered = wanted[order]
        for file in sorted((self.folder / model).glob("*.safetensors")):
            if found.all():
                break
            try:
                for rows, embeddings, were_cut in _matches(file, ordered, into.shape[1]):
                    into[order[rows]] = embeddings
                    if cut is not None:
                        cut[order[rows]] = were_cut
                    found[order[rows]] = True
                    with suppress(OSError):  # a folder that may only be read
                        os.utime(file)
            except FileNotFoundError:  # another process made room
                continue
            except (OSError, MemoryError) as error:  # the file may be as good as it was
                log.warning("%s: cannot be read (%s); what it holds is computed again", file, error)
            except Exception as error:  # whatever a damaged file gives rise to
                log.warning("%s: damaged (%s), removed; what it held is computed again", file, error)
                with suppress(OSError):
                    file.unlink()
        return found

    def put(self, model: str, keys: Sequence[bytes], embeddings: np.ndarray, cut: np.ndarray | None = None) -> None:
        """Keep embeddings, float32 (keys, dimension), with whether their texts were `cut`, and make room for them."""
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        rows = max(1, SHARD_BYTES // max(1, embeddings[:1].nbytes))
        try:
            for start in range(0, len(keys), rows):
                shard = np.ascontiguousarray(embeddings[start : start + rows])
                were = np.zeros(len(shard), bool) if cut is None else np.ascontiguousarray(cut[start : start + rows])
                numbers = _numbers(keys[start : start + rows])
                name = blake2b(numbers.tobytes(), digest_size=16).hexdigest()
                with whole(self.folder / model / f"{name}.safetensors") as part:
                    save_file({"keys": numbers, "embeddings": shard, "sums": _sums(shard, were), "cut": were}, part)
            self._make_room()
        except (OSError, SafetensorError) as error:  # the latter is what a full disk gives rise to
            log.warning("%s: embeddings are not kept (%s)", self.folder, error)

    def _make_room(self) -> None:
        """Remove the files least lately used until the rest keeps to the limit."""
        files = []
        for file in self.folder.glob("*/*"):
            try:
                state = file.stat()
            except FileNotFoundError:
                continue
            if file.suffix == ".part" and time.time() - state.st_mtime < ABANDONED_SECONDS:
                continue  # another process is writing it
            files.append((state.st_mtime_ns, str(file), state.st_size))
        total = sum(size for _, _, size in files)
        for _, path, size in sorted(files):
            if total <= self.limit_bytes:
                break
            Path(path).unlink(missing_ok=True)
            total -= size


def _matches(file: Path, ordered: np.ndarray, dimension: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield, if there are any, which rows of `ordered`, sorted keys, a file holds, their embeddings, and who was cut.

    Raises:
        ValueError: an embedding is not what was written, or of another size.
    """
    from safetensors import safe_open

    with safe_open(file, "np") as tensors:
        held = tensors.get_tensor("keys")
        rows = ordered[:, 0].searchsorted(held[:, 0])
        rows[rows == len(ordered)] = 0
        places = (ordered[rows] == held).all(axis=1).nonzero()[0]
        if not len(places):
            return
        embeddings, sums, cut = (tensors.get_tensor(name)[places] for name in ("embeddings", "sums", "cut"))
    if (
        embeddings.dtype != np.float32
        or embeddings.shape[1] != dimension
        or not np.array_equal(_sums(embeddings, cut), sums)
    ):
        raise ValueError("content is not what was written")
    yield rows[places], embeddings, cut


def _numbers(keys: Sequence[bytes]) -> np.ndarray:
    """Keys as two numbers each, uint64 (keys, 2)."""
    return np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2)


def _sums(embeddings: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """A checksum of each row."""
    return np.array([zlib.crc32(row, int(was)) for row, was in zip(embeddings, cut, strict=True)], np.uint32)
