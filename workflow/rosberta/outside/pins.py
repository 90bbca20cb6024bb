"""The seam: the one way by which a pinned set or model comes in.

`fetch` gives every stage a local folder. Behind it stand three origins with one layout: the Hugging Face hub, a mirror
(the folder that ROSBERTA_MIRROR names) and the miniature. What they hand over is held to the manifest that the stage
`hub` wrote, so a later stage never works on other bytes than were pinned.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rosberta.frame.artifacts import HUB
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.outside import checksums, hub, mirror, pickles, unavailable

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.hub import Pin

Kind = Literal["dataset", "model"]

SAFE = (".parquet", ".json", ".jsonl", ".gz", ".zst", ".zip", ".csv", ".tsv", ".txt", ".md", ".safetensors", ".model")
"""Endings of the files that are taken: none of them can carry code. Of a model also what `pickles` reads."""

CONVERTED = "converted"
"""Folder of the hub's artifact, and origin, of models whose weights lie in a pickle alone."""


def all_pins(experiment: Experiment) -> list[tuple[Kind, str, Pin]]:
    """Every pin of an experiment."""
    datasets: list[tuple[Kind, str, Pin]] = [
        ("dataset", id, pin) for id, pin in sorted(experiment.hub.datasets.items())
    ]
    return datasets + [("model", id, pin) for id, pin in sorted(experiment.hub.models.items())]


def available_files(kind: Kind, id: str, pin: Pin) -> tuple[list[dict[str, Any]], str | None]:
    """The files that the mirror, or else the hub, has for a pin, with size and checksum; and the licence it states.

    Files that could carry code are left out.

    Raises:
        Mistake: it has no such thing, or something else than was pinned.
    """
    if mirror.folder_of(kind, id):
        return safe_files(kind, id, pin, mirror.files_in_mirror(kind, id, pin)), None
    there, licence = hub.files_on_hub(kind, id, pin)
    return safe_files(kind, id, pin, there), licence


def safe_files(kind: Kind, id: str, pin: Pin, there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these files those that can carry no code."""
    paths = [file["path"] for file in there]
    taken = [
        file
        for file in there
        if file["path"].endswith(SAFE) or (kind == "model" and pickles.needed(file["path"], paths))
    ]
    if not taken:
        where = f"{kind} {id} @ {pin.revision}"
        raise unavailable.Unavailable(where, f"no file matches {pin.files}", f"correct hub.{kind}s.{id}.files")
    return taken


def current(kind: Kind, id: str, pin: Pin) -> str:
    """The revision that the mirror, or else the hub, has today: a commit, or the content's digest.

    Raises:
        Mistake: it has no such thing, or cannot be reached.
    """
    if mirror.folder_of(kind, id):
        return mirror.current(kind, id, pin)
    return hub.current(kind, id, pin)


def manifest(kind: Kind, id: str) -> dict[str, Any]:
    """The manifest of a pin: kind, id, revision, origin, url, and files with path, bytes and checksum.

    Raises:
        Mistake: the stage `hub` has not resolved this id.
    """
    path = HUB / f"{kind}s" / f"{id}.json"
    if not path.is_file():
        folder = HUB / f"{kind}s"
        known = [p.relative_to(folder).as_posix().removesuffix(".json") for p in folder.rglob("*.json")]
        raise Mistake(f"hub.{kind}s: {id!r} is not resolved{nearest(id, known)}; run the stage `hub` (dvc repro hub)")
    return read_json(path)


def fetch(kind: Kind, id: str) -> Path:
    """A local folder with the pinned files of a data set or model, each one checked against the manifest.

    The folder is read-only by agreement and may hold more than the pin asks for.

    Raises:
        Mistake: the pin is not resolved, a file is missing, or a file's content is not what was pinned.
    """
    return place(manifest(kind, id))


def place(pinned: dict[str, Any]) -> Path:
    """The local folder of a manifest's files.

    Raises:
        Mistake: a file is missing, or its content is not what was pinned.
    """
    kind, id = pinned["kind"], pinned["id"]
    ours = pinned["origin"] in ("miniature", CONVERTED)
    folder = HUB / pinned["origin"] / f"{kind}s" / id if ours else mirror.folder_of(kind, id)
    if folder is None:
        return hub.download(pinned)
    for file in pinned["files"]:
        if words := checksums.difference(folder / file["path"], file, ours=ours):
            advice = "run the stage `hub` again" if ours else "restore it, or fill the mirror again"
            raise Mistake(f"{kind} {id} @ {pinned['revision']}: {file['path']} {words}; {advice}")
    return folder
