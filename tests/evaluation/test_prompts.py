"""Prefixes: the exact strings, and the table of ruMTEB."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from rosberta.evaluation import prompts as prompt_tables
from rosberta.evaluation.own_prompts import own_prompts
from rosberta.frame.mistakes import Mistake
from rosberta.texts import prefixes
from support.rumteb import SEARCH, TABLE


def own(category: str, prefix: str | None) -> SimpleNamespace:
    return SimpleNamespace(category=category, prefix=prefix)


def test_the_four_prefixes_end_in_a_space():
    """The strings are the model card's, trailing space included; without it other tokens are read."""
    strings = {string for prefix in prefixes.PREFIXES.values() for string in prefix}
    assert strings == {"search_query: ", "search_document: ", "classification: ", "clustering: "}


@pytest.mark.parametrize("prefix", TABLE)
def test_symmetric_tasks_take_the_published_prefix(prefix: str):
    """Every symmetric task of ruMTEB takes the prefix that the paper's Table 7 gives it."""
    prompts = prompt_tables.model_prompts("rosberta")
    for task, category in TABLE[prefix].items():
        assert prompt_tables.prompt_of(prompts, task, category) == prefix, task


def test_search_tasks_take_two_prefixes():
    """Retrieval and reranking, those of v1.1 included, take one prefix for queries and another for documents."""
    prompts = prompt_tables.model_prompts("rosberta")
    for task, category in SEARCH.items():
        assert prompt_tables.prompt_of(prompts, task, category, "query") == "search_query: ", task
        assert prompt_tables.prompt_of(prompts, task, category, "document") == "search_document: ", task


def test_table_agrees_with_mteb():
    """For every task of both Russian benchmarks, mteb's registered prompts and ours resolve to the same string."""
    import mteb
    from mteb.models.abs_encoder import get_prompt
    from mteb.models.model_implementations.ru_sentence_models import rosberta_prompts
    from mteb.types import PromptType

    ours = prompt_tables.model_prompts("rosberta")
    tasks = {
        t.metadata.name: t for name in ("MTEB(rus, v1)", "MTEB(rus, v1.1)") for t in mteb.get_benchmark(name).tasks
    }
    assert len(tasks) == 25
    for name, task in tasks.items():
        search = task.metadata.type in {"Retrieval", "Reranking"}
        for side in (PromptType.query, PromptType.document) if search else (None,):
            theirs = get_prompt(rosberta_prompts, task.metadata, side)
            assert get_prompt(ours, task.metadata, side) == theirs, (name, side)
            assert prompt_tables.prompt_of(ours, name, task.metadata.type, side and side.value) == theirs, (
                name,
                side,
            )


def test_e5_and_none():
    """multilingual-e5 reads "query: " before everything but documents; "none" has no prompts at all."""
    e5 = prompt_tables.model_prompts("e5")
    assert prompt_tables.prompt_of(e5, "TERRa", "PairClassification") == "query: "
    assert prompt_tables.prompt_of(e5, "RuBQReranking", "Reranking", "query") == "query: "
    assert prompt_tables.prompt_of(e5, "RuBQReranking", "Reranking", "document") == "passage: "
    assert prompt_tables.model_prompts("none") == {}


def test_own_tasks_keep_their_own_prefix():
    """One's own task takes the prefix that it names, or else that of its category, on both sides where it has two."""
    tasks = {
        "Titles": own("Retrieval", "clustering"),
        "Faq": own("Reranking", None),
        "Topics": own("Classification", "clustering"),
        "Moods": own("Classification", None),
        "TERRa": own(None, None),
    }
    prompts = prompt_tables.model_prompts("rosberta", tasks)
    assert prompt_tables.prompt_of(prompts, "Titles", "Retrieval", "document") == "clustering: "
    assert prompt_tables.prompt_of(prompts, "Titles", "Retrieval", "query") == "clustering: "
    assert prompt_tables.prompt_of(prompts, "Faq", "Reranking", "document") == "search_document: "
    assert prompt_tables.prompt_of(prompts, "Topics", "Classification") == "clustering: "
    assert prompt_tables.prompt_of(prompts, "Moods", "Classification") == "classification: "


def test_mistakes_name_what_is_wrong():
    """A prefix that does not exist, or that does not fit its task, and an unknown family are refused by name."""
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.Moods.*'serach'.*\"search\""):
        prompt_tables.model_prompts("rosberta", {"Moods": own("Retrieval", "serach")})
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.Moods.*two sides"):
        prompt_tables.model_prompts("rosberta", {"Moods": own("Classification", "search")})
    with pytest.raises(Mistake, match="rosbreta"):
        prompt_tables.model_prompts("rosbreta")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["[]", '{"prompts": ["q: "]}', '{"prompts": {"query": 1}}', '{"prompts": {"que', "null"]
)
def test_prompts_that_are_none_are_one_line(text: str, tmp_path: Path) -> None:
    """And what to do is said of the model: no stage wrote it."""
    (tmp_path / "config_sentence_transformers.json").write_text(text)
    with pytest.raises(Mistake, match=r"config_sentence_transformers\.json: not an object .*; fetch it again, or save"):
        own_prompts(tmp_path, ["TERRa"])
