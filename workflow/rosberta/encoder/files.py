"""What a model's folder must hold, and what in it is refused: one verdict at every door by which a model comes in.

Libraries that load models make up what they do not find: random weights, a vocabulary of five tokens. A score comes out
all the same. Here each file that is missing, damaged or not read is named before anything is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rosberta.frame.mistakes import Mistake
from rosberta.outside.pickles import is_pickle

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"

TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("tokenizer.model",),
)
"""The files that hold a tokenizer, any of these sets."""

ROBERTA = ("roberta", "xlm-roberta")
"""Types of models, as transformers calls them, that are RoBERTa."""

OURS = "sentence_transformers."
"""How the modules of a sentence-transformers folder are called that are the library's own."""

THEIRS = "torch."
"""How an activation is called that needs no code of the model's own."""

_ADAPTER = "adapter_model.safetensors"
_MERGE = "merge it into its model (peft: merge_and_unload) and save the whole"
_ANEW = f"take a revision of the model that has {WEIGHTS}, or save it anew (save_pretrained)"


def check_folder(folder: Path, where: str | None = None) -> Path:
    """Hold a folder to what an embedding model in it needs: weights, tokenizer, and nobody's code.

    Args:
        folder: of sentence-transformers' layout or of transformers'.
        where: what the model is called in messages; None: by its folder.

    Returns:
        The folder of its transformer, or of its first module: the folder itself, or in old layouts one within.

    Raises:
        Mistake: the first that is wrong with it.
    """
    if fault := next(_faults(folder), None):
        raise Mistake(f"{where or folder}: {fault}")
    return transformer_in(folder)


def says_pooling(folder: Path) -> bool:
    """Whether a folder is of sentence-transformers' layout, and so says itself how the model pools."""
    return (folder / "modules.json").is_file()


def transformer_in(folder: Path) -> Path:
    """Where the first module of a model lies: the folder itself, or in old layouts a folder such as 0_Transformer."""
    modules = _read(folder / "modules.json") if says_pooling(folder) else []
    first = modules[0] if isinstance(modules, list) and modules and isinstance(modules[0], dict) else {}
    path = str(first.get("path", ""))
    return folder / path if (folder / path).is_dir() else folder


def weight_files(folder: Path, where: str) -> list[Path]:
    """The files that hold a model's weights: one, or the parts that its index names.

    Raises:
        Mistake: there are none, or parts are missing, or have names that nothing reads; `where` names the model.
    """
    fault = fault_of_weights(_names(folder)) or next(_faults_of_index(folder), None)
    if fault:
        raise Mistake(f"{where}: {fault}")
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    return [folder / part for part in sorted(set(_read(folder / INDEX)["weight_map"].values()))]


def check_listing(paths: Collection[str], where: str) -> None:
    """Hold a whole model to what will be asked of it, by the paths of its files, before they are paid for.

    What is pinned without weights, for its tokenizer say, or lies in folders alone is left for its loading.

    Raises:
        Mistake: what it lacks; `where` names the model.
    """
    names = {path for path in paths if "/" not in path}
    if "config.json" in names and any(name.endswith((".safetensors", ".bin")) for name in names):
        # Which are converted.
        names |= {WEIGHTS} if any(map(is_pickle, names)) else set()
        if fault := fault_of_weights(names) or fault_of_tokenizer(names):
            raise Mistake(f"{where}: {fault}")


def fault_of_weights(names: Collection[str]) -> str | None:
    """What is wrong with the weights among the files of a folder, as their names tell; None: nothing."""
    # Beside its settings transformers takes whole weights for those of its base.
    if "adapter_config.json" in names or {name for name in names if name.endswith(".safetensors")} == {_ADAPTER}:
        return f"an adapter, not a model; {_MERGE}"
    if WEIGHTS in names or INDEX in names:
        return None
    there = sorted(name for name in names if name.endswith((".safetensors", ".bin", ".h5", ".msgpack")))
    part = next((name for name in there if name.startswith("model-0")), None)
    if part:
        return f"{part} is a part of the weights, but {INDEX} is missing; fetch it too, or save the model anew"
    if there:
        return f"{there[0]} is not read; {_ANEW}"
    return f"no weights (*.safetensors) there; {_ANEW}"


def fault_of_tokenizer(names: Collection[str]) -> str | None:
    """What is wrong with the tokenizer among the files of a folder, as their names tell; None: nothing."""
    if any(set(needed) <= set(names) for needed in TOKENIZERS):
        return None
    half = next((name for name in ("vocab.json", "merges.txt") if name in names), None)
    reason = f"{half} alone is no tokenizer" if half else "no tokenizer there"
    return f"{reason}; fetch tokenizer.json, or vocab.json and merges.txt, too, or save it (tokenizer.save_pretrained)"


def _faults(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield "no such folder"
        return
    modules = _read(folder / "modules.json") if says_pooling(folder) else []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        yield "modules.json is no list of modules; fetch it again, or save the model anew"
        return
    for module in modules:
        if not str(module.get("type")).startswith(OURS):
            yield f"its module {module.get('type')} is code of its own, which is not run; take a model without"
    for file, name in _activations(folder, modules):
        if not name.startswith(THEIRS):
            # The library would take its default instead, and say so in a log alone.
            yield f"{file} asks for code of its own ({name}), which is not run; take a model without"
    if (folder / "adapter_config.json").is_file():
        said = _read(folder / "adapter_config.json")
        base = said.get("base_model_name_or_path") if isinstance(said, dict) else None
        yield f"an adapter of {base or 'a model that it does not name'}, not a model; {_MERGE}"
    home = transformer_in(folder)
    names = _names(home)
    yield from _faults_of_config(home, plain=not modules)
    # A pointer of Git LFS, or a file that broke off, is told by its head.
    yield from filter(None, [fault_of_weights(names), *_faults_of_index(home)])
    yield from filter(None, (_damage(file) for file in sorted(home.glob("*.safetensors"))))
    yield from filter(None, [fault_of_tokenizer(names)])


def _activations(folder: Path, modules: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what a folder says of activations: the file, and the name."""
    for name, field in (
        ("config.json", "sentence_transformers"),
        ("config.json", "sbert_ce_default_activation_function"),
        ("config_sentence_transformers.json", "activation_fn"),
    ):
        said = _read(folder / name) if (folder / name).is_file() else None
        found = said.get(field) if isinstance(said, dict) else None
        found = found.get("activation_fn") if isinstance(found, dict) else found
        if isinstance(found, str):
            yield name, found
    # A transformer's own file has a field of the same name, with a name of transformers.
    for path in (str(module.get("path", "")) for module in modules if module.get("path")):
        file = folder / path / "config.json"
        said = _read(file) if file.is_file() and file.parent != transformer_in(folder) else None
        if isinstance(said, dict) and isinstance(said.get("activation_function"), str):
            yield f"{path}/config.json", said["activation_function"]


def _faults_of_config(home: Path, *, plain: bool) -> Iterator[str]:
    if not (home / "config.json").is_file():
        if plain:
            yield "neither config.json nor modules.json there; this is no model"
        return
    config = _read(home / "config.json")
    if not isinstance(config, dict):
        yield "config.json is no JSON object; fetch it again, or save the model anew"
        return
    own = config.get("auto_map")
    for name in ("AutoModel", "AutoModelForMaskedLM", "AutoModelForSequenceClassification"):
        if isinstance(own, dict) and name in own:
            # Of a type that transformers has, too: its layers would be computed otherwise than the model's own.
            yield f"its config.json asks for code of its own ({own[name]}), which is not run; take a model without"
    if config.get("model_type") in ROBERTA and config.get("pad_token_id", 1) is None:
        yield "config.json has pad_token_id: null, from which a RoBERTa counts positions; write the tokenizer's there"


def _faults_of_index(home: Path) -> Iterator[str]:
    if (home / WEIGHTS).is_file() or not (home / INDEX).is_file():
        return
    index = _read(home / INDEX)
    parts = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(parts, dict) or not parts or not all(isinstance(part, str) for part in parts.values()):
        yield f"{INDEX} has no weight_map, which names the parts of the weights; fetch it again"
        return
    for part in sorted(set(parts.values())):
        if not (home / part).is_file():
            yield f"{part}, a part of the weights that {INDEX} names, is missing; fetch it too"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()


def _read(path: Path) -> Any:
    """A file of JSON; None where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _damage(file: Path) -> str | None:
    """What is wrong with a file of weights, in words; None: nothing, as far as its head tells."""
    from safetensors import SafetensorError, safe_open

    with file.open("rb") as opened:
        if opened.read(7) == b"version":
            return f"{file.name} is a pointer of Git LFS, not the file; fetch it (git lfs pull)"
    try:
        with safe_open(file, "np"):
            return None
    except SafetensorError as error:
        return f"{file.name} is damaged ({error}); fetch it again"
