"""An artifact is written whole or not at all, and equal content is equal bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosberta.frame.files import canonical, digest, files_of, read_json, whole, write_json
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.rows import read_counts, read_rows, write_rows

ROW = {
    "anchor": "где стоит мост",
    "positive": "Мост стоит у рынка.",
    "negatives": ["Рынок закрыт."],
    "positives": ["На рынке открыто."],
    "task": "retrieval",
    "prefix": "search",
    "language": "ru",
    "source": "own",
    "group": "basic_russian",
    "id": "own:0",
}


@pytest.mark.parametrize("folder", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, folder: bool) -> None:
    """Guarantee 4: an error while writing changes nothing, and leaves no part behind."""
    path = tmp_path / "artifact"
    with whole(path) as part:
        (part.mkdir(), (part / "a").write_text("old")) if folder else part.write_text("old")
    with pytest.raises(RuntimeError), whole(path) as part:
        (part.mkdir(), (part / "a").write_text("new")) if folder else part.write_text("new")
        raise RuntimeError
    assert (path / "a" if folder else path).read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_not_merged(tmp_path: Path) -> None:
    """Nothing of an older artifact lingers in a newer one."""
    for name in ("a", "b"):
        with whole(tmp_path / "artifact") as part:
            part.mkdir()
            (part / name).touch()
    assert [file.name for file in files_of(tmp_path / "artifact")] == ["b"]


def test_rows_and_counts_come_back(tmp_path: Path) -> None:
    """Rows with their counts in one file; the same rows give the same bytes."""
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    for path in (one, two):
        write_rows(path, [ROW], {"read": 2, "kept": 1, "dropped": {"empty text": 1}})
    assert read_rows(one).to_pylist() == [ROW]
    assert read_counts(one) == {"read": 2, "kept": 1, "dropped": {"empty text": 1}}
    assert one.read_bytes() == two.read_bytes()


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_canonical_json_does_not_depend_on_order(value: object) -> None:
    """A mapping written in any order is one text."""
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(value) == canonical(turned)


def test_a_digest_is_of_content_and_names(tmp_path: Path) -> None:
    """Renaming or changing a file changes it; what Snakemake drops into a folder does not."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = digest(folder)
    (folder / ".snakemake_timestamp").touch()
    assert digest(folder) == first
    (folder / "a").rename(folder / "b")
    assert digest(folder) != first


def test_a_missing_or_damaged_artifact_is_named(tmp_path: Path) -> None:
    """Guarantee 5: which file, and what to do."""
    for read in (read_json, read_rows, read_counts):
        with pytest.raises(Mistake, match=r"absent: missing; run the stage that writes it"):
            read(tmp_path / "absent")
    damaged = tmp_path / "damaged"
    damaged.write_text("{")
    with pytest.raises(Mistake, match="damaged: not readable as JSON"):
        read_json(damaged)
    with pytest.raises(Mistake, match="damaged: not readable as parquet"):
        read_rows(damaged)


def test_the_nearest_name_is_offered() -> None:
    """Or what is known, where none is near."""
    assert nearest("sberqad", ["sberquad", "ted"]) == '; did you mean "sberquad"?'
    assert nearest("xyz", ["ted", "opus"]) == "; known: opus, ted"
    assert nearest("xyz", []) == "; none is defined"


def test_json_is_written_whole(tmp_path: Path) -> None:
    """A value that cannot be written leaves no file."""
    with pytest.raises(TypeError):
        write_json(tmp_path / "value.json", {"x": object()})
    assert list(tmp_path.iterdir()) == []
