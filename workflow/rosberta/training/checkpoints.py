"""Checkpoints: where a killed training goes on."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rosberta.frame.artifacts import SCRATCH
from rosberta.frame.files import canonical, sha256, whole
from rosberta.frame.mistakes import Mistake

log = logging.getLogger(__name__)

KEPT = 2
"""Checkpoints kept: where the newest is damaged, the one before it serves."""


def scratch(stage: str, key: str, inputs: Mapping[str, Any]) -> Path:
    """The folder for the checkpoints of a training, named after all that decides its result.

    What other settings, data or code of the same training left goes.

    Args:
        stage: the stage's name.
        key: its key.
        inputs: settings, checksums, code and versions, as plain data.
    """
    name = blake2b(canonical(inputs).encode(), digest_size=8).hexdigest()
    folder = SCRATCH / stage / key / name
    for other in (SCRATCH / stage / key).glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def versions() -> dict[str, str]:
    """Of the packages that decide what a training computes."""
    return {name: version(name) for name in ("torch", "transformers", "tokenizers", "numpy")}


def save(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Any) -> None:
    """Keep what a training is after so many steps, and remove what is older than the last `KEPT`.

    Raises:
        Mistake: it cannot be written, as where the disk is full; the checkpoints before it stay.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        with whole(folder / f"step-{step}") as part:
            part.mkdir()
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part / "tensors")
            sums = {"step": step, "tensors": sha256(part / "tensors"), "state": state}
            # Not as canonical JSON, which sorts: a curve that went through a checkpoint is to be written as any other.
            (part / "state.json").write_text(json.dumps(sums), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise Mistake(f"{folder}: a checkpoint cannot be written ({error}); free some room, and start again") from None
    for old in sorted(_steps(folder))[:-KEPT]:
        shutil.rmtree(folder / f"step-{old}", ignore_errors=True)


def newest(folder: Path, device: torch.device) -> tuple[int, dict[str, Tensor], Any] | None:
    """The newest checkpoint that is as it was written: its step, tensors and state; None, where there is none."""
    from safetensors.torch import load_file

    for step in sorted(_steps(folder), reverse=True):
        place = folder / f"step-{step}"
        try:
            written = json.loads((place / "state.json").read_text(encoding="utf-8"))
            if written["step"] == step and sha256(place / "tensors") == written["tensors"]:
                return step, load_file(place / "tensors", str(device)), written["state"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        log.warning("%s: damaged; an older one is taken, if there is one", place)
    return None


def finish(folder: Path) -> None:
    """Remove the checkpoints of a training whose result is kept."""
    shutil.rmtree(folder.parent, ignore_errors=True)


def _steps(folder: Path) -> list[int]:
    return [int(match[1]) for path in folder.glob("*") if (match := re.fullmatch(r"step-(\d+)", path.name))]
