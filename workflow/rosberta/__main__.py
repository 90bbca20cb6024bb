"""The command line: the typed word is the file, a stage or a command."""

from __future__ import annotations

import argparse
import ast
import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rosberta.doors.run import run_stage
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake, nearest

COMMANDS = Path(__file__).parent / "commands"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage or command; a mistake of the user's is one line on stderr and exit status 1."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("httpx", "httpx2", "datasets", "mteb", "sentence_transformers", "transformers"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        return _run(typed)
    except Mistake as mistake:
        for line in str(mistake).splitlines():
            sys.stderr.write(f"rosberta: {line}\n")
        return 1


def _run(typed: list[str]) -> int:
    commands = _commands()
    if not typed or typed[0] in ("-h", "--help"):
        sys.stdout.write(_help(commands))
        return 0 if typed else 2
    word, rest = typed[0], typed[1:]
    parser = argparse.ArgumentParser(prog=f"python -m rosberta {word}")
    if word in FLOW:
        stage = FLOW[word]
        parser.description = f"This stage {stage.does}."
        if stage.keys:
            parser.add_argument("key", metavar=_key_of(stage.keys), help=f"a name in `{stage.keys}`")
        run_stage(word, getattr(parser.parse_args(rest), "key", None))
        return 0
    if word in commands:
        command = importlib.import_module(f"rosberta.commands.{word}")
        parser.description = command.__doc__
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        command.arguments(parser)
        status: int = command.run(parser.parse_args(rest))
        return status
    raise Mistake(f"{word!r} is neither a stage nor a command{nearest(word, [*FLOW, *commands])}")


def _commands() -> dict[str, str]:
    """Each command with its line in the help, which is read without importing it."""
    found = {}
    for path in sorted(COMMANDS.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem] = text.partition("\n")[0].partition(": ")[2].rstrip(".")
    return found


def _key_of(keys: str) -> str:
    return keys.rsplit(".", 1)[-1].removesuffix("s").upper()


def _help(commands: dict[str, str]) -> str:
    stages = [(f"{name} {_key_of(stage.keys)}" if stage.keys else name, stage.does) for name, stage in FLOW.items()]
    width = max(map(len, [*commands, *(name for name, _ in stages)])) + 2
    lines = ["usage: python -m rosberta WORD [ARGUMENTS]", "", "stages, which the two doors run in this order:"]
    lines += [f"  {name:<{width}}{does}" for name, does in stages]
    lines += ["", "commands, for people:"]
    lines += [f"  {name:<{width}}{does}" for name, does in commands.items()]
    return "\n".join([*lines, "", "python -m rosberta WORD --help says what a word takes.", ""])


if __name__ == "__main__":
    sys.exit(main())
