"""Adapters at work on rows, and one usable row of the true shape for each adapter."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rosberta.corpus import adapters
from rosberta.corpus.adapters import Drop, Example

Row = dict[str, Any]

ANSWERS = [{"id": "9", "text_plain": "Затем.", "votes": 3}, {"id": "8", "text_plain": "Потому.", "votes": 5}]

SHAPES: dict[str, tuple[Row, Row]] = {
    "pairs": ({"anchor": "вопрос", "positive": "ответ"}, {}),
    "sberquad": ({"question": "Когда открыли мост?", "context": "Мост открыли в 1911 году."}, {}),
    "query2doc": ({"query": "how deep is a lake", "pseudo_doc": "A lake may be deep."}, {}),
    "wikiomnia": ({"question": "Где лежит озеро?", "summary": "Озеро лежит в горах."}, {}),
    "nli": ({"premise": "Все билеты проданы.", "hypothesis": "Билетов нет.", "label": 0}, {}),
    "labelled_pairs": ({"sentence1": "Кот спит.", "sentence2": "Спит кот.", "label": 1}, {}),
    "scored_pairs": ({"sentence1": "Кот спит.", "sentence2": "Спит кот.", "score": 4.8}, {"at_least": 4.0}),
    "dino_sts": ({"text_a": "A dog sleeps.", "text_b": "The dog is resting.", "label": 0.9}, {}),
    "translation": ({"translation": {"en": "The door is open.", "ru": "Дверь открыта."}}, {}),
    "medi": (
        {"query": ["Find: ", "how tall"], "pos": ["Doc: ", "90 m"], "neg": ["Doc: ", "May"], "task_name": "qa"},
        {"task_name": "qa"},
    ),
    "triplets": ({"anchor": "кто", "positive": "он", "negative_1": "дом", "negative_2": "лес"}, {}),
    "ru_hnp": ({"query": "Река течёт.", "pos": ["Течёт река."], "neg": ["Река стоит."]}, {}),
    "paraphrases": ({"paraphrases": ["Идёт дождь.", "Льёт дождь."], "distractors": ["Идёт снег."]}, {}),
    "judged_passages": (
        {
            "query": "кто построил мост",
            "positive_passages": [{"docid": "7#0", "title": "Мост", "text": "Мост построил Н."}],
            "negative_passages": [{"docid": "8#1", "title": "Река", "text": "Река течёт."}],
        },
        {},
    ),
    "paragraphs": ({"docid": "7#0", "title": "Мост", "text": "Мост стоит."}, {}),
    "texts": ({"text": "Мост соединяет берега."}, {}),
    "habr_qna": (
        {
            "title": "Как открыть порт?",
            "description": "<p>На сервере</p>",
            "answers": [{"body": "<p>ufw allow</p>", "accepted": True, "upvote_count": 4}],
            "view_count": 3,
        },
        {"pair": "answer", "min_views": 1},
    ),
    "ru_stackoverflow": (
        {
            "title": "Ошибка в цикле",
            "text_markdown": "Вот код.",
            "answers": [{"text_markdown": "Добавьте отступ.", "is_accepted": 1, "score": 3}],
            "views": 9,
            "score": 2,
        },
        {"pair": "answer", "min_views": 1, "min_score": 1},
    ),
    "yandex_q_full": (
        {"title": "Зачем?", "text_plain": "", "approved_answer": "9", "answers": ANSWERS, "views": 9, "votes": 2},
        {"pair": "answer", "min_views": 1, "min_score": 1},
    ),
}
"""By adapter, a row and the options that it needs."""


def adapted(name: str, raw: list[Row], seed: int = 0, **given: Any) -> list[Example | Drop]:
    return list(adapters.adapter(name).rows(raw, adapters.options(name, given), seed))


def examples(outcomes: list[Example | Drop]) -> list[Example]:
    return [outcome for outcome in outcomes if isinstance(outcome, Example)]


def reasons(outcomes: list[Example | Drop]) -> Counter[str]:
    return Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Drop))


def pairs_of(outcomes: list[Example | Drop]) -> list[tuple[str, str | None]]:
    return [(example.anchor, example.positive) for example in examples(outcomes)]
