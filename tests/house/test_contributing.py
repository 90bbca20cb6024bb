"""The examples of CONTRIBUTING.md are true to the code: each runs, or is accepted where it belongs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from rosberta.corpus.adapters import Drop, Example
from rosberta.doors import parameters
from rosberta.experiment.training import Contrast
from rosberta.frame.flow import FLOW
from ruamel.yaml import YAML
from support.trees import ROOT, merged

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_adapter_adapts() -> None:
    """It gives one outcome a row, as the page says."""
    module = ModuleType("riddles")
    sys.modules["riddles"] = module
    try:
        exec(compile(blocks("python")[0], "riddles", "exec"), module.__dict__)  # the page's own code
        options = module.Options()
        raw = [{"riddle": "Зимой и летом одним цветом?", "answer": "Ёлка"}, {"riddle": " ", "answer": "x"}]
        assert module.columns(options, []) == ["riddle", "answer"]
        found = list(module.rows(iter(raw), options, 0))
        assert found == [Example(0, raw[0]["riddle"], raw[0]["answer"]), Drop("empty text")]
    finally:
        del sys.modules["riddles"]


def test_the_task_is_valid() -> None:
    """Added to the default experiment, with the pin of its set."""
    data = merged(parameters.read(ROOT / "params.yaml"), YAML(typ="safe").load(blocks("yaml")[0]))
    data["hub"]["datasets"]["my/riddles"] = {"revision": "0" * 40}
    assert parameters.check(data).benchmark.tasks["Riddles"].category == "Retrieval"


def test_the_switch_has_its_form() -> None:
    """A field with a docstring, of a block that its stage names whole, and that is not there yet."""
    assert not hasattr(Contrast, "symmetric")
    assert "contrast_of.{key}" in FLOW["contrast"].parameters
    field = re.search(r'class Contrast\(Block\):\n    (\w+): \w+ = \w+\n    """.+"""', blocks("python")[1])
    assert field
    assert field[1] not in Contrast.model_fields


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:workflow|tests|benchmarks)/[\w./-]+)`", PAGE))))
def test_what_is_named_is_there(path: str) -> None:
    """Files and folders; WORD stands for a stage's name."""
    assert list(Path(ROOT).glob(path.replace("WORD", "*").rstrip("/"))), path


def test_rooms_that_are_named_exist() -> None:
    """Of the tour."""
    tour = PAGE[PAGE.index("## The rooms") : PAGE.index("## Add a source")]
    for room in re.findall(r"`([a-z]+)`", tour):
        assert (ROOT / "workflow/rosberta" / room).is_dir(), room
