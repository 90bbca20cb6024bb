"""Reading ``params.yaml``: all of it is checked, names across blocks included, before any work."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rosberta.doors.crosschecks import crosscheck
from rosberta.experiment import Experiment
from rosberta.experiment.blocks import Block
from rosberta.experiment.wording import sentences
from rosberta.frame.code import PACKAGES
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Mistake

B = TypeVar("B", bound=Block)

PARAMS = Path("params.yaml")


def read(path: Path = PARAMS) -> dict[str, Any]:
    """Read parameters as plain data, with the parser that DVC uses.

    Raises:
        Mistake: there is no such file, or it is no YAML; a key that stands twice is named.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; `python -m rosberta preset miniature` writes one") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise Mistake(f"{path}, line {line}: {error.problem or error.context}") from None
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise Mistake(f"{path}: not readable as YAML in UTF-8 ({reason[:200]}); restore it, or write it anew") from None
    if not isinstance(data, dict):
        raise Mistake(f"{path}: holds no parameters; `python -m rosberta preset miniature` writes some")
    return data


def load(path: Path = PARAMS) -> Experiment:
    """Read and check an experiment.

    Raises:
        Mistake: one line for each thing that is wrong, with the nearest valid name; or the code that runs is another
            checkout's.
    """
    hold_to_checkout()
    return check(read(path), str(path))


def hold_to_checkout() -> None:
    """Hold the code that runs to be that of the checkout that is the current directory, where it is one.

    A second worktree that uses the first one's environment, or an experiment in a copy of the project, would run the
    first one's code and record the checksums of its own.

    Raises:
        Mistake: it is another's; or the checkout lies where libraries do not find its files.
    """
    here = Path("workflow").resolve()
    if (here / "rosberta/frame/code.py").is_file() and here != PACKAGES.resolve():
        raise Mistake(
            f"the code that runs is that of {PACKAGES.resolve().parent}, not of this checkout; install its own "
            "environment (make install), or set PYTHONPATH to its folder workflow"
        )
    if pattern := re.search(r"[][*?{}]", str(Path.cwd())):
        # `datasets` does so, and of braces Snakemake.
        raise Mistake(f"{Path.cwd()}: libraries take {pattern[0]!r} in a folder's name for a pattern; move the clone")


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
    wrong = dict.fromkeys(crosscheck(experiment))  # several look at one thing, which is told once
    if wrong:
        raise Mistake("\n".join(f"{where}: {line}" for line in wrong))
    return experiment


def rewrite(values: Mapping[tuple[str, ...], Any], path: Path = PARAMS) -> list[str]:
    """Give parameters, named by the keys that lead to them, other values, and leave the file's layout and comments.

    Returns:
        A sentence for each that differs now.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, sys.maxsize
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    before = read(path)
    data = yaml.load(path.read_text(encoding="utf-8"))
    for (*blocks, name), value in values.items():
        block = data
        for key in blocks:
            block = block[key]
        block[name] = value
    if values:
        with whole(path) as part, part.open("w", encoding="utf-8") as file:
            yaml.dump(data, file)
    return list(differences(before, read(path)))


def differences(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """One sentence for each parameter that differs between two experiments."""
    for key in [*before, *(key for key in after if key not in before)]:
        place = f"{where}{key}"
        if key not in after:
            yield f"{place}: removed"
        elif key not in before:
            yield f"{place}: added"
        elif isinstance(before[key], dict) and isinstance(after[key], dict):
            yield from differences(before[key], after[key], f"{place}.")
        elif before[key] != after[key]:
            yield f"{place}: {before[key]!r} -> {after[key]!r}"
