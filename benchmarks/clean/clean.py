"""What cleaning finds, and what it costs, on generated text.

    python benchmarks/clean/clean.py planted                        # recall of planted copies, false positives
    python benchmarks/clean/clean.py real --mirror DIR              # the same with real test texts, perturbed
    python benchmarks/clean/clean.py overlap --rows 1000000         # training texts against MTEB(rus, v1.1)'s sizes

Words are made of syllables and drawn with the frequencies of a language (Zipf). Times are wall-clock of one process,
memory is its peak. Beside it `stages.py` runs the stages one after another, and `index.py` indexes large corpora.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

SYLLABLES = [a + b for a in "бвгдзклмнпрстфхцчш" for b in "аеиоуыюя"]
VOCABULARY = 100_000
TEXT_WORDS = 25
"""Words of a training text, on average."""


class Language:
    """Texts of made-up words."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(0)
        words = {"".join(chance.choices(SYLLABLES, k=chance.randint(1, 5))) for _ in range(3 * VOCABULARY)}
        self.words = np.array(sorted(words)[:: max(1, len(words) // VOCABULARY)][:VOCABULARY], object)
        random.Random(1).shuffle(self.words)
        self.draws = np.random.default_rng(seed)

    def texts(self, number: int, mean: float) -> list[str]:
        """Texts whose lengths scatter about a mean number of words."""
        lengths = 1 + self.draws.gamma(2.0, max(mean - 1, 0.5) / 2, number).astype(int)
        ranks = (len(self.words) ** self.draws.random(int(lengths.sum()))).astype(int) - 1
        cut = np.split(self.words[ranks], np.cumsum(lengths)[:-1])
        return [" ".join(each).capitalize() + "." for each in cut]


@contextmanager
def timed(what: str, **facts: object) -> Iterator[None]:
    """Print how long a block took, wall and CPU, and the process's peak of memory so far."""
    start, busy = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(
        json.dumps(
            {"what": what, **facts, "seconds": round(seconds, 1), "cpu": round(busy, 1), "peak_gb": round(peak, 2)}
        )
        + "\n"
    )
    sys.stdout.flush()


def indexed(texts: Iterable[tuple[str, str]]) -> Any:
    """Test texts in their normal forms, each behind its task, ready to be searched."""
    from rosberta.corpus.indexing import build
    from rosberta.corpus.overlap import Benchmark
    from rosberta.experiment.corpus import Overlap

    with TemporaryDirectory() as folder:
        build(texts, Overlap(), Path(folder))
        return Benchmark(Path(folder), Overlap())


# What is planted: how a test text is dressed, and the fewest words of those that are taken.


def one_word_changed(cut: list[str], _: list[str]) -> list[str]:
    return [*cut[: len(cut) // 2], "подменённое", *cut[len(cut) // 2 + 1 :]]


def cut_in_half(cut: list[str], _: list[str]) -> list[str]:
    return cut[: (len(cut) + 1) // 2]


def embedded(cut: list[str], other: list[str]) -> list[str]:
    return [*other[: len(other) // 2], *cut, *other[len(other) // 2 :]]


PLANTED = {
    "exact": lambda cut, _: cut,
    "other case and punctuation": lambda cut, _: [f"«{word.upper()}»," for word in cut],
    "ё for е": lambda cut, _: [word.replace("е", "ё") for word in cut],
    "one word changed": one_word_changed,
    "cut in half": cut_in_half,
    "embedded in a longer text": embedded,
}
SIZES = [(3, 4), (5, 7), (8, 13), (14, 22), (23, 60), (61, 10_000)]


def planted(number: int) -> None:
    """Recall by kind of copy and length, and false positives by length, over `number` test texts of each length."""
    from rosberta.texts.normalisation import normal

    language = Language(1)
    tests = [text for mean in (4, 6, 10, 18, 40, 120) for text in language.texts(number, mean)]
    held = indexed(("Task", normal(text)) for text in tests)
    others = Language(2).texts(len(tests), 60)
    rows: dict[str, list[str]] = {}
    for kind, dress in PLANTED.items():
        dressed = [" ".join(dress(text.split(), other.split())) for text, other in zip(tests, others, strict=True)]
        found = held.find([normal(text) for text in dressed])
        rows[kind] = []
        for low, high in SIZES:
            mine = [place for place, text in enumerate(tests) if low <= len(text.split()) <= high]
            rows[kind].append(f"{100 * sum(place in found for place in mine) / len(mine):.1f}")
    rows["unrelated (false positives)"] = []
    unrelated = [text for mean in (4, 6, 10, 18, 40, 120) for text in Language(3).texts(10 * number, mean)]
    found = held.find([normal(text) for text in unrelated])
    # What a short test text and an unrelated one share by chance is no mistake of the search: equal texts stay out.
    for low, high in SIZES:
        mine = [place for place, text in enumerate(unrelated) if low <= len(text.split()) <= high]
        rows["unrelated (false positives)"].append(
            f"{100 * sum(place in found and found[place].rule != 'exact' for place in mine) / len(mine):.3f}"
        )
    head = [
        "% found, by words of the test text",
        *(f"{low}-{high}" if high < 10_000 else f"{low}-" for low, high in SIZES),
    ]
    lines = [head, ["---"] * len(head), *([kind, *values] for kind, values in rows.items())]
    sys.stdout.write("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")


# What is done to real test texts.

# fmt: off
LATIN = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", [
    "a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh",
    "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
], strict=True))
# fmt: on
VOWELS = "аоуыеи"


def swapped(cut: list[str], chance: random.Random) -> list[str]:
    place = chance.randrange(len(cut) - 1)
    return [*cut[:place], cut[place + 1], cut[place], *cut[place + 2 :]]


def inflected(cut: list[str], chance: random.Random) -> list[str]:
    return [
        word.rstrip(VOWELS + "йяюь") + chance.choice(VOWELS)
        if len(word) > 3 and word.isalpha() and chance.random() < 0.4
        else word
        for word in cut
    ]


def negated(cut: list[str], chance: random.Random) -> list[str]:
    """A negation taken out where there is one, else put in."""
    places = [place for place, word in enumerate(cut) if word == "не"]
    place = chance.choice(places) if places else chance.randrange(len(cut))
    return [*cut[:place], *([] if places else ["не"]), *cut[place + bool(places) :]]


PERTURBED = {
    "exact": lambda cut, _: cut,
    "one word changed": lambda cut, _: one_word_changed(cut, []),
    "a negation more or less": negated,
    "neighbours swapped": swapped,
    "all shuffled": lambda cut, chance: chance.sample(cut, len(cut)),
    "40% of endings changed": inflected,
    "numbers + 1": lambda cut, _: [str(int(word) + 1) if word.isdecimal() and word.isascii() else word for word in cut],
    "cut to 60%": lambda cut, _: cut[: max(1, round(0.6 * len(cut)))],
    "transliterated": lambda cut, _: ["".join(LATIN.get(letter, letter) for letter in word) for word in cut],
}


def real(mirror: Path, most: int) -> None:
    """Recall of perturbed real test texts by length, and what is found of unrelated real texts."""
    import pyarrow.parquet as pq
    from rosberta.texts.normalisation import normal

    def read(path: str, *columns: str) -> list[str]:
        table = pq.read_table(mirror / "datasets" / path)
        return [text for column in columns for text in table[column].to_pylist()]

    tests = read("open/stsb-ru/test.parquet", "sentence1", "sentence2") + read(
        "mteb/TERRa/dev.parquet", "sentence1", "sentence2"
    )
    tests += read("open/tydi-ru-retrieval/queries/test.parquet", "text") + read(
        "open/tydi-ru-retrieval/corpus/test.parquet", "text"
    )
    forms = sorted({form for text in tests if (form := normal(text)).count(" ") > 1})
    with timed("index", texts=len(forms)):
        held = indexed(("Task", form) for form in forms)
    chance = random.Random(0)
    lines = []
    for kind, change in PERTURBED.items():
        counts = {size: [0, 0] for size in SIZES}
        changed = [(place, normal(" ".join(change(form.split(), chance)))) for place, form in enumerate(forms)]
        if kind != "exact":
            changed = [(place, text) for place, text in changed if text != forms[place]]
        found = held.find([text for _, text in changed])
        for row, (place, _) in enumerate(changed):
            size = next(each for each in SIZES if each[0] <= len(forms[place].split()) <= each[1])
            counts[size][0] += row in found
            counts[size][1] += 1
        lines.append([kind, *(f"{100 * one / number:.0f}" if number else "-" for one, number in counts.values())])
    unrelated = [
        text
        for name, columns in (
            ("nlu-ru/train", ["text"]),
            ("koziev-qa/train", ["query", "positive"]),
            ("ru-simple-sent-eval/train", ["query"]),
            ("ria-pairs/train", ["query", "positive"]),
            ("ruserrc-title-abstract/train", ["query", "positive"]),
        )
        for text in read(f"open/{name}.parquet", *columns)
    ]
    unrelated = [form for text in chance.sample(unrelated, most) if (form := normal(text)) not in set(forms)]
    with timed("search", texts=len(unrelated)):
        found = held.find(unrelated)
    alarms = ", ".join(
        f"{sum(leak.rule == rule for leak in found.values())} {rule}"
        for rule in sorted({leak.rule for leak in found.values()})
    )
    head = [
        "% found, by words of the test text",
        *(f"{low}-{high}" if high < 10_000 else f"{low}-" for low, high in SIZES),
    ]
    table = [head, ["---"] * len(head), *lines]
    sys.stdout.write("\n".join("| " + " | ".join(line) + " |" for line in table) + "\n")
    sys.stdout.write(f"found of {len(unrelated)} unrelated texts: {len(found)} ({alarms or 'none'})\n")
    if os.environ.get("SHOW"):
        for place, leak in found.items():
            sys.stdout.write(f"{leak.rule}\n  {unrelated[place]}\n  {leak.text}\n")


def overlap(rows: int, share: float) -> None:
    """Training texts against test texts with the numbers and lengths of MTEB(rus, v1.1)."""
    from rosberta import published
    from rosberta.texts.normalisation import normal

    language = Language(1)
    sizes = []
    for task in published.tasks("v1.1"):
        pairs = 2 if task.category in ("STS", "PairClassification") else 1
        sizes.append((task.name, pairs * task.mteb_evaluated, task.characters / pairs))
        if task.mteb_documents and task.document_characters:
            sizes.append((task.name, task.mteb_documents, task.document_characters))
    # A word and its blank take about six and a half characters here, as in Russian.
    tests = [
        (name, text) for name, number, length in sizes for text in language.texts(int(share * number), length / 6.5)
    ]
    words = sum(text.count(" ") + 1 for _, text in tests)
    with timed("index", texts=len(tests), million_words=round(words / 1e6, 1)):
        held = indexed((name, normal(text)) for name, text in tests)
    trained = language.texts(rows, TEXT_WORDS)
    # One in a thousand is a copy.
    trained[::1000] = [text for _, text in tests[: len(trained[::1000])]]
    with timed("search", texts=len(trained)):
        found = held.find([normal(text) for text in trained])
    sys.stdout.write(json.dumps({"found": len(found), "planted": len(trained[::1000])}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, number in (("planted", 500), ("real", 5_000), ("overlap", 1_000_000)):
        command = commands.add_parser(name)
        command.add_argument("--rows", type=int, default=number)
        if name == "real":
            command.add_argument("--mirror", type=Path, required=True, help="folder of real data sets")
        if name == "overlap":
            command.add_argument("--share", type=float, default=1.0, help="of the test texts")
    asked = parser.parse_args()
    if asked.command == "planted":
        planted(asked.rows)
    elif asked.command == "real":
        real(asked.mirror, asked.rows)
    else:
        overlap(asked.rows, asked.share)


if __name__ == "__main__":
    main()
