"""The experiment: every parameter, typed, with its range, default and source.

It is the whole of ``params.yaml``. Defaults are the recipe's. "Paper" is arXiv:2408.12503v2,
"poster" the poster of the same work; "not published: ours" marks what its authors left open. A file holds a group of
blocks; what must agree between blocks is checked where an experiment is read (`rosberta.doors.parameters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from rosberta.experiment.benchmark import Benchmark
from rosberta.experiment.blocks import TEXTS, Block, Name
from rosberta.experiment.corpus import Chosen, Clean, Collect, Deduplicate, Mine, Mixture, Pool
from rosberta.experiment.hub import Hub
from rosberta.experiment.models import Encoder, Evaluate, Model, Release, Run
from rosberta.experiment.training import Contrast, Merge, Pretrain
from rosberta.experiment.wording import sentences
from rosberta.frame.artifacts import MINE
from rosberta.frame.mistakes import Mistake

B = TypeVar("B", bound="Block")


class Experiment(Block):
    """The whole of ``params.yaml``: one block a stage in stage order, then what is built from them.

    What is left out has its default, at either door; who only evaluates leaves out all that belongs to training.
    """

    hub: Hub
    benchmark: Benchmark
    collect: Collect = Collect()
    clean: Clean = Clean()
    deduplicate: Deduplicate = Deduplicate()
    mine: Mine = Mine()
    pools: dict[Name, Pool] = {}
    """Sets of sources that draw negatives from each other, for `mine` or a mining to name."""
    minings: dict[Name, dict[str, Any]] = {}
    """Further minings of the same sources, by name: the fields of `mine` that differ, of `methods` and `cross_encoder`
    those within. A mixture chooses one, or a run."""
    pretrain: Pretrain = Pretrain()
    contrast: Contrast = Contrast()
    merge: Merge = Merge()
    evaluate: Evaluate = Evaluate()
    release: Release = Release()
    encoders: dict[Name, Encoder] = {}
    mixtures: dict[Name, Mixture] = {}
    runs: dict[Name, Run] = {}
    models: dict[Name, Model]

    def resolved(self) -> dict[str, Any]:
        """The whole as plain data, defaults filled in, with what follows from several blocks under the names below."""
        return self.model_dump(mode="json") | {
            "minings_of": {
                source: {
                    # The teacher of `mine` is a dependency of the job itself.
                    name: block.model_dump(mode="json")
                    | {"pin": None if block.own_teacher else self.hub.models[block.teacher or ""].revision}
                    for name, block in self.minings_of(source).items()
                }
                for source in self.collect.sources
            },
            "pretrain_of": {name: self.pretrain_of(name).model_dump(mode="json") for name in self.encoders},
            "contrast_of": {name: self.contrast_of(name).model_dump(mode="json") for name in self.runs},
            "merge_of": {name: self.merge_of(name).model_dump(mode="json") for name in self.runs},
            "held_out": self.held_out(),
            "sources_of": {name: self.sources_of(name) for name in self.mixtures},
            "pairs_of": {name: self.pairs_of(name) for name in self.mixtures},
            "drawn_from": {source: self.drawn_from(source) for source in self.collect.sources},
            "embedders_of": {source: self.embedder_of(source) for source in self.collect.sources},
            "judges_of": {source: self.judges_of(source) for source in self.collect.sources},
            "plans_of": {name: self.plans_of(name) for name in self.mixtures},
        }

    def mining(self, name: str | None) -> Mine:
        """The settings of `mine` with what this mining changes; None, or `mine`: as they are."""
        if name is None or name == MINE:
            return self.mine
        return _changed(self.mine, self.minings[name], f"minings.{name}")

    def minings_of(self, source: str) -> dict[str, Mine]:
        """The minings, beside `mine`, by which a mixture or a run wants this source, with their settings."""
        wanted = {plan for name in self.mixtures if source in self.pairs_of(name) for plan in self.plans_of(name)}
        return {name: self.mining(name) for name in sorted(wanted - {MINE})}

    def plans_of(self, mixture: str) -> list[str]:
        """The minings by which a mixture is wanted: its own, and those that its runs choose."""
        chosen = {mining for run in self.runs.values() for name, mining in [run.chosen] if mining and name == mixture}
        return sorted({self.mixtures[mixture].mining or MINE, *chosen})

    def judges_of(self, source: str) -> dict[str, str | None]:
        """By mining the revision of the cross-encoder that judges its negatives, where there is one."""
        if self.collect.sources[source].group == TEXTS:
            return {}
        judges = {name: mine.cross_encoder for name, mine in {MINE: self.mine, **self.minings_of(source)}.items()}
        return {name: self.hub.models[judge.model].revision for name, judge in judges.items() if judge}

    def embedder_of(self, source: str) -> str | None:
        """The revision of the model by whose cosine a source is cleaned; None where it is not."""
        asks = self.collect.sources[source].min_cosine is not None
        return self.hub.models[self.clean.similarity.model or ""].revision if asks else None

    def pretrain_of(self, encoder: str) -> Pretrain:
        """The settings of `pretrain` with what this encoder changes."""
        return _changed(self.pretrain, self.encoders[encoder].pretrain, f"encoders.{encoder}.pretrain")

    def contrast_of(self, run: str) -> Contrast:
        """The settings of `contrast` with what this run changes."""
        return _changed(self.contrast, self.runs[run].contrast, f"runs.{run}.contrast")

    def merge_of(self, run: str) -> Merge:
        """The settings of `merge` with what this run changes."""
        return _changed(self.merge, self.runs[run].merge, f"runs.{run}.merge")

    def held_out(self) -> list[str]:
        """Names of the tasks whose texts must not be trained on: none where nothing is."""
        return sorted(self.benchmark.tasks) if self.collect.sources else []

    def sources_of(self, mixture: str) -> list[str]:
        """Names of the sources of a mixture, in the order of `collect.sources`."""
        return self.chosen_by(self.mixtures[mixture])

    def chosen_by(self, chosen: Chosen) -> list[str]:
        """Names of the sources that a mixture or a pool holds, in the order of `collect.sources`."""
        return [
            name
            for name, source in self.collect.sources.items()
            if (source.group in chosen.groups or name in chosen.sources) and name not in chosen.without
        ]

    def drawn_from(self, source: str) -> dict[str, list[str]]:
        """By mining the other sources, sorted, whose documents a source draws from, too; a mining without is left out.

        Single texts are not mined, and draw from nothing.
        """
        if self.collect.sources[source].group == TEXTS:
            return {}
        found = {}
        for name, mine in {MINE: self.mine, **self.minings_of(source)}.items():
            pools = [self.chosen_by(self.pools[pool]) for pool in mine.pools]
            if others := sorted({other for pool in pools if source in pool for other in pool} - {source}):
                found[name] = others
        return found

    def pairs_of(self, mixture: str) -> list[str]:
        """Names of those sources of a mixture that hold pairs."""
        return [name for name in self.sources_of(mixture) if self.collect.sources[name].group != TEXTS]


def _changed(block: B, changes: Mapping[str, Any], where: str) -> B:
    before = block.model_dump()
    # Of a field that is a mapping itself, what is not named stays as it is.
    merged = {
        name: {**before[name], **value} if isinstance(value, dict) and isinstance(before.get(name), dict) else value
        for name, value in changes.items()
    }
    try:
        return type(block).model_validate({**before, **merged})
    except ValidationError as error:
        raise Mistake("\n".join(sentences(error, type(block), where + "."))) from None
