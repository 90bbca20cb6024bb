"""Where downloads are kept may be no place to write to, and then says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants
from rosberta.experiment.hub import Pin
from rosberta.outside import hub
from rosberta.outside.unavailable import Unavailable


def test_a_home_that_cannot_be_written_to_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to set, whichever way to the hub is taken: a new pin, or one that is fetched."""
    (tmp_path / "home").write_text("a file")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home/.cache/huggingface"))
    url = "https://example.org/a.jsonl"
    pinned = {"kind": "dataset", "id": "a/b", "revision": "0" * 64, "url": url, "files": []}
    for way in (lambda: hub.current("dataset", "a/b", Pin(revision=None, url=url)), lambda: hub.download(pinned)):
        with pytest.raises(Unavailable, match=r"nothing can be written \(.*\); set HF_HOME to a folder that may be"):
            way()
