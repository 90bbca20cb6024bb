"""The miniature tells a working pipeline from a broken one: right positives teach, shuffled ones do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.frame.artifacts import BENCHMARK, ENCODERS, MIXTURES
from rosberta.frame.files import read_json
from support.trees import Tree

pytestmark = [pytest.mark.built, pytest.mark.xdist_group("learning")]


@pytest.fixture
def project(built_by_dvc: Tree, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The tiny experiment's artifacts, and its parameters with more steps."""
    monkeypatch.chdir(built_by_dvc.root)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = parameters.read()
    data["contrast"] |= {"max_steps": 40, "batch_size": 12, "max_length": 48, "warmup_steps": 4}
    return parameters.check(data)


def trained(experiment: Experiment, folder: Path, *, shuffled: bool) -> float:
    """Train on the mined sources, with each source's positives shuffled or not; score question to passage (0-100)."""
    import mteb
    from rosberta.embedding.embedder import Embedder
    from rosberta.encoder.folder import encoder_of, load_sentence_transformer
    from rosberta.evaluation.mteb_model import Evaluated, meta_of
    from rosberta.evaluation.prompts import model_prompts
    from rosberta.evaluation.tasks import load_task
    from rosberta.training.contrastive import Contrastive, source_of
    from rosberta.training.loop import learn
    from rosberta.training.schedule import schedule, texts_of
    from rosberta.training.token_store import identity_of, tokenizer_of

    settings = experiment.contrast_of("full")
    plan = read_json(MIXTURES / "full.json")["sources"]
    start, length = ENCODERS / "ru_en", settings.max_length
    tokenizer, identity = tokenizer_of(start, length), identity_of(start, length)
    sources = {
        name: source_of(name, entry, "full", settings.hard_negatives, tokenizer, identity)
        for name, entry in plan.items()
    }
    if shuffled:
        for name, each in sources.items():
            order = np.random.default_rng(0).permutation(len(each.rows))
            rows, forms = each.rows.copy(), each.forms.copy()
            rows[:, 1], forms[:, 1] = rows[order, 1], forms[order, 1]
            sources[name] = each._replace(rows=rows, forms=forms)
    drawn = schedule(
        {name: texts_of(each.forms) for name, each in sources.items()},
        batch_size=settings.batch_size,
        devices=settings.devices,
        seed=0,
        max_steps=settings.max_steps,
    )
    model = load_sentence_transformer(start, "cls", length)
    encoder = encoder_of(model)
    learn(Contrastive(encoder, sources, drawn, settings, 0, "contrast@learned"), encoder, settings, folder)
    encoder.set_attn_implementation("sdpa")
    tasks = experiment.benchmark.tasks
    task = load_task("RuBQRetrieval", tasks["RuBQRetrieval"], BENCHMARK / "RuBQRetrieval")
    prompted = model_prompts("rosberta", tasks)
    meta = meta_of(model, "rosberta/learned", "none", prompted, settings.max_length)
    encoder = Evaluated(Embedder(model, revision="none"), prompted, meta)
    result = mteb.evaluate(encoder, task, cache=None, co2_tracker=False, show_progress_bar=False)
    return 100 * result[0].get_score()


def test_right_positives_score_clearly_higher_than_shuffled_ones(project: Experiment, tmp_path: Path) -> None:
    """By ten points of nDCG@10 on questions that were not trained on."""
    right = trained(project, tmp_path / "right", shuffled=False)
    wrong = trained(project, tmp_path / "wrong", shuffled=True)
    assert right > wrong + 10, (right, wrong)
