"""Which files of a set or model a pin asks for."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rosberta.experiment.hub import Pin


def wanted(path: str, pin: Pin) -> bool:
    """Whether a pin asks for a file, which is named by its path in the set or model."""
    return path in pin.files or any(fnmatch(path, pattern) for pattern in pin.files)
