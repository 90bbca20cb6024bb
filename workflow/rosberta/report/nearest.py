"""The nearest texts to a query, by models side by side: what a person sees who tries them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.embedding.ranks import streamed
from rosberta.evaluation.categories import SEARCH
from rosberta.evaluation.prompts import prompt_of
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_rows
from rosberta.published import VERSIONS, tasks

if TYPE_CHECKING:
    from rosberta.embedding.embedder import Embedder

SHOWN = 10
"""Texts that are shown of each model."""

COLUMN = "text"
"""Column of a table that holds the texts."""


def texts_of_task(path: Path) -> list[str]:
    """The distinct texts of a task (``texts.parquet`` of the stage `benchmark`), queries left out."""
    table = read_rows(path, ["role", "text"])
    rows = zip(table["role"].to_pylist(), table["text"].to_pylist(), strict=True)
    return list(dict.fromkeys(text for role, text in rows if role != "query"))


def texts_of_file(path: Path) -> list[str]:
    """The distinct texts of a file: a line each, or a row each of a table with a column `text`.

    Raises:
        Mistake: there is no such file, no such column, or no text in it.
    """
    from pyarrow import csv, json

    try:
        match path.suffix:
            case ".parquet":
                table = pq.read_table(path)
            case ".csv" | ".tsv":
                table = csv.read_csv(
                    path, parse_options=csv.ParseOptions(delimiter="\t" if path.suffix == ".tsv" else ",")
                )
            case ".jsonl":
                table = json.read_json(path)
            case _:
                table = pa.table({COLUMN: path.read_text(encoding="utf-8").splitlines()})
    except FileNotFoundError:
        raise Mistake(f"{path}: no such file") from None
    except (pa.ArrowInvalid, UnicodeDecodeError, IsADirectoryError) as error:
        raise Mistake(f"{path}: cannot be read ({str(error).splitlines()[0]}); write a text a line, in UTF-8") from None
    if COLUMN not in table.column_names:
        raise Mistake(f"{path}: has no column {COLUMN!r}, but {', '.join(table.column_names)}; rename one")
    texts = [text.strip() for text in table[COLUMN].to_pylist() if isinstance(text, str) and text.strip()]
    if not texts:
        raise Mistake(f"{path}: holds no text; write a text a line, in UTF-8")
    return list(dict.fromkeys(texts))


def collections(file: Path | None, places: Sequence[Path]) -> dict[str, tuple[str, Path]]:
    """What can be searched: by name the category, and where its texts are; one's own file first.

    Args:
        file: texts of one's own.
        places: where tasks are laid out.

    Raises:
        Mistake: there is nothing, or the file is none that can be read.
    """
    found = {}
    if file:
        texts_of_file(file)
        found[file.name] = ("Retrieval", file)
    known = {task.name: task.category for version in VERSIONS for task in tasks(version)}
    for place in places:
        for path in sorted(place.rglob("texts.parquet")):
            name = path.parent.relative_to(place).as_posix()
            found.setdefault(name, (known.get(name, "Retrieval"), path))
    if not found:
        raise Mistake("try: no texts; name a file (--file), or lay out tasks (`dvc repro benchmark`, or `score`)")
    return found


class Shown(NamedTuple):
    """A model that is tried."""

    embedder: Embedder
    prompts: Mapping[str, str]


class Nearest:
    """What the page asks for: the models and collections that there are, and the nearest texts."""

    def __init__(self, models: Mapping[str, Shown], places: Mapping[str, tuple[str, Path]]) -> None:
        """Show these models on these collections; texts are read and embedded when they are first searched."""
        self.models, self.places = models, places
        self._known: dict[str, tuple[list[str], dict[str, Any]]] = {}
        self._one = threading.Lock()

    def search(self, query: str, where: str) -> dict[str, Any]:
        """By model the nearest texts of a collection, the nearest first, each with its cosine."""
        from rosberta.embedding.embedder import unit

        with self._one:
            category, path = self.places[where]
            sides = ("query", "document") if category in SEARCH else (None, None)
            before = {
                name: [prompt_of(model.prompts, where, category, side) or "" for side in sides]
                for name, model in self.models.items()
            }
            if where not in self._known:
                texts = texts_of_task(path) if path.name == "texts.parquet" else texts_of_file(path)
                self._known[where] = (texts, {
                    name: unit(model.embedder.embed(texts, before[name][1], progress=f"embed {where}"))
                    for name, model in self.models.items()
                })  # fmt: skip
            texts, embedded = self._known[where]
            found = {}
            for name, model in self.models.items():
                asked = unit(model.embedder.embed([query], before[name][0]))
                cosines, places = streamed(asked, [embedded[name]], SHOWN)
                nearest = zip(places[0].tolist(), cosines[0].tolist(), strict=True)
                found[name] = [{"text": texts[place], "cosine": round(cosine, 4)} for place, cosine in nearest]
            return {"texts": len(texts), "models": found, "prompts": before}
