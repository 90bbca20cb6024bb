"""Pairs of sentences: entailment and similarity."""

from __future__ import annotations

from miniature.benchmark.labelled import eval_size
from miniature.benchmark.layout import Files, readme
from miniature.sets.raw_files import INT, STRING, Row, table
from miniature.world import texts
from miniature.world.world import World


def terra(world: World, rows: int) -> Files:
    """Premises and hypotheses, entailed (1) or not (0); it is scored on ``dev``."""

    def make(pool: str, index: int) -> Row:
        inference = texts.inference(world, pool, index)
        entailed = int(inference.label == texts.ENTAILMENT)
        return {
            "sentence1": inference.premise.ru,
            "sentence2": inference.hypothesis.ru,
            "labels": entailed,
            "idx": index,
        }

    size = eval_size(rows, 2)
    splits = {"train": [make("probe", i) for i in range(size)], "dev": [make("test", i) for i in range(size)]}
    columns = {"sentence1": STRING, "sentence2": STRING, "labels": INT, "idx": INT}
    files: Files = {f"data/{split}-00000-of-00001.parquet": table(each, columns) for split, each in splits.items()}
    return files | {"README.md": readme({"default": {split: f"data/{split}-*" for split in splits}})}


def stsbenchmark(world: World, rows: int) -> Files:
    """Pairs of sentences with their likeness from 0 to 5."""

    def make(pool: str, index: int) -> Row:
        pair = texts.pair(world, pool, index)
        return {"sentence1": pair.a.ru, "sentence2": pair.b.ru, "score": float(pair.score)}

    size = eval_size(rows, 6)
    return {
        "train.jsonl": [make("probe", index) for index in range(size)],
        "validation.jsonl": [make("test", index) for index in range(size, 2 * size)],
        "test.jsonl": [make("test", index) for index in range(size)],
    }


def paraphraser(world: World, rows: int) -> Files:
    """Pairs of sentences: precise paraphrases ("1"), near ones ("0") and none ("-1")."""

    def make(pool: str, index: int) -> Row:
        pair = texts.pair(world, pool, 5000 + index)
        likeness = "1" if pair.score > 3 else "0" if pair.score > 1 else "-1"
        ids = {"id": str(index), "id_1": str(2 * index), "id_2": str(2 * index + 1)}
        return {**ids, "text_1": pair.a.ru, "text_2": pair.b.ru, "class": likeness}

    size = eval_size(rows, 6)
    return {
        f"{split}.jsonl": [make(pool, i) for i in range(size)] for split, pool in (("train", "probe"), ("test", "test"))
    }


def sts22(world: World, rows: int) -> Files:
    """Pairs of longer texts with their likeness from 1 to 4, one file a language.

    4: on one thing, 2.5: on things of a kind, 1: on things of two kinds.
    """
    entities = world.entities("test")
    files: Files = {}
    for language in ("en", "ru"):
        made = []
        for index in range(eval_size(rows, 3)):
            one = entities[index * 37 % len(entities)]
            same_kind = [entity for entity in world.entities("test", one.kind) if entity != one]
            other_kind = [entity for entity in entities if entity.kind != one.kind]
            random = world.random("sts22", index)
            other, score = ((one, 4.0), (random.choice(same_kind), 2.5), (random.choice(other_kind), 1.0))[index % 3]
            first, second = texts.passage(world, one, 20), texts.passage(world, other, 21)
            pair = {"sentence1": getattr(first, language), "sentence2": getattr(second, language)}
            made.append({"id": f"{language}_{index}", "score": score, **pair, "lang": language})
        files[f"test/{language}.jsonl.gz"] = made
    configs = {"default": {"test": "test/*.jsonl.gz"}}
    configs |= {language: {"test": f"test/{language}.jsonl.gz"} for language in ("en", "ru")}
    return files | {"README.md": readme(configs)}
