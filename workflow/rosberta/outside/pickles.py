"""Weights that lie in a pickle alone: their tensors are read, nothing else of it, and kept as safetensors."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rosberta.frame.files import files_of, sha256
from rosberta.frame.mistakes import Mistake

log = logging.getLogger(__name__)

WHOLE = "pytorch_model.bin"
"""A pickle of all of a model's weights."""


def is_pickle(path: str) -> bool:
    """Whether a model's file is weights as torch once saved them; other pickles are never opened."""
    # pytorch_model.fp16.bin and the like hold the same names with other values.
    return re.fullmatch(r"pytorch_model(-\d{5}-of-\d{5})?\.bin", PurePosixPath(path).name) is not None


def needed(path: str, there: Sequence[str]) -> bool:
    """Whether these weights lie in a folder of the model that has no safetensors; the whole goes before its parts."""
    folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
    beside = {PurePosixPath(other).name for other in there if PurePosixPath(other).parent == folder}
    return (
        is_pickle(path)
        and (name == WHOLE or WHOLE not in beside)
        and not any(other.endswith(".safetensors") for other in beside)
    )


def kept(files: Sequence[Mapping[str, Any]], origin: Path, target: Path, where: str) -> list[dict[str, Any]]:
    """Keep a model whose weights lie in pickles alone with safetensors in their place.

    Args:
        files: of the model, as a manifest lists them.
        origin: the folder where they lie.
        target: the folder where the model is to be kept.
        where: what the model is called in messages.

    Returns:
        The files kept, as a manifest lists them.

    Raises:
        Mistake: a pickle holds anything but tensors by name, or is damaged.
    """
    pickled: dict[Path, list[Path]] = {}
    for file in files:
        path = target / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_pickle(file["path"]):
            pickled.setdefault(path.parent, []).append(origin / file["path"])
        elif not path.name.endswith(".bin.index.json"):
            shutil.copyfile(origin / file["path"], path)
    for folder, parts in pickled.items():
        _convert(parts, folder / "model.safetensors", where)
        log.warning(
            "%s: %s has no safetensors beside it: its tensors, and they alone, are read, and kept as safetensors",
            where, parts[0].name,
        )  # fmt: skip
    return [
        {"path": file.relative_to(target).as_posix(), "bytes": file.stat().st_size, "sha256": sha256(file)}
        for file in files_of(target)
    ]


def _convert(pickles: Sequence[Path], target: Path, where: str) -> None:
    """Write the tensors of all parts of a model's weights to one safetensors file.

    They are read by torch's restricted loader, which builds tensors and runs nothing.

    Raises:
        Mistake: a file holds anything but tensors by name, or is damaged; `where` names the model.
    """
    import torch
    from safetensors.torch import save_file

    weights: dict[str, Any] = {}
    for path in pickles:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:  # a pickle fails as it likes
            raise _refused(where, path, "holds more than tensors, or is damaged") from None
        if not isinstance(state, dict) or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
        ):
            raise _refused(where, path, "holds more than tensors by name")
        for name, value in state.items():
            if value.layout is not torch.strided or value.is_quantized or value.is_meta:
                raise _refused(where, path, f"holds {name}, which is sparse, quantised or empty")
        weights |= state
    # Of tensors that share their memory safetensors keeps none.
    save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, target, {"format": "pt"})


def _refused(where: str, path: Path, reason: str) -> Mistake:
    return Mistake(f"{where}: {path.name} {reason}; pin a revision of the model that has safetensors")
