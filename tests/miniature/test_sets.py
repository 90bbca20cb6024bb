"""The training sets have the schemas of the real ones, and their flaws."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.miniature import ROWS, lines

TRIPLET = {"anchor": "string", "positive": "string", **{f"negative_{place}": "string" for place in range(1, 101)}}
NLI = {"premise": "string", "hypothesis": "string", "label": "int64"}
PARQUET = {
    "kuznetsoffandrey/sberquad/sberquad/train-00000-of-00001.parquet": {
        "id": "int32", "title": "string", "context": "string", "question": "string",
        "answers": "struct<text: list<element: string>, answer_start: list<element: int32>>",
    },
    "facebook/xnli/ru/train-00000-of-00001.parquet": NLI,
    "facebook/xnli/en/train-00000-of-00001.parquet": NLI,
    "deepvk/ru-WANLI/data/train.parquet": {**NLI, "label": "string"},
    "deepvk/ru-HNP/train.parquet": {"query": "string", "pos": "list<element: string>", "neg": "list<element: string>"},
    "Helsinki-NLP/opus-100/en-ru/train-00000-of-00001.parquet": {"translation": "struct<en: string, ru: string>"},
    "sentence-transformers/parallel-sentences-talks/en-ru/train-00000-of-00001.parquet": {
        "english": "string", "non_english": "string",
    },
    "maveriq/medi/data/train-00000-of-00001.parquet": {
        **dict.fromkeys(("query", "pos", "neg"), "list<element: string>"), "task_name": "string",
    },
    "sentence-transformers/miracl/ru-triplet-100/train-00000-of-00001.parquet": TRIPLET,
    "sentence-transformers/miracl/en-triplet-100/train-00000-of-00001.parquet": TRIPLET,
    "sentence-transformers/mr-tydi/ru-triplet-100/train-00000-of-00001.parquet": TRIPLET,
    "sentence-transformers/mr-tydi/en-triplet-100/train-00000-of-00001.parquet": TRIPLET,
}  # fmt: skip
OMNIA = "dummy/wikiomnia_ruT5_filtered/wikiomnia_ruT5_filtered_train.json"
JSONL = {
    "intfloat/query2doc_msmarco/train.jsonl": {"query_id": str, "query": str, "pseudo_doc": str},
    "timoschick/dino/sts-dino-x1x2-postprocessed.jsonl": {"text_a": str, "text_b": str, "label": float},
    "its5Q/habr_qna/questions.jsonl.zst": {
        "id": int, "author": str, "title": str, "description": (str, type(None)), "tags": list,
        "posted_at": (str, type(None)), "view_count": int, "subscribers_count": int, "complexity": str,
        "complexity_votes": int, "comments": list, "answers": list,
    },
}  # fmt: skip


@pytest.mark.parametrize("path", PARQUET)
def test_parquet_has_the_columns_and_types_of_the_real_set(hub: Path, path: str) -> None:
    """Names, order and types, and at least half of the asked rows."""
    schema = pq.read_schema(hub / "datasets" / path)
    assert {field.name: str(field.type) for field in schema} == PARQUET[path]
    assert schema.names == list(PARQUET[path])
    assert pq.read_metadata(hub / "datasets" / path).num_rows >= ROWS // 2


@pytest.mark.parametrize("path", JSONL)
def test_json_lines_have_the_fields_and_types_of_the_real_set(hub: Path, path: str) -> None:
    """Every row has every field and no other."""
    rows = lines(hub / "datasets" / path)
    assert len(rows) >= ROWS
    for row in rows:
        assert row.keys() == JSONL[path].keys()
        assert all(isinstance(row[name], kind) for name, kind in JSONL[path].items())


def test_datasets_reads_labels_and_translations_with_their_types(hub: Path) -> None:
    """`datasets` finds its own features in the files: class names of XNLI, languages of OPUS-100."""
    from datasets import Features

    def features(path: str) -> Features:
        return Features.from_arrow_schema(pq.read_schema(hub / "datasets" / path))

    xnli = features("facebook/xnli/ru/train-00000-of-00001.parquet")
    assert xnli["label"].names == ["entailment", "neutral", "contradiction"]
    opus = features("Helsinki-NLP/opus-100/en-ru/train-00000-of-00001.parquet")
    assert opus["translation"].languages == ["en", "ru"]


def test_splits_beyond_train_hold_other_rows(hub: Path) -> None:
    """Whoever reads more than the training split is found out: its rows are in none of the others."""
    for id in (
        "kuznetsoffandrey/sberquad",
        "facebook/xnli",
        "deepvk/ru-WANLI",
        "deepvk/ru-HNP",
        "Helsinki-NLP/opus-100",
    ):
        folder = hub / "datasets" / id
        train, rest = set(), set()
        for path in sorted(folder.rglob("*.parquet")):
            columns = [name for name in pq.read_schema(path).names if name not in ("id", "answers")]
            keys = {json.dumps(row, ensure_ascii=False) for row in pq.read_table(path, columns=columns).to_pylist()}
            (train if path.name.startswith("train") else rest).update(keys)
        assert train, id
        assert rest, id
        assert not train & rest, id


def test_dirt_is_there(hub: Path) -> None:
    """The flaws of the real sets that adapters and cleaning have to survive."""
    folder = hub / "datasets"
    read = {path: pq.read_table(folder / path).to_pylist() for path in PARQUET}
    assert any(row["label"] == -1 for row in read["facebook/xnli/ru/train-00000-of-00001.parquet"])
    assert any(row["label"] == "-" for row in read["deepvk/ru-WANLI/data/train.parquet"])
    quad = read["kuznetsoffandrey/sberquad/sberquad/train-00000-of-00001.parquet"]
    assert any(row["question"] is None for row in quad)
    assert any(row["context"] and not row["context"].strip() for row in quad)
    omnia = [json.dumps(row) for row in json.loads((folder / "RussianNLP/wikiomnia" / OMNIA).read_text())]
    assert {tuple(json.loads(row)) for row in omnia} == {
        ("title", "categories", "summary", "question", "answer", "batch_id")
    }
    assert len(set(omnia)) < len(omnia)
    medi = read["maveriq/medi/data/train-00000-of-00001.parquet"]
    assert {len(row["query"]) for row in medi} == {1, 2}
    assert len({row["task_name"] for row in medi}) > 6
    assert any(not row["pos"] for row in read["deepvk/ru-HNP/train.parquet"])
    habr = lines(folder / "its5Q/habr_qna/questions.jsonl.zst")
    assert any(not row["answers"] for row in habr)
    assert any(row["description"] is None for row in habr)
    assert any("<code>" in (row["description"] or "") for row in habr)
    assert {row["label"] for row in lines(folder / "timoschick/dino/sts-dino-x1x2-postprocessed.jsonl")} == {
        0.0,
        0.1,
        0.5,
        0.9,
    }


def test_answers_of_sberquad_are_where_they_say(hub: Path) -> None:
    """An answer starts in its context at the given character; the answers of test are empty."""
    folder = hub / "datasets/kuznetsoffandrey/sberquad/sberquad"
    for row in pq.read_table(folder / "train-00000-of-00001.parquet").to_pylist():
        if row["context"].strip():
            (text,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
            assert row["context"][start : start + len(text)] == text
    assert {row["answers"]["text"][0] for row in pq.read_table(folder / "test-00000-of-00001.parquet").to_pylist()} == {
        ""
    }


def test_negatives_of_triplets_do_not_answer(hub: Path) -> None:
    """None of the hundred is the positive, and the first are on the same kind of thing."""
    for row in pq.read_table(
        hub / "datasets/sentence-transformers/miracl/ru-triplet-100/train-00000-of-00001.parquet"
    ).to_pylist():
        negatives = [row[f"negative_{place}"] for place in range(1, 101)]
        assert all(negatives)
        assert row["positive"] not in negatives
        assert len(set(negatives)) == 100
