"""The card of a model that is handed on: recipe, data, scores, overlap, cost and limits, all from artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rosberta.costs.bulk import CHARACTERS_PER_TOKEN, bulk
from rosberta.costs.speeds import GPU, Shape
from rosberta.costs.work import operations, rate
from rosberta.frame.artifacts import CLEANED, MIXTURES, RUNS, SCORES
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Missing
from rosberta.frame.rows import read_counts
from rosberta.published import RELEASED_ID
from rosberta.report.costs import licence_of
from rosberta.report.results import RULES
from rosberta.report.scored import scored
from rosberta.report.table import Column, Row, Table
from rosberta.report.tables import NOTE

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

USES = (
    ("search_query", "a question or a search, before what it looks for"),
    ("search_document", "a text that is searched, and what answers a question"),
    ("classification", "texts compared or sorted by meaning, sentiment or intent: both sides of a pair"),
    ("clustering", "texts grouped or sorted by their topic"),
)
"""Prompts by their name in the recipe, each with what it is for."""


def card(experiment: Experiment, run: str, folder: Path, prompts: Mapping[str, str]) -> str:
    """The card of a run's model, Markdown with the front matter that the hub reads.

    Args:
        experiment: whose run it is.
        run: its name.
        folder: of the model as it is handed on.
        prompts: its prompts.

    Raises:
        Mistake: an artifact that it is written from is missing, or damaged.
    """
    plan = read_json(MIXTURES / f"{experiment.runs[run].mixture}.json")
    rows = {source: part["rows"] for source, part in plan["sources"].items()}
    name = named(experiment, run)
    model = scored_as(experiment, run)
    summary = read_json(SCORES / model / "summary.json") if model else {"tasks": {}}
    config = read_json(folder / "config.json")
    settings, entry = experiment.contrast_of(run), experiment.runs[run]
    encoder = experiment.encoders[entry.encoder]
    note = NOTE if experiment.hub.origin == "miniature" else ""
    data = _data(experiment, rows)
    commercial = {source: experiment.collect.sources[source].commercial for source in rows}
    environment = Environment(
        loader=PackageLoader("rosberta.report", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Markdown)
    )
    text: str = environment.get_template("card.md.j2").render(
        front=_front(experiment, run, list(rows), summary["tasks"]),
        name=name,
        run=run,
        note=note,
        dimension=config["hidden_size"],
        layers=config["num_hidden_layers"],
        vocabulary=config["vocab_size"],
        length=read_json(folder / "sentence_bert_config.json")["max_seq_length"],
        licence=experiment.release.licence,
        prompts=[(key, prompts[key], use) for key, use in USES],
        released=RELEASED_ID,
        scores=_body(scored(SCORES / model, name, note)) if model else "",
        encoder=encoder,
        pretrain=experiment.pretrain_of(entry.encoder),
        contrast=settings,
        steps=_steps(run),
        merge=experiment.merge_of(run),
        seed=entry.seed,
        data=_body(data),
        forbidden=[source for source, allowed in commercial.items() if allowed is False],
        unknown=[source for source, allowed in commercial.items() if allowed is None],
        overlap=_body(_overlap(list(rows))),
        cost=_body(_cost(experiment, run, rows, config)),
    )
    return text


def citation(experiment: Experiment, run: str) -> str:
    """``CITATION.cff`` of a run's model."""
    environment = Environment(loader=PackageLoader("rosberta.report", ""), autoescape=False)  # noqa: S701 (YAML)
    text: str = environment.get_template("citation.cff.j2").render(
        name=json.dumps(named(experiment, run)), licence=experiment.release.licence
    )
    return text.rstrip() + "\n"


def named(experiment: Experiment, run: str) -> str:
    """What a run's model is called where it is handed on."""
    return (experiment.release.name or "{run}").replace("{run}", run)


def scored_as(experiment: Experiment, run: str) -> str | None:
    """The first model of the experiment that is this run's, merged, and has been scored; None: there is none."""
    weights = str(RUNS / run / "merged")
    names = (name for name, model in experiment.models.items() if model.weights == weights)
    return next((name for name in names if (SCORES / name / "summary.json").is_file()), None)


def _front(experiment: Experiment, run: str, sources: list[str], tasks: Mapping[str, Any]) -> str:
    """The front matter, with the scores as the hub's lists take them."""
    from huggingface_hub import EvalResult, ModelCardData

    encoder = experiment.encoders[experiment.runs[run].encoder]
    # The miniature's sets and models are not those whose names they have.
    real = experiment.hub.origin == "hub"
    results = []
    for task, entry in sorted(tasks.items()):
        if entry["score"] is None or not real:
            continue
        dataset = experiment.benchmark.tasks[task].dataset
        results.append(
            EvalResult(
                task_type=entry["category"],
                dataset_type=dataset,
                dataset_name=f"MTEB {task}",
                dataset_revision=experiment.hub.datasets[dataset].revision,
                metric_type="main_score",
                metric_value=entry["score"],
            )
        )
    sets = sorted({experiment.collect.sources[source].dataset for source in sources})
    data = ModelCardData(
        model_name=named(experiment, run),
        language=["ru", "en"],
        license=experiment.release.licence,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "feature-extraction", "mteb", "ruMTEB"],
        base_model=list(dict.fromkeys((encoder.base, encoder.donor))) if real else None,
        datasets=sets if real else None,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _steps(run: str) -> int:
    """Steps of the contrastive training."""
    path = RUNS / run / "contrasted/loss.jsonl"
    if not path.is_file():
        raise Missing(path, f"contrast@{run}")
    lines = path.read_text(encoding="utf-8").split("\n")
    return max((json.loads(line)["step"] for line in lines if line), default=0)


def _data(experiment: Experiment, rows: Mapping[str, int]) -> Table:
    columns = (
        Column("Source"),
        Column("Data set"),
        Column("Group"),
        Column("Prefix"),
        Column("Rows", 0),
        Column("Share, %", 1),
        Column("Licence"),
        Column("Commercial use"),
    )
    total = sum(rows.values())
    lines = []
    for name, number in rows.items():
        source = experiment.collect.sources[name]
        allowed = {True: "yes", False: "**no**", None: "not stated"}[source.commercial]
        licence = licence_of(experiment, name) or "not stated"
        share = 100 * number / total if total else None
        lines.append(Row((name, source.dataset, source.group, source.prefix, number, share, licence, allowed)))
    lines.append(Row(("All sources", None, None, None, total, 100.0 if total else None, None, None), total=True))
    return Table("data", "Training data", "", columns, tuple(lines))


def _overlap(sources: list[str]) -> Table:
    """What was found of each task in the sources of the mixture, and removed before training."""
    found: dict[str, dict[str, int]] = {}
    for source in sources:
        for task, rules in read_counts(CLEANED / f"{source}.parquet").get("overlap", {}).items():
            line = found.setdefault(task, dict.fromkeys((*RULES, "negatives"), 0))
            for rule, counts in rules.items():
                line[rule] += counts["rows"]
                line["negatives"] += counts["negatives"]
    columns = (Column("Task"), *(Column(rule, 0) for rule in RULES), Column("negatives", 0))
    lines = [Row((task, *found[task].values())) for task in sorted(found)]
    sums = [sum(line[each] for line in found.values()) for each in (*RULES, "negatives")]
    return Table("overlap", "Overlap", "", columns, (*lines, Row(("All tasks", *sums), total=True)))


def _cost(experiment: Experiment, run: str, rows: Mapping[str, int], config: Mapping[str, Any]) -> Table:
    """What the two trainings computed, by the arithmetic of `python -m rosberta cost`."""
    fields = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size")
    shape = Shape(*(config[field] for field in fields))
    lengths = [(number, bulk(experiment, source).tokens) for source, number in rows.items()]
    length = sum(number * tokens for number, tokens in lengths) / max(1, sum(rows.values()))
    contrast = experiment.contrast_of(run)
    texts = _steps(run) * contrast.batch_size * contrast.devices * (2 + contrast.hard_negatives)
    speed, basis = rate("contrast", GPU)
    done = texts * length * operations("contrast", shape, length)
    columns = (
        Column("Stage"),
        Column("Texts, millions", 3),
        Column("Tokens, millions", 2),
        Column("Operations, 1e15", 3),
        Column(f"Hours on one {GPU}", 3),
        Column("Rests on"),
    )
    where = f"{CHARACTERS_PER_TOKEN:g} characters a token; {basis}"
    row = Row(("contrast", texts / 1e6, texts * length / 1e6, done / 1e15, done / speed / 3600, where))
    return Table("cost", "Cost", "", columns, (row,))


def _body(table: Table) -> str:
    """A table alone, without its title."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    lines = table.markdown().splitlines()
    yield from (line for line in lines if line.startswith("|"))
    yield ""
    yield table.caption
