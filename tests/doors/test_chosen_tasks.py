"""Tasks in a file of one's own: what its pins lack is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from rosberta.doors.chosen_tasks import chosen_tasks
from rosberta.frame.mistakes import Mistake


@pytest.mark.parametrize(
    ("hub", "sentence"),
    [
        ("null", "own.yaml: hub: holds None; write the pins"),
        ("[]", r"own.yaml: hub: holds \[\]; write the pins"),
        (
            "{datasets: {a/b: {revision: null}}}",
            r"own.yaml: benchmark.tasks.Mine.candidates: 'a/c' is not in hub.datasets",
        ),
    ],
)
def test_a_file_of_tasks_with_wrong_pins_is_one_line(
    hub: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = "{dataset: a/b, candidates: a/c, category: Reranking}"
    Path("own.yaml").write_text(f"hub: {hub}\nbenchmark: {{tasks: {{Mine: {entry}}}}}\n")
    with pytest.raises(Mistake, match=sentence):
        chosen_tasks(["own.yaml"])
