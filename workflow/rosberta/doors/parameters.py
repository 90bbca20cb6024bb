"""Reading ``params.yaml``: all of it is checked, names across blocks included, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rosberta.doors.crosschecks import crosscheck
from rosberta.experiment import Experiment
from rosberta.experiment.blocks import Block
from rosberta.experiment.wording import sentences
from rosberta.frame.mistakes import Mistake

B = TypeVar("B", bound=Block)

PARAMS = Path("params.yaml")


def read(path: Path = PARAMS) -> dict[str, Any]:
    """Read parameters as plain data, with the parser that DVC uses.

    Raises:
        Mistake: there is no such file, or it is no YAML; a key that stands twice is named.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; `python -m rosberta preset miniature` writes one") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise Mistake(f"{path}, line {line}: {error.problem or error.context}") from None
    if not isinstance(data, dict):
        raise Mistake(f"{path}: holds no parameters; `python -m rosberta preset miniature` writes some")
    return data


def load(path: Path = PARAMS) -> Experiment:
    """Read and check an experiment.

    Raises:
        Mistake: one line for each thing that is wrong, with the nearest valid name.
    """
    return check(read(path), str(path))


def validated(block: type[B], data: Mapping[str, Any], where: str) -> B:
    """Take plain data as a block of parameters; `where` stands before the name of a field in errors.

    Raises:
        Mistake: one line for each thing that is wrong with it, with the nearest valid name.
    """
    try:
        return block.model_validate(data)
    except ValidationError as error:
        raise Mistake("\n".join(sentences(error, block, where))) from None


def check(data: Mapping[str, Any], where: str = "params.yaml") -> Experiment:
    """Check parameters given as plain data; `where` names them in errors.

    Raises:
        Mistake: one line for each thing that is wrong, with the nearest valid name.
    """
    experiment = validated(Experiment, data, f"{where}: ")
    wrong = list(crosscheck(experiment))
    if wrong:
        raise Mistake("\n".join(f"{where}: {line}" for line in wrong))
    return experiment
