"""A token store holds what the tokenizer says of each text, is written once for equal inputs, and is whole or not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rosberta.frame import artifacts
from rosberta.frame.artifacts import MINED
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from rosberta.training import token_store
from rosberta.training.contrastive import Source, source_of
from rosberta.training.token_store import STORES, identity_of, opened, place_of, stored, tokenizer_of
from support.encoders import ENGLISH, RUSSIAN, mined_rows, write_roberta
from transformers import AutoTokenizer

TEXTS = [*RUSSIAN, "", "Ёж 🦔", *ENGLISH, RUSSIAN[0], "слово " * 100]
LENGTH = 24


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("prefix", ["", "search_query: "])
@pytest.mark.parametrize("batch", [4096, 5])
def test_ids_are_the_tokenizers_own(
    project: Path, encoder: Path, prefix: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text's ids are those that transformers' tokenizer gives it with its prefix, cut to the length, in order."""
    monkeypatch.setattr(token_store, "_BATCH", batch)
    store = stored(project / "a", iter(TEXTS), tokenizer_of(encoder, LENGTH), prefix)
    reference = AutoTokenizer.from_pretrained(encoder)
    expected = [reference(prefix + text, truncation=True, max_length=LENGTH)["input_ids"] for text in TEXTS]
    assert [store[number].tolist() for number in range(len(store))] == expected
    assert len(store) == len(TEXTS)
    assert max(map(len, expected)) == LENGTH > min(map(len, expected)), "some are cut, and some are not"
    some = np.array([3, 0, 3])
    assert store.lengths(some).tolist() == [len(expected[number]) for number in some]
    assert store.hashes.tolist() == [hash_text(text) for text in TEXTS], "of the text, without its prefix"


def test_no_texts(project: Path, encoder: Path) -> None:
    """A store of no texts is a store."""
    assert len(stored(project / "a", [], tokenizer_of(encoder, LENGTH))) == 0
    again = opened(project / "a")
    assert again is not None
    assert len(again) == 0


def test_reopened_as_it_was_written(project: Path, encoder: Path) -> None:
    """What is opened is what was stored, with the arrays that were laid beside it; where nothing is, None."""
    assert opened(project / "a") is None
    beside = np.arange(7)[:, None]
    first = stored(project / "a", TEXTS, tokenizer_of(encoder, LENGTH), noted={"rows": beside})
    again = opened(project / "a")
    assert again is not None
    for name in ("ids", "starts", "hashes"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert np.array_equal(again.noted("rows"), beside)
    assert [path.name for path in project.iterdir()] == ["a"]


def cut_short(part: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        content = (folder / part).read_bytes()
        (folder / part).write_bytes(content[: len(content) // 2])

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "ids cut short": cut_short("ids.bin"),
    "ids cut within a number": lambda folder: (folder / "ids.bin").write_bytes((folder / "ids.bin").read_bytes()[:-1]),
    "ids empty": lambda folder: (folder / "ids.bin").write_bytes(b""),
    "ids gone": lambda folder: (folder / "ids.bin").unlink(),
    "starts cut short": cut_short("starts.npy"),
    "starts gone": lambda folder: (folder / "starts.npy").unlink(),
    "hashes cut short": cut_short("hashes.npy"),
    "sizes cut short": cut_short("sizes.json"),
    "sizes gone": lambda folder: (folder / "sizes.json").unlink(),
    "sizes of another": lambda folder: (folder / "sizes.json").write_text('{"ids": 3}'),
    "all gone": shutil.rmtree,
    "starts empty": lambda folder: (folder / "starts.npy").write_bytes(b""),
    "hashes of another": lambda folder: np.save(folder / "hashes.npy", np.zeros(3, np.uint64)),
    "sizes of another kind": lambda folder: (folder / "sizes.json").write_text("null"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_broken_store_is_none(project: Path, encoder: Path, damage: Callable[[Path], object]) -> None:
    """A store that lacks a part, or the end of one, is not opened; stored again, it is whole."""
    first = stored(project / "a", TEXTS, tokenizer_of(encoder, LENGTH))
    whole = first.ids.tolist()
    damage(project / "a")
    assert opened(project / "a") is None
    stored(project / "a", TEXTS, tokenizer_of(encoder, LENGTH))
    again = opened(project / "a")
    assert again is not None
    assert again.ids.tolist() == whole


def test_a_failure_leaves_nothing(project: Path, encoder: Path) -> None:
    """Where the texts end in an error, no store is there, nor a part of one."""

    def texts() -> object:
        yield from RUSSIAN
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(project / "a", texts(), tokenizer_of(encoder, LENGTH))
    assert not list(project.iterdir())


def test_a_store_that_is_there_is_not_replaced(project: Path, encoder: Path) -> None:
    """Two jobs may cut the same texts at once: what one has moved in the other does not take from under it."""
    tokenizer, place = tokenizer_of(encoder, LENGTH), place_of({"texts": 1})

    def texts() -> Iterator[str]:
        yield from RUSSIAN
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1)
            stored(place, RUSSIAN, tokenizer)  # the other job, in the meantime
        seen.append((place / "ids.bin").stat().st_ino)

    seen: list[int] = []
    assert len(stored(place, texts(), tokenizer)) == len(RUSSIAN)
    assert (place / "ids.bin").stat().st_ino == seen[0]
    assert [path.name for path in STORES.iterdir()] == [place.name]


def test_what_nobody_opens_goes(project: Path, encoder: Path) -> None:
    """When another store is written; a store that was opened since stays."""
    tokenizer = tokenizer_of(encoder, LENGTH)
    places = [place_of({"texts": number}) for number in range(3)]
    long_ago = time.time() - token_store.KEPT_DAYS * 86_400 - 60
    for place in places[:2]:
        stored(place, RUSSIAN, tokenizer)
        os.utime(place / "sizes.json", (long_ago, long_ago))
    assert opened(places[1]) is not None
    stored(places[2], ENGLISH, tokenizer)
    assert [place.exists() for place in places] == [False, True, True]


def test_equal_inputs_share_a_place(project: Path, encoder: Path, tmp_path: Path) -> None:
    """The place follows from the inputs, in any order; another tokenizer, length or text beside it has another."""
    copy = Path(shutil.copytree(encoder, tmp_path / "copy"))
    other = write_roberta(tmp_path / "other", RUSSIAN, size=300)
    place = place_of({"texts": 1, **identity_of(encoder, LENGTH)})
    assert place.parent == STORES
    assert STORES.is_relative_to(artifacts.SCRATCH)
    assert place_of({**identity_of(copy, LENGTH), "texts": 1}) == place
    others = [
        place_of({"texts": 1, **identity_of(other, LENGTH)}),
        place_of({"texts": 1, **identity_of(encoder, LENGTH + 1)}),
        place_of({"texts": 2, **identity_of(encoder, LENGTH)}),
    ]
    assert len({place, *others}) == 4


def source(
    encoder: Path, *, name: str = "a", prefix: str = "search", negatives: int = 3, length: int = LENGTH
) -> Source:
    """A mined source as it is read."""
    entry = {"sha256": sha256(MINED / f"{name}.parquet"), "prefix": prefix}
    return source_of(name, entry, "full", negatives, tokenizer_of(encoder, length), identity_of(encoder, length))


def test_a_source_is_its_rows(project: Path, encoder: Path) -> None:
    """Row by row a source's ids are those of the mined texts with their prefixes; equal forms have equal numbers."""
    rows = mined_rows("a", 12)
    rows[3]["positive"] = rows[5]["anchor"].upper().replace(" ", ", ")
    rows[4]["anchor"] = rows[2]["negatives"][0]
    rows[6]["positives"] = [rows[7]["positive"].upper(), "текст, которого больше нигде нет"]
    write_rows(MINED / "a.parquet", rows, {})
    found = source(encoder, negatives=2)
    reference = AutoTokenizer.from_pretrained(encoder)

    def ids(text: str) -> list[int]:
        return reference(text, truncation=True, max_length=LENGTH)["input_ids"]

    for row, numbers in zip(rows, found.rows, strict=True):
        assert found.anchors[numbers[0]].tolist() == ids(f"search_query: {row['anchor']}")
        documents = [row["positive"], *row["negatives"][:2]]
        assert [found.documents[number].tolist() for number in numbers[1:]] == [
            ids(f"search_document: {text}") for text in documents
        ]
    texts = [text for row in rows for text in (row["anchor"], row["positive"], *row["negatives"][:2])]
    forms = found.forms.ravel().tolist()
    assert len(set(zip(forms, map(normal, texts), strict=True))) == len(set(forms)) == len(set(map(normal, texts)))
    assert len(found.documents) == len({text for row in rows for text in (row["positive"], *row["negatives"][:2])})
    assert found.positives[0].tolist() == [found.forms[6, 0], found.forms[7, 1]]
    assert found.positives[1, 1] not in found.forms


def test_a_source_is_cut_once(project: Path, encoder: Path) -> None:
    """Read again, a source's stores are opened and not written; other inputs have their own, a broken one is redone."""
    write_rows(MINED / "a.parquet", mined_rows("a", 12), {})
    first = source(encoder)
    written = {path: path.stat().st_mtime_ns for path in STORES.rglob("*")}
    assert len(list(STORES.iterdir())) == 2
    again = source(encoder)
    assert {path: path.stat().st_mtime_ns for path in STORES.rglob("*")} == written
    assert np.array_equal(again.rows, first.rows)
    assert np.array_equal(again.documents.ids, first.documents.ids)
    expected = first.documents.ids.tolist()
    cut_short("ids.bin")(first.documents.folder)
    assert source(encoder).documents.ids.tolist() == expected
    for number, change in enumerate(({"prefix": "clustering"}, {"length": LENGTH + 1}, {"negatives": 2}), 2):
        source(encoder, **change)
        assert len(list(STORES.iterdir())) == 2 * number


@pytest.mark.parametrize("name", ["rows.npy", "forms.npy", "positives.npy"])
def test_a_source_whose_rows_are_broken_is_cut_again(project: Path, encoder: Path, name: str) -> None:
    """What was laid beside the texts is a part of a store as the texts are."""
    write_rows(MINED / "a.parquet", mined_rows("a", 12), {})
    first = source(encoder)
    expected = [first.rows.tolist(), first.forms.tolist()]
    cut_short(name)(first.documents.folder)
    redone = source(encoder)
    assert [redone.rows.tolist(), redone.forms.tolist()] == expected


def test_another_file_is_a_mistake(project: Path, encoder: Path) -> None:
    """A mined file that the plan does not name is not read."""
    write_rows(MINED / "a.parquet", mined_rows("a", 12), {})
    entry = {"sha256": "0" * 64, "prefix": "search"}
    with pytest.raises(Mistake, match=r"a\.parquet: is not what the plan of full names; run `dvc repro mine@a`"):
        source_of("a", entry, "full", 3, tokenizer_of(encoder, LENGTH), identity_of(encoder, LENGTH))
    assert not STORES.exists()
