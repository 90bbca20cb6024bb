"""The miniature of the tests: its seed, its size, and its lines read back."""

from __future__ import annotations

import io
import json
from pathlib import Path

SEED, ROWS = 7, 48


def lines(path: Path) -> list[dict]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return [json.loads(line) for line in data.decode().splitlines()]
