"""Command `windows`: one more mining, mixture, run and model for each window, and nothing else changed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from rosberta.commands import windows
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.frame.mistakes import Mistake
from support.trees import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path / "params.yaml"


def test_each_window_is_a_run_of_its_own(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was there stays, comments included; each run differs from the first in its negatives alone."""
    before = parameters.load(path)
    caplog.set_level(logging.INFO)
    windows.write("full", path)
    after = parameters.load(path)
    assert path.read_text(encoding="utf-8").startswith((ROOT / "params.yaml").read_text(encoding="utf-8")[:200])
    assert after.mixtures == before.mixtures
    for block in ("runs", "models"):
        assert {name: getattr(after, block)[name] for name in getattr(before, block)} == getattr(before, block)
    # Ranks 20-100 are what the run has already.
    added = {"ranks_0_20", "ranks_100_200", "margin", "random"}
    assert set(after.minings) == added
    for window in added:
        run = after.runs[f"full_{window}"]
        assert run == before.runs["full"].model_copy(update={"mixture": f"full/{window}"})
        assert run.chosen == ("full", window)
        assert after.models[f"full_{window}"].weights == f"results/runs/full_{window}/merged"
        assert after.minings_of("sberquad")[window] == after.mining(window) != after.mine
    assert (after.mining("ranks_100_200").first_rank, after.mining("margin").relative_margin) == (100, 0.05)
    assert set(after.mining("random").methods.values()) == {"random"}
    assert "runs.full_margin: added" in caplog.text
    windows.write("full", path)
    assert parameters.load(path) == after, "a second time changes nothing"


def studied(path: Path, mining: dict, hard_negatives: int = 7) -> Experiment:
    """The experiment once the windows of a run are written that is mined by this."""
    parameters.rewrite({("minings",): {"own": mining}, ("runs", "full", "mixture"): "full/own"}, path)
    parameters.rewrite({("runs", "full", "contrast"): {"hard_negatives": hard_negatives}}, path)
    windows.write("full", path)
    return parameters.load(path)


def test_what_the_run_has_is_known_by_the_whole_of_it(path: Path) -> None:
    """Ranks of a window with another rule or teacher's filter beside are not that window."""
    for mining, own in (
        ({"max_score": 0.9}, None),
        ({"first_rank": 100, "last_rank": 200}, "ranks_100_200"),
        ({"first_rank": 0, "last_rank": 20, "ranks": "before_removal"}, None),
    ):
        path.write_bytes((ROOT / "params.yaml").read_bytes())
        assert set(studied(path, mining).minings) - {"own"} == set(windows.WINDOWS) - {own}


def test_windows_have_as_many_negatives_as_the_run(path: Path) -> None:
    """A run that trains with more than `mine` gives can be studied; its own ranks are left out."""
    after = studied(path, {"negatives": 15}, 15)
    added = set(windows.WINDOWS) - {"ranks_20_100"}
    assert set(after.minings) - {"own"} == added
    for window in added:
        assert after.mining(window).negatives == after.contrast_of(f"full_{window}").hard_negatives == 15
    before = path.read_bytes()
    windows.write("full", path)
    assert path.read_bytes() == before


def test_a_window_that_is_too_small_is_named(path: Path) -> None:
    """More negatives than its ranks hold: in one line, and nothing of the study is written."""
    with pytest.raises(Mistake) as raised:
        studied(path, {"negatives": 30})
    assert str(raised.value) == "minings.ranks_0_20: ranks 0-20 hold fewer documents than negatives: 30"
    assert "full_margin" not in parameters.load(path).runs


def test_what_has_a_name_already_is_not_overwritten(path: Path) -> None:
    """A mining of one's own that is called as a window is: the run that uses it would be another."""
    text = path.read_text(encoding="utf-8")
    at = text.index("\npretrain:")
    path.write_text(f"{text[:at]}\nminings:\n  random: {{seed: 5}}\n{text[at:]}", encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(Mistake, match=r"minings\.random is there already"):
        windows.write("full", path)
    assert path.read_bytes() == before


def test_a_run_that_is_not_there_is_named(path: Path) -> None:
    """With the nearest one that is; and nothing is written."""
    with pytest.raises(Mistake, match="windows: 'fulls' is not in runs; did you mean \"full\""):
        windows.write("fulls", path)
    assert path.read_bytes() == (ROOT / "params.yaml").read_bytes()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"minings": {"few": {}}, "mining": None, "run": "full/fw"}, "runs.full.mixture: 'fw' is not in minings; did"),
        ({"minings": {"few": {}}, "mining": None, "run": "fulls/few"}, "runs.full.mixture: 'fulls' is not in mixtures"),
        ({"minings": {"few": {}}, "mining": None, "run": "full/"}, "runs.full.mixture: '' is not in minings"),
        (
            {"minings": {"few": {"negatives": 3}}, "mining": None, "run": "full/few"},
            "but minings.few.negatives gives 3",
        ),
        ({"minings": {"wide": {"last_rank": 200}}, "mining": "wid"}, "mixtures.full.mining: 'wid' is not in minings"),
        ({"minings": {"few": {"negatives": 3}}, "mining": "few"}, "hard_negatives is 7, but minings.few.negatives"),
        ({"minings": {"few": {"negatifs": 3}}, "mining": None}, "minings.few.negatifs: unknown key"),
        ({"minings": {"other": {"teacher": "no/such"}}, "mining": None}, "minings.other.teacher: 'no/such'"),
        ({"minings": {"none": {"teacher": None}}, "mining": "none"}, "minings.none.teacher: missing"),
        (
            {"minings": {"judged": {"cross_encoder": {"model": "no/one"}}}, "mining": None},
            "judged.cross_encoder.model: 'no/",
        ),
        ({"minings": {"judged": {"cross_encoder": {}}}, "mining": None}, "minings.judged.cross_encoder.model: missing"),
        ({"minings": {"next": {"teacher": "./none"}}, "mining": None}, "minings.next.teacher: './none' is no folder"),
        ({"minings": {"next": {"teacher": "./data"}}, "mining": None}, "minings.next.teacher: './data' is no folder"),
        (
            {"minings": {"next": {"teacher": "./workflow/../data"}}, "mining": None},
            "'./workflow/../data' is no folder that minings",
        ),
        (
            {"minings": {"few": {"first_rank": 98}}, "mining": None, "run": "full/few"},
            "params.yaml: minings.few: ranks 98-100 hold fewer",
        ),
        ({"minings": {"far": {"pools": ["all"]}}, "mining": None}, "minings.far.pools: 'all' is not in pools"),
        ({"minings": {"mine": {}}, "mining": None}, "minings.mine: is the name of the block"),
    ],
)
def test_a_mining_that_does_not_fit_is_named(changes: dict, line: str) -> None:
    """Once, before anything runs."""
    data = parameters.read(ROOT / "params.yaml")
    data["minings"] = changes["minings"]
    data["mixtures"]["full"]["mining"] = changes["mining"]
    data["runs"]["full"]["mixture"] = changes.get("run", "full")
    with pytest.raises(Mistake) as raised:
        parameters.check(data)
    assert str(raised.value).count(line) == 1
