"""Prompts that a model's folder names itself, in sentence-transformers' own file of settings.

They are taken as mteb takes them: what they do not reach has none, or the model's default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from rosberta.encoder.folder import PROMPTS
from rosberta.evaluation.categories import CATEGORIES, SEARCH
from rosberta.evaluation.prompts import unknown_keys
from rosberta.experiment.blocks import PromptFamily
from rosberta.frame.mistakes import Mistake

RECIPE = ("search_query", "search_document", "classification", "clustering")
"""Names by which a model of the recipe's kind is known."""


def own_prompts(folder: Path, tasks: Iterable[str]) -> PromptFamily | dict[str, str]:
    """The prompts of the model in a folder: a family's name, or the prompts under mteb's keys.

    Args:
        folder: of the model.
        tasks: names of the tasks that it is scored on.

    Raises:
        Mistake: it names prompts, and all under names that mteb does not know; or the file is damaged.
    """
    path = folder / "config_sentence_transformers.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        config = []
    prompts = (config.get("prompts") or {}) if isinstance(config, dict) else []
    if not isinstance(prompts, dict) or not all(isinstance(each, str | None) for each in prompts.values()):
        raise Mistake(f"{path}: not an object whose prompts are texts by name; fetch it again, or save the model anew")
    named = {name: prompt for name, prompt in prompts.items() if prompt}
    if not named:
        return "none"
    if all(named.get(name) == PROMPTS[name] for name in RECIPE):
        return "rosberta"
    unknown = set(unknown_keys(named, tasks))
    default = named.get(str(config.get("default_prompt_name")), "")
    known = {name: prompt for name, prompt in named.items() if name not in unknown}
    if not known and not default:
        raise Mistake(
            f"{path}: its prompts ({', '.join(sorted(named))}) have names that mteb does not know; "
            "say by --prompts which texts take which"
        )
    symmetric = [category for category in CATEGORIES if category not in SEARCH]
    return dict.fromkeys([*symmetric, "query", "document"], default) | known
