"""What a person names a model by: a folder, a run or model of the experiment, or an id on the hub at a revision."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from rosberta.doors import parameters
from rosberta.encoder.files import check_folder, says_pooling
from rosberta.evaluation.categories import CATEGORIES
from rosberta.evaluation.prompts import unknown_keys
from rosberta.experiment.blocks import PromptFamily
from rosberta.experiment.hub import Pin
from rosberta.experiment.models import Model
from rosberta.frame.artifacts import RUNS, SCRATCH
from rosberta.frame.files import digest_of, whole
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.weights import pinned_model
from rosberta.outside import pickles, pins

Pooling = Literal["cls", "mean"]
FAMILIES = get_args(PromptFamily)
PROMPTS_HELP = (
    f"a family ({', '.join(FAMILIES)}), or the prompts by task, category or side (those that the folder names)"
)


class Named(NamedTuple):
    """A model that a person named."""

    key: str
    """What its files are called; empty where its own name has nothing that a file's may have."""
    weights: str
    """As in `rosberta.experiment.models.Model`, absolute where it is a folder."""
    pins: dict[str, Pin]
    """The pin of a model of the hub, by its id."""
    known: Model | None
    """Its entry, if the experiment has one."""


def named_model(said: str, called: str | None = None) -> Named:
    """Find out what a person means.

    Args:
        said: the path of a folder; the name of a run or model of ``params.yaml``; or ``ORG/NAME@REVISION`` on the hub.
        called: what its files are to be called; None: by its own name.

    Raises:
        Mistake: it is none of them, or a folder without a model in it; or nothing is left of what it is to be called.
    """
    found = _found(said)
    if called is None:
        return found
    if not (key := _key(called)):
        raise Mistake(f"--name {called!r}: nothing is left of it; write letters a-z, digits, '_' and '-'")
    return found._replace(key=key)


def _found(said: str) -> Named:
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40}|[0-9a-f]{64})", said):
        return Named(_key(match[1]), f"data/hub/models/{match[1]}.json", {match[1]: Pin(revision=match[2])}, None)
    if Path(said).is_dir():
        check_folder(Path(said))
        return Named(_key(Path(said).resolve().name), str(Path(said).resolve()), {}, None)
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@.*)?", said):
        raise Mistake(
            f"{said}: no such folder; a model of the hub is named with its full revision, as "
            f"{said.partition('@')[0]}@ and the 40 hexadecimal digits of the commit"
        )
    if not parameters.PARAMS.is_file() or "/" in said:
        raise Mistake(f"{said}: no such folder; correct the path, or name a model of the hub as ORG/NAME@REVISION")
    return _of_experiment(said)


def _of_experiment(said: str) -> Named:
    """A model of ``params.yaml``, or else one of its runs."""
    experiment = parameters.load()
    model = experiment.models.get(said)
    if model is None and said in experiment.runs:
        model = Model(weights=str(RUNS / said / "merged"), prompts="rosberta")
    if model is None:
        names = [*experiment.runs, *experiment.models]
        raise Mistake(f"{said}: no folder, and neither a run nor a model of {parameters.PARAMS}{nearest(said, names)}")
    model = model.model_copy(update={"max_length": model.max_length or experiment.evaluate.max_length})
    id = pinned_model(model.weights)
    if id and experiment.hub.origin == "hub":
        return Named(said, model.weights, {id: experiment.hub.models[id]}, model)
    if id:
        raise Mistake(
            f"{said}: a model of the miniature, which is none outside of it; name a folder, or ORG/NAME@REVISION"
        )
    folder = Path(model.weights)
    if not folder.is_dir():
        raise Mistake(f"{said}: {folder} is not there yet; rebuild it (snakemake, or dvc repro), or `dvc checkout`")
    check_folder(folder)
    return Named(said, str(folder.resolve()), {}, model)


def fetched(named: Named) -> Path:
    """The folder of a named model, downloaded if it is one of the hub's.

    Weights that lie in a pickle alone are read once, tensors alone, and kept as safetensors in ``.scratch/``.

    Raises:
        Mistake: the hub, or the mirror, does not have it, or not what is needed of it.
    """
    if not named.pins:
        return Path(named.weights)
    ((id, pin),) = named.pins.items()
    files, _ = pins.available_files("model", id, pin)
    manifest = {"kind": "model", "id": id, "revision": pin.revision, "origin": "hub", "url": pin.url, "files": files}
    folder = pins.place(manifest)
    if any(pickles.is_pickle(file["path"]) for file in files):
        content = digest_of({file["path"]: file.get("sha256") or file["blob"] for file in files})
        origin, folder = folder, SCRATCH / pins.CONVERTED / content
        if not folder.is_dir():
            with whole(folder) as part:
                part.mkdir(parents=True)
                pickles.kept(files, origin, part, f"{id} @ {pin.revision}")
    check_folder(folder, f"{id} @ {pin.revision}")
    return folder


def pooling_of(folder: Path, said: Pooling | None, known: Model | None) -> Pooling:
    """How a model pools: as its folder says itself, else as the person or the experiment does.

    Raises:
        Mistake: nobody does.
    """
    if said or known:
        return said or (known.pooling if known else "cls")
    if not says_pooling(folder):
        raise Mistake(
            f"{folder}: a plain transformers folder, which does not say how it pools; write --pooling mean, as most "
            "models want, or --pooling cls"
        )
    return "cls"


def prompts_of(said: str, tasks: list[str]) -> PromptFamily | dict[str, str]:
    """Prompts as typed: the name of a family, or a mapping such as ``{query: "query: ", document: "passage: "}``.

    Raises:
        Mistake: there is no such family, or a key that would reach no text.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if said in FAMILIES:
        return cast(PromptFamily, said)
    try:
        found = YAML(typ="safe").load(said)
    except YAMLError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for pair in found.items() for each in pair):
        form = '{query: "query: ", document: "passage: "}'
        raise Mistake(
            f"--prompts {said!r}: neither prompts, as {form!r}, nor a family of them ({', '.join(FAMILIES)})"
            f"{nearest(said, FAMILIES)}"
        )
    for key in unknown_keys(found, tasks):
        known = nearest(key, [*tasks, *CATEGORIES, "query", "document"])
        raise Mistake(f"--prompts: {key!r} would reach no text, since it names no task, category or side{known}")
    return found


def _key(name: str) -> str:
    """What is left of a name as names of the experiment are: letters, digits, '_' and '-'."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
