"""Folders of models that others wrote: what keeps one from being loaded, in a line that says what to do.

Libraries say it in a trace, or not at all: what lacks is made up at random, and a score comes out all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake

TOKENIZERS = (
    "tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip
"""Files one of which a tokenizer has."""

OURS = "sentence_transformers."
"""How the modules of a sentence-transformers folder are called that are the library's own."""


def check_folder(folder: Path) -> None:
    """Hold a folder to what an embedding model in it needs: weights, tokenizer, and nobody's code.

    Raises:
        Mistake: what is wrong with it.
    """
    try:
        wrong = next(_faults(folder), None)
    except (AttributeError, KeyError, TypeError, IndexError, OSError) as error:
        wrong = f"its settings (modules.json, config.json) are not as libraries write them ({error!r}); save it anew"
    if wrong:
        raise Mistake(f"{folder}: {wrong}")


def says_pooling(folder: Path) -> bool:
    """Whether a folder is of sentence-transformers' layout, and so says itself how the model pools."""
    return (folder / "modules.json").is_file()


def _faults(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield "no such folder"
        return
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        base = read_json(adapter).get("base_model_name_or_path") or "a model that it does not name"
        yield f"an adapter of {base}, not a model; merge it into that (peft: merge_and_unload) and save the whole"
    modules = read_json(folder / "modules.json") if says_pooling(folder) else []
    for module in modules:
        if not module["type"].startswith(OURS):
            yield f"its module {module['type']} is code of its own, which is not run; take a model without"
    inner = folder / modules[0]["path"] if modules else folder
    config = _config(inner / "config.json")
    if "AutoModel" in config.get("auto_map", {}):
        yield f"its config.json asks for code of its own ({config['auto_map']['AutoModel']}), which is not run"
    if not modules and not config:
        yield "neither config.json nor modules.json there; this is no model"
    weights = sorted(inner.glob("*.safetensors"))
    if not weights:
        pickled = next(inner.glob("*.bin"), None)
        # A pickle can run code.
        instead = f"; {pickled.name} is not read: save it anew (save_pretrained)" if pickled else ""
        yield f"no weights (*.safetensors) there{instead}"
    for file in weights:
        if words := _damage(file):
            yield f"{file.name} {words}"
    if not any((inner / name).is_file() for name in TOKENIZERS):
        yield "no tokenizer there (such as tokenizer.json); save it beside the weights (tokenizer.save_pretrained)"


def _config(path: Path) -> dict[str, Any]:
    found = read_json(path) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _damage(file: Path) -> str | None:
    """What is wrong with a file of weights, in words; None: nothing, as far as its head tells."""
    from safetensors import SafetensorError, safe_open

    with file.open("rb") as opened:
        if opened.read(7) == b"version":
            return "is a pointer of Git LFS, not the file; fetch it (git lfs pull)"
    try:
        with safe_open(file, "np"):
            return None
    except SafetensorError as error:
        return f"is damaged ({error}); fetch it again"
