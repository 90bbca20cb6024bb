"""What blocks are made of: their base, and the types of names, paths and revisions that several share."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict

Group = Literal["basic_english", "basic_russian", "synthetic", "retrieval", "extra", "texts"]
"""The four groups of the paper's Table 6; `extra`: pairs beyond it; `texts`: single texts, for masked language
modelling alone."""
TEXTS = "texts"
"""The group of single texts: nothing is paired in them, so they are neither mined nor contrasted."""
PrefixName = Literal["search", "classification", "clustering"]
PromptFamily = Literal["rosberta", "e5", "instruct", "mteb", "none"]


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value):
        raise ValueError("a name takes letters, digits, '_' and '-'; it becomes a file's name and a stage's key")
    return value


def _revision(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value):
        raise ValueError(
            f"{value!r} is no full revision: give the 40 hexadecimal digits of a commit, or the 64 of a content digest"
        )
    return value


def _relative(value: str) -> str:
    if PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts:
        raise ValueError(f"{value!r} leaves its folder: give a relative path")
    if not PurePosixPath(value).parts or any("**" in part and part != "**" for part in PurePosixPath(value).parts):
        raise ValueError(
            f"{value!r} names no file: give a path, in which '*' stands for a part of a name, '**' for folders"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Revision = Annotated[str, AfterValidator(_revision)]
Glob = Annotated[str, AfterValidator(_relative)]


class Block(BaseModel):
    """A block of ``params.yaml``: unknown keys are mistakes, and what is read is never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


Precision = Literal["fp32", "bf16"]

GROUPS: tuple[str, ...] = get_args(Group)[:4]
"""Groups of sources, in the order of the paper's Table 6."""
