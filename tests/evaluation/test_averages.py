"""Scores in words: every task's, and the averages where there are any."""

from __future__ import annotations

from rosberta.evaluation.averages import in_words, summarise


def _score(category: str, score: float | None) -> dict[str, object]:
    return {"category": category, "score": score, "prefix": ""}


def test_every_score_is_said() -> None:
    """Of some tasks there is no average, and the line says so rather than that it is undefined."""
    scores = {"A": _score("STS", 60.0), "Mine": _score("STS", 1.0), "B": _score("Retrieval", None)}
    assert list(in_words(summarise(scores, {"Mine"}, {"v1": ("A", "B", "C")}))) == [
        "A 60.00",
        "B not defined",
        "Mine 1.00",
        "no averages: 2 tasks are no version of ruMTEB as a whole",
    ]
    (*_, last) = in_words(
        summarise({"A": _score("STS", 60.0), "B": _score("Retrieval", 20.0)}, set(), {"v1": ("A", "B")})
    )
    assert last == "task mean 40.00, category mean 40.00 of v1"
    assert list(in_words(summarise({"Mine": _score("STS", 1.0)}, {"Mine"}, {"v1": ("A",)}))) == ["Mine 1.00"]
