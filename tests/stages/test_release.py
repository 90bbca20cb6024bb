"""Stage `release`: a folder that others load without the project, and a card that says what the artifacts say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rosberta.encoder.folder import load_sentence_transformer, save
from rosberta.evaluation.own_prompts import own_prompts
from rosberta.evaluation.tasks import rumteb
from rosberta.experiment import Experiment
from rosberta.frame.files import digest, read_json, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts
from rosberta.report.results import RULES
from rosberta.stages import release
from support.reporting import build, experiment
from support.rumteb import SEARCH, TABLE
from support.scoring import write_encoder
from support.trees import Tree

FOLDER = Path("results/release/full")

TEXTS = ["мост через реку", "команда выиграла матч", "a bridge"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with artifacts of all stages, made up but for the weights of the run `full`."""
    root = tmp_path_factory.mktemp("project")
    build(experiment(), root)
    write_encoder(root / "encoder")
    save(load_sentence_transformer(root / "encoder", "cls", 64), root / "results/runs/full/merged", root / "encoder")
    return root


@pytest.fixture
def e(place: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The experiment, and its project as the current folder."""
    monkeypatch.chdir(place)
    return experiment(release={"name": "mine/{run}-ru-en", "licence": "mit"})


def test_the_folder_is_what_others_load(e: Experiment) -> None:
    """By sentence-transformers and by transformers alone: the embeddings of the run, none of the weights made up."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    release.run(e, "full")
    ours = load_sentence_transformer(Path("results/runs/full/merged"), "cls", 64)
    theirs = SentenceTransformer(str(FOLDER), device="cpu")
    expected = ours.encode([f"classification: {text}" for text in TEXTS])
    for name in ("classification", "STS", "TERRa-no-such"):
        known = name in theirs.prompts
        assert known == (name != "TERRa-no-such")
        if known:
            assert theirs.encode(TEXTS, prompt_name=name) == pytest.approx(expected, abs=1e-6)
    assert theirs.encode_query(TEXTS) == pytest.approx(ours.encode([f"search_query: {t}" for t in TEXTS]), abs=1e-6)
    assert theirs.max_seq_length == ours.max_seq_length == 64
    assert theirs.similarity_fn_name == "cosine"
    model, loading = AutoModel.from_pretrained(FOLDER, add_pooling_layer=False, output_loading_info=True)
    assert not any(loading.values()), loading
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    inputs = tokenizer(
        [f"classification: {text}" for text in TEXTS], padding=True, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        first = torch.nn.functional.normalize(model(**inputs).last_hidden_state[:, 0])
    assert first.numpy() == pytest.approx(expected, abs=1e-5)


def test_mteb_finds_the_recipes_prompts_in_the_folder(e: Experiment) -> None:
    """Under its own names, for every task of ruMTEB what the paper's Table 7 says."""
    from mteb.models.abs_encoder import AbsEncoder, get_prompt
    from mteb.types import PromptType

    release.run(e, "full")
    stored = read_json(FOLDER / "config_sentence_transformers.json")["prompts"]
    assert {"search_query", "search_document", "classification", "clustering"} <= set(stored)
    prompts, _ = AbsEncoder.validate_task_to_prompt_name(stored, raise_for_invalid_keys=False)
    for prefix, names in TABLE.items():
        for name in names:
            assert get_prompt(prompts, rumteb()[name].metadata, None) == prefix, name
    for name in SEARCH:
        for side in (PromptType.query, PromptType.document):
            assert get_prompt(prompts, rumteb()[name].metadata, side) == f"search_{side.value}: ", name
    assert own_prompts(FOLDER, rumteb()) == "rosberta"


def test_settings_are_those_that_every_version_reads(e: Experiment) -> None:
    """The library's names of modules move from version to version; it reads its first ones."""
    release.run(e, "full")
    kinds = [module["type"] for module in read_json(FOLDER / "modules.json")]
    assert kinds == [f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Normalize")]
    pooling = read_json(FOLDER / "1_Pooling/config.json")
    assert (pooling["pooling_mode_cls_token"], pooling["pooling_mode_mean_tokens"]) == (True, False)


def table_of(card: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = card.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def test_the_card_says_what_the_artifacts_say(e: Experiment) -> None:
    """Scores, sources with their licences, what forbids commercial use, what was removed, steps."""
    sources = dict(e.collect.sources)
    sources["sberquad"] = sources["sberquad"].model_copy(update={"licence": "cc-by-nc-4.0", "commercial": False})
    changed = e.model_copy(update={"collect": e.collect.model_copy(update={"sources": sources})})
    release.run(changed, "full")
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert card.splitlines()[0] == "---"
    assert "\n# mine/full-ru-en\n" in card
    summary = read_json(Path("results/scores/full/summary.json"))
    scores = {row[0]: row[3] for row in table_of(card, "Scores")}
    everything = summary["tasks"] | summary["own_tasks"]
    assert {name: scores[name] for name in everything} == {n: f"{s['score']:.2f}" for n, s in everything.items()}
    plan = read_json(Path("data/mixtures/full.json"))
    data = {row[0]: row for row in table_of(card, "Training data")}
    assert {name: data[name][4] for name in plan["sources"]} == {n: str(p["rows"]) for n, p in plan["sources"].items()}
    assert data["sberquad"][6:] == ["cc-by-nc-4.0", "**no**"]
    assert "**The licences of these sources forbid commercial use:** sberquad." in card
    overlap = {row[0]: row[1:] for row in table_of(card, "Overlap with the benchmark")}
    counts = [read_counts(Path(f"data/cleaned/{name}.parquet"))["overlap"] for name in plan["sources"]]
    exact = sum(count.get("TERRa", {}).get("exact", {"rows": 0})["rows"] for count in counts)
    assert overlap["TERRa"][0] == str(exact)
    assert overlap["STS22"] == [*["0"] * len(RULES), str(len(counts))]
    assert ", 120 steps," in card
    assert "under the licence mit" in card
    # The miniature is not what it stands in for.
    assert "model-index" not in card
    assert "say nothing about the recipe" in card


def test_a_real_model_tells_the_hub_its_scores(e: Experiment) -> None:
    """The front matter is what the hub's own reader takes, with every score at the data's revision."""
    from huggingface_hub import ModelCard

    real = e.model_copy(update={"hub": e.hub.model_copy(update={"origin": "hub"})})
    release.run(real, "full")
    data = ModelCard.load(FOLDER / "README.md").data
    assert data.base_model == ["ai-forever/ruRoberta-large", "FacebookAI/roberta-large"]
    assert data.license == "mit"
    found = {result.dataset_name: (result.metric_value, result.dataset_revision) for result in data.eval_results}
    tasks = read_json(Path("results/scores/full/summary.json"))["tasks"]
    assert found["MTEB TERRa"] == (tasks["TERRa"]["score"], e.hub.datasets["mteb/TERRa"].revision)
    assert len(found) == len(tasks)
    assert "say nothing about the recipe" not in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_equal_bytes_and_their_checksums(e: Experiment, place: Path) -> None:
    """Twice the same, every file but the list in the list, and no word of where it was made."""
    release.run(e, "full")
    first = digest(FOLDER)
    release.run(e, "full")
    assert digest(FOLDER) == first
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=FOLDER, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = {line.split("  ")[1] for line in (FOLDER / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert there - listed == {"SHA256SUMS"}
    assert not any(
        str(place) in path.read_text() for path in FOLDER.rglob("*") if path.suffix in (".md", ".json", ".cff")
    )


def test_the_citation_can_be_read(e: Experiment) -> None:
    """YAML with the model's name."""
    from ruamel.yaml import YAML

    release.run(e, "full")
    found = YAML(typ="safe").load((FOLDER / "CITATION.cff").read_text(encoding="utf-8"))
    assert (found["title"], found["license"]) == ("mine/full-ru-en", "mit")


def test_what_is_missing_is_named(e: Experiment, tmp_path: Path) -> None:
    """A run that was not merged; and one that was not scored has a card all the same."""
    with pytest.raises(Mistake, match=r"results/runs/basic/merged: missing; run `dvc repro merge@basic`"):
        release.run(e, "basic")
    for path, job in (("results/runs/full/contrasted/loss.jsonl", "contrast@full"), ("data/mixtures/full.json", "")):
        Path(path).rename(f"{path}.away")
        with pytest.raises(Mistake, match=f"{path}: missing; run .*{job}"):
            release.run(e, "full")
        Path(f"{path}.away").rename(path)
    models = {name: model for name, model in e.models.items() if name != "full"}
    release.run(e.model_copy(update={"models": models}), "full")
    assert "It was not evaluated." in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_a_failure_leaves_what_was_there(e: Experiment) -> None:
    """A model of other modules is refused, and the folder stays."""
    release.run(e, "full")
    before = digest(FOLDER)
    modules = Path("results/runs/full/merged/modules.json")
    kept = modules.read_text()
    write_json(modules, json.loads(kept)[:2])
    try:
        with pytest.raises(Mistake, match="not the modules Transformer, Pooling, Normalize"):
            release.run(e, "full")
    finally:
        modules.write_text(kept)
    assert digest(FOLDER) == before


REPRODUCED = """
import json, sys
from pathlib import Path
import pyarrow.parquet as pq
import numpy as np
from sentence_transformers import SentenceTransformer
from sklearn.metrics import average_precision_score
model = SentenceTransformer(sys.argv[1], device="cpu")
(file,) = Path(sys.argv[2]).glob("data/dev-*.parquet")
rows = pq.read_table(file).to_pydict()
first, second = (model.encode(rows[name], prompt_name="PairClassification") for name in ("sentence1", "sentence2"))
scores = [(first * second).sum(1), -np.linalg.norm(first - second, axis=1), -np.abs(first - second).sum(1)]
print(100 * max(average_precision_score(rows["labels"], each) for each in scores))
assert not any(name.startswith("rosberta") for name in sys.modules)
"""
"""What a stranger does, without the project."""


@pytest.mark.built
@pytest.mark.xdist_group("even")
def test_a_fresh_process_reproduces_a_score(built_by_dvc: Tree, tmp_path: Path) -> None:
    """The folder alone, somewhere else, in a process that knows nothing of the project."""
    shutil.copytree(built_by_dvc.root / FOLDER, tmp_path / "model")
    shutil.copytree(built_by_dvc.root / "data/benchmark/TERRa", tmp_path / "TERRa")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", REPRODUCED, "model", "TERRa"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = read_json(built_by_dvc.root / "results/scores/full/summary.json")["tasks"]["TERRa"]["score"]
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(expected, abs=1e-3)
