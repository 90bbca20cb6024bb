"""A model's folder as it is handed on: loaded by any version of sentence-transformers, and by transformers alone.

The library's names for modules, and for their settings, change with its versions; every version reads the first ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rosberta.frame.files import canonical, files_of, read_json, sha256
from rosberta.frame.mistakes import Mistake

MODULES = ("Transformer", "Pooling", "Normalize")
"""What a model of the project consists of (`rosberta.encoder.folder`)."""

SUMS = "SHA256SUMS"
"""File with the checksums of all others, as ``sha256sum --check`` reads it."""


def make_portable(folder: Path, prompts: Mapping[str, str]) -> None:
    """Rewrite the settings of a model of the project in place.

    Args:
        folder: of the model.
        prompts: that its users, and their libraries, call by these names.

    Raises:
        Mistake: it is no model of the project.
    """
    modules = read_json(folder / "modules.json")
    if tuple(module["type"].rpartition(".")[2] for module in modules) != MODULES:
        raise Mistake(f"{folder}/modules.json: not the modules {', '.join(MODULES)}; run its stage again")
    for module, name in zip(modules, MODULES, strict=True):
        module["type"] = f"sentence_transformers.models.{name}"
    _write(folder / "modules.json", modules)
    limit = read_json(folder / "tokenizer_config.json")["model_max_length"]
    _write(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": False})
    pooling = folder / modules[1]["path"] / "config.json"
    found = read_json(pooling)
    modes = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens"}
    settings = {name: mode == found["pooling_mode"] for mode, name in modes.items()}
    _write(pooling, {"word_embedding_dimension": found["embedding_dimension"], **settings})
    config = {"prompts": dict(prompts), "default_prompt_name": None, "similarity_fn_name": "cosine"}
    # The library asks for its version, to warn of newer ones; of what it read first there is none.
    _write(folder / "config_sentence_transformers.json", config | {"__version__": {"sentence_transformers": "2.0.0"}})


def write_sums(folder: Path) -> None:
    """Write the checksums of all files of a folder, a line each."""
    lines = [f"{sha256(file)}  {file.relative_to(folder).as_posix()}\n" for file in files_of(folder)]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _write(path: Path, value: object) -> None:
    path.write_text(canonical(value), encoding="utf-8")
