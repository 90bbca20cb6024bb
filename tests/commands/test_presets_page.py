"""The page of the presets: its numbers are those of the command `cost`, the preset `paper` and the profiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from rosberta import published
from rosberta.__main__ import COMMANDS
from rosberta.costs.speeds import GPU
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.experiment.blocks import Group
from rosberta.frame.flow import FLOW
from rosberta.frame.slices import jobs_of
from rosberta.outside.pins import all_pins
from rosberta.report.costs import tables
from rosberta.report.table import DASH, Table
from ruamel.yaml import YAML
from support.generated import Generated
from support.trees import ROOT

PRESETS = ROOT / "workflow/presets"
PAGE = PRESETS / "README.md"
PROFILE = ROOT / "workflow/profiles/gpu/config.yaml"
GPUS = (GPU, "H100", "A100")
SETTINGS = (
    "mine.first_rank",
    "mine.last_rank",
    "mine.negatives",
    "pretrain.epochs",
    "pretrain.batch_size",
    "pretrain.precision",
    "pretrain.max_length",
    "pretrain.learning_rate",
    "pretrain.warmup_steps",
    "pretrain.mask_probability",
    "pretrain.base_share",
    "contrast.temperature",
    "contrast.hard_negatives",
    "contrast.epochs",
    "contrast.devices",
    "contrast.batch_size",
    "contrast.max_length",
    "contrast.learning_rate",
    "contrast.weight_decay",
    "contrast.warmup_steps",
    "contrast.precision",
    "contrast.micro_tokens",
    "merge.base_share",
)


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The preset `paper`, in a folder without artifacts."""
    monkeypatch.chdir(tmp_path)
    return parameters.load(PRESETS / "paper.yaml")


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def prose() -> str:
    """The page without its generated parts."""
    return re.sub(r"<!-- ([a-z]+): written.*?<!-- end of \1 -->", "", page(), flags=re.DOTALL)


def markdown(titles: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = (), indent: int = 0) -> str:
    """A table; the columns of `numbers` are aligned to the right."""
    titles, numbers = list(titles), set(numbers)
    marks = ["--:" if place in numbers else ":--" for place in range(len(titles))]
    lines = ["| " + " | ".join(cells) + " |" for cells in (titles, marks, *rows)]
    return "\n".join([*(" " * indent + line for line in lines), " " * indent])


def costs(experiment: Experiment, name: str, gpu: str = GPU) -> Table:
    """A table of the command `cost`."""
    return next(table for table in tables(experiment, gpu) if table.name == name)


def shown(table: Table, leave_out: str = "-") -> str:
    """A table of the command `cost`, without one of its columns."""
    places = [place for place, column in enumerate(table.columns) if not column.title.startswith(leave_out)]
    numbers = [new for new, place in enumerate(places) if table.columns[place].decimals is not None]
    rows = ([line[place] or DASH for place in places] for line in table.lines())
    return markdown([table.titles()[place] for place in places], rows, numbers)


def hours(experiment: Experiment, gpu: str = GPU) -> dict[str, str]:
    """Hours by stage, as the command `cost` writes them."""
    table = costs(experiment, "plan_work", gpu)
    place = next(place for place, column in enumerate(table.columns) if column.title.startswith("Hours"))
    return {line[0]: line[place] for line in table.lines()}


def test_the_work(paper: Experiment, generated: Generated) -> None:
    generated.part(PAGE, "work", shown(costs(paper, "plan_work"), "Operations"))


def test_the_disk(paper: Experiment, generated: Generated) -> None:
    generated.part(PAGE, "disk", shown(costs(paper, "plan_disk")))


def test_the_hours_on_other_gpus(paper: Experiment, generated: Generated) -> None:
    by_gpu = {gpu: hours(paper, gpu) for gpu in GPUS}
    rows = ([gpu, *each.values()] for gpu, each in by_gpu.items())
    generated.part(PAGE, "gpus", markdown(["Hours on one", *by_gpu[GPU]], rows, range(1, 6)))


def test_the_jobs(paper: Experiment, generated: Generated) -> None:
    """Jobs by the flow, with what the profile asks for."""
    profile = YAML(typ="safe").load(PROFILE.read_text(encoding="utf-8"))
    default = int(profile["default-resources"][0].removeprefix("mem_mb="))
    data = paper.model_dump(mode="json")
    rows = []
    for stage in FLOW:
        asked = profile["set-resources"].get(stage, {})
        runtime = f"{asked['runtime'] / 60:g}" if "runtime" in asked else DASH
        jobs, memory = str(len(jobs_of(stage, data))), f"{asked.get('mem_mb', default) / 1000:g}"
        rows.append([f"`{stage}`", jobs, memory, runtime, "a turn" if asked.get("gpu") else DASH])
    rows.append(["all", str(sum(int(row[1]) for row in rows)), *[DASH] * 3])
    titles = ["Stage", "Jobs", "Memory of a job, GB", "Limit, hours", "GPU"]
    generated.part(PAGE, "jobs", markdown(titles, rows, (1, 2, 3)))


def test_the_corpus(paper: Experiment, generated: Generated) -> None:
    """The paper's Table 6 beside the caps of the preset, by group."""
    rows, sums = [], [0, 0, 0, 0]
    for group in get_args(Group):
        sets = [each.thousand_pairs for each in published.sets() if each.group == group]
        caps = [each.cap or paper.collect.cap for each in paper.collect.sources.values() if each.group == group]
        if sets or caps:
            numbers = [len(sets), 1000 * sum(sets), len(caps), sum(caps)]
            sums = [a + b for a, b in zip(sums, numbers, strict=True)]
            rows.append([f"`{group}`", *(f"{number:,}" for number in numbers)])
    rows.append(["all", *(f"{number:,}" for number in sums)])
    titles = ["Group", "Sets (published)", "Pairs (published)", "Sources", "Rows at most"]
    generated.part(PAGE, "corpus", markdown(titles, rows, range(1, 5), indent=3))


def test_the_pins_without_a_revision(paper: Experiment, generated: Generated) -> None:
    rows = [[kind, f"`{id}`"] for kind, id, pin in all_pins(paper) if pin.revision is None]
    generated.part(PAGE, "unpinned", markdown(["Kind", "Id"], rows, indent=3))


def test_the_settings(paper: Experiment, generated: Generated) -> None:
    """Each with what the schema says of it."""
    written = parameters.read(PRESETS / "paper.yaml")
    rows = []
    for path in SETTINGS:
        block, name = path.split(".")
        told = type(getattr(paper, block)).model_fields[name].description
        assert told
        rows.append([f"`{path}`", f"`{plain(written[block][name])}`", " ".join(told.split())])
    generated.part(PAGE, "settings", markdown(["Parameter", "Value", "What it is"], rows))


def plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_a_setting_in_the_prose_is_that_of_the_preset() -> None:
    """``block.name: value`` in the prose holds in the preset."""
    written = parameters.read(PRESETS / "paper.yaml")
    told = re.findall(r"`([a-z_]+)\.([a-z_]+): ([^`]+)`", prose())
    assert len(told) >= 3
    for block, name, value in told:
        assert plain(written[block][name]) == value, (block, name)


def test_the_words_of_the_prose_hold(paper: Experiment) -> None:
    """Numbers that the story tells in words: where the preset changes, the sentence is to be looked at again."""
    story = " ".join(prose().split())
    data = paper.model_dump(mode="json")
    trained = [name for name, model in paper.models.items() if "/runs/" in model.weights]
    pinned = [name for name, model in paper.models.items() if model.weights.startswith("data/hub/")]
    sets = published.sets()
    words = {6: "six", 7: "seven", 8: "eight", 9: "nine", 5: "five"}
    for sentence in (
        f"{len(sets)} sets, {sum(each.thousand_pairs for each in sets) / 1000:.1f} million pairs",
        f"holds {words[len(paper.runs)]} runs on one encoder",
        f"beside {words[len(pinned)]} published models",
        f"each of the {words[len(paper.mixtures)]} mixtures",
        f"ranks {paper.mine.first_rank} to {paper.mine.last_rank}",
        f"{words[paper.mine.negatives]} hard negatives",
        f"{paper.pretrain.batch_size:,} texts a step",
        f"{paper.contrast.devices} device batches of {paper.contrast.batch_size} queries, "
        f"so {paper.contrast.devices * paper.contrast.batch_size:,} a step",
        f"a run of {paper.contrast_of('full').max_steps:,} steps",
        f"scores {len(paper.models)} models on {len(paper.benchmark.tasks)} tasks",
        f"{len(paper.models)} evaluations are independent",
        f"the {len(paper.benchmark.tasks)} tasks of ruMTEB",
        "with multilingual-e5-small",
    ):
        assert sentence in story, sentence
    assert len(trained) == len(paper.runs) == len(jobs_of("contrast", data))
    assert paper.pretrain.base_share == 0.25  # "a quarter"
    assert paper.merge.base_share == 0.1  # "a tenth"
    assert paper.pretrain.epochs == paper.contrast.epochs == 1  # "one epoch"
    assert paper.mine.teacher == "intfloat/multilingual-e5-small"


def test_every_preset_is_named() -> None:
    """A row a file: presets from the least to the greatest, then what is to be copied from."""
    told = re.findall(r"^\| `([^`]+\.yaml)` \|", prose(), re.MULTILINE)
    assert sorted(told) == sorted(path.relative_to(PRESETS).as_posix() for path in PRESETS.rglob("*.yaml"))
    assert [name.removesuffix(".yaml") for name in told[:4]] == ["miniature", "tiny", "small", "paper"]


def test_every_stage_is_told_in_order() -> None:
    """A paragraph a stage, numbered as in the flow."""
    told = re.findall(r"^(\d+)\. \*\*`([a-z]+)`\*\* \w+", prose(), re.MULTILINE)
    assert told == [(str(number), name) for number, name in enumerate(FLOW, 1)]


def commands() -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL):
        yield from (line.split("#")[0].strip() for line in block.splitlines() if line.strip())


def test_every_command_is_one() -> None:
    """What is typed begins with a word that there is, and names profiles that there are."""
    typed = list(commands())
    assert len(typed) >= 5
    words = {*FLOW, *(path.stem for path in COMMANDS.glob("[a-z]*.py"))}
    for line in typed:
        first, *rest = [part for part in line.split() if not re.fullmatch(r"[A-Z_]+=\S+", part)]
        assert first in ("make", "snakemake", "dvc") or (first == "python" and rest[:2] == ["-m", "rosberta"]), line
        if first == "python":
            assert rest[2] in words, line
        for profile in re.findall(r"--profile (\S+)", line):
            assert (ROOT / profile / "config.yaml").is_file(), line


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^):]+)\)", page()):
        assert (PRESETS / target).exists(), target
