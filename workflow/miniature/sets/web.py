"""Training sources from the web: forums, blogs, news, paraphrases and translations mined from it; and single texts.

Each has the columns of the real set and its dirt: missing texts and numbers, several languages, repeated rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import pyarrow as pa

from miniature.sets.questions import asked
from miniature.sets.raw_files import INT, STRING, Files, Row, scattered, table
from miniature.sets.sentences import LEADS, bitexts
from miniature.world import genres, texts
from miniature.world.world import Entity, Text, World


def ru_stackoverflow(world: World, rows: int) -> Files:
    """Stack Overflow in Russian as its dump: Markdown, answers as a list.

    Dirt: no answers, an empty title, a question voted down, a repeated row.
    """
    made: list[Row] = []
    for index in range(rows):
        advice = genres.advice(world, "train", index + 2000)
        answers = [
            (2 * index, index % 3 == 0, advice.answer.ru, index % 7),
            (2 * index + 1, False, advice.beside.ru, -1),
        ]
        made.append(_stack_row(index, advice.title.ru, f"{advice.body.ru}\n\n    status --all\n", advice.tag, answers))
    dirt = [
        {**made[0], "answers": _answers([])}, {**made[1], "title": ""}, {**made[2], "score": -4}, made[3],
        {**made[5], "text_markdown": None},
    ]  # fmt: skip
    return {"ru_stackoverflow.jsonl.zst": scattered(made, dirt, world.random("ru_stackoverflow"))}


def _stack_row(index: int, title: str, body: str, tag: str, answers: list[tuple[int, bool, str, int]]) -> Row:
    return {
        "question_id": 700000 + index, "title": title, "text_markdown": body, "text_html": f"<p>{body}</p>",
        "score": index % 9, "views": 40 * (index % 50) + 5, "tags": [tag], "author": f"user{index % 31}",
        "timestamp": 1400000000 + index, "answers": _answers(answers),
    }  # fmt: skip


def _answers(answers: list[tuple[int, bool, str, int]]) -> list[Row]:
    return [
        {"answer_id": id, "is_accepted": int(accepted), "text_markdown": body, "score": score, "author": "user1"}
        for id, accepted, body, score in answers
    ]


def yandex_q_full(world: World, rows: int) -> Files:
    """Questions on the things of the world with several answers, one of them approved, as Yandex Q.

    Dirt: no body, no answers, an empty title, votes that are missing, a repeated row.
    """
    made: list[Row] = []
    for index, (question, passage) in enumerate(islice(asked(world, "yandex_q", variant=17), rows)):
        other = texts.passage(world, question.fact.subject, 30)
        answers = [
            {"id": f"{index}a", "text_plain": other.ru, "votes": index % 5, "author": "a"},
            {
                "id": f"{index}b",
                "text_plain": f"{texts.statement(question.fact).ru} {passage.ru}",
                "votes": 3,
                "author": "b",
            },
        ]
        made.append({
            "id": str(index), "id2": f"q{index}", "title": question.ru,
            "text_plain": f"Давно интересует этот вопрос. {texts.title(question.fact.subject).ru} в справочнике есть.",
            "author": "c", "negative_votes": index % 2, "positive_votes": index % 6, "votes": index % 6 - index % 2,
            "quality": index % 3, "views": 20 * (index % 60) + 1, "approved_answer": f"{index}b" if index % 3 else None,
            "timestamp": 1500000000 + index, "tags": ["справочник"], "answers": answers,
        })  # fmt: skip
    dirt = [
        {**made[0], "text_plain": ""}, {**made[1], "answers": []}, {**made[2], "title": "  "},
        {**made[4], "views": None, "votes": None}, made[5],
    ]  # fmt: skip
    return {"yandex_q.jsonl.zst": scattered(made, dirt, world.random("yandex_q_full"))}


def yandex_q(world: World, rows: int) -> Files:
    """Questions with an answer each, in gzip, as the smaller set of Yandex Q. Dirt: no answer, no question."""
    made: list[Row] = [
        {"question": question.ru, "description": None if place % 2 else "Кто знает?", "answer": passage.ru}
        for place, (question, passage) in enumerate(islice(asked(world, "yandex_q_small", variant=23), rows))
    ]
    dirt = [{**made[0], "answer": None}, {**made[1], "question": ""}]
    return {"answers.jsonl.gz": scattered(made, dirt, world.random("yandex_q"))}


def pikabu(world: World, rows: int) -> Files:
    """Posts with ratings, in several packed files, as Pikabu. Dirt: no text, low ratings, none, a repeated row."""
    made: list[Row] = []
    for index in range(rows):
        review = genres.review(world, "train", "film", index + 900)
        title = f"{review.category}: мнение после просмотра номер {index + 1}"
        made.append({
            "id": index, "title": title, "text_markdown": review.ru, "timestamp": 1600000000 + index, "author_id": 5,
            "username": f"user{index % 17}", "rating": 8 * (index % 40) - 20, "pluses": 9, "minuses": 1, "url": "",
            "tags": ["кино"], "comments": [] if index % 3 else [{"id": 1, "text_markdown": "Согласен.", "rating": 2}],
        })  # fmt: skip
    dirt = [{**made[9], "text_markdown": ""}, {**made[10], "rating": None}, made[11], {**made[12], "title": None}]
    whole = scattered(made, dirt, world.random("pikabu"))
    return {f"{part:02d}.jsonl.zst": whole[part::3] for part in range(3)}


def habr(world: World, rows: int) -> Files:
    """Articles with a lead, in Russian and English, as Habr. Dirt: no lead, few votes, a repeated row."""
    made: list[Row] = []
    for index in range(rows):
        paper = genres.abstract(world, "train", index + 700)
        language = "en" if index % 6 == 5 else "ru"
        body = getattr(paper.body, language)
        made.append({
            "id": index, "language": language, "url": "", "title": getattr(paper.title, language),
            "lead_markdown": body, "text_markdown": f"{body}\n\n{body}", "hubs": ["science"],
            "statistics": {"score": index % 30, "votesCount": 40}, "tags": ["наука"], "time_published": 1500000000,
        })  # fmt: skip
    dirt = [{**made[0], "lead_markdown": ""}, made[14], {**made[15], "statistics": {"score": None, "votesCount": 0}}]
    return {"habr.jsonl.zst": scattered(made, dirt, world.random("habr"))}


def news(world: World, rows: int, source: str, files: str, names: tuple[str, str], more: Callable[[int], Row]) -> Files:
    """News with title and text under names of the set's own, and further columns. Dirt: no text, a repeated row."""
    start = world.random("news", source).randrange(400, 3000)
    made: list[Row] = []
    for index in range(rows):
        item = genres.news(world, "train", start + index)
        made.append({names[0]: item.headline.ru, names[1]: item.body.ru, **more(index)})
    content = scattered(made, [{**made[0], names[1]: ""}, made[1], {**made[2], names[0]: None}], world.random(source))
    if files.endswith(".parquet"):
        columns = {name: INT if isinstance(value, int) else STRING for name, value in made[0].items()}
        return {files: table(content, columns)}
    return {files: content}


def _dated(index: int) -> Row:
    return {"url": f"http://example.org/{index}", "source": "news", "timestamp": 1300000000 + index}


def _gazeta(index: int) -> Row:
    return {"date": "2020-01-02 10:00:00", "url": f"http://example.org/g{index}", "summary": "Коротко о главном."}


def paraphrase_leipzig(world: World, rows: int) -> Files:
    """Sentences and their paraphrases by two translations, with the likelihood that they are good, as CSV.

    Dirt: a poor paraphrase, an empty one, a likelihood that is missing, a repeated row.
    """
    made: list[Row] = []
    facts = world.facts("train")
    for index in range(rows):
        fact = facts[(3 * index + 1) % len(facts)]
        said = texts.clause(fact, index + 1).ru
        made.append({
            "idx": index, "original": texts.statement(fact, index).ru, "en": texts.statement(fact, index).en,
            "ru": LEADS[index % len(LEADS)].format(said).capitalize() + ".", "chrf_sim": 0.5, "labse_sim": 0.9,
            "forward_entailment": 0.9, "backward_entailment": 0.8, "p_good": round(0.5 + index % 50 / 100, 2),
        })  # fmt: skip
    dirt = [{**made[0], "p_good": 0.02}, {**made[1], "ru": ""}, {**made[2], "p_good": ""}, made[3]]
    return {"train.csv": scattered(made, dirt, world.random("leipzig")), "val.csv": made[: rows // 10]}


def paraphrases(world: World, rows: int) -> Files:
    """Groups of paraphrases with distractors. Dirt: a group of one, an empty text, a repeated group."""
    made: list[Row] = []
    facts = world.facts("train")
    for index in range(rows // 2):
        fact = facts[(7 * index + 2) % len(facts)]
        same = [texts.question(fact, variant).ru for variant in range(2)]
        same.append("Подскажите, " + same[0][0].lower() + same[0][1:])
        made.append({
            "paraphrases": list(dict.fromkeys(same)),
            "distractors": [texts.contradicted(world, fact, index).ru, texts.neutral(world, fact, index).ru],
        })  # fmt: skip
    dirt: list[Row] = [{"paraphrases": made[0]["paraphrases"][:1], "distractors": []}, made[1]]
    dirt.append({**made[2], "paraphrases": ["", *made[2]["paraphrases"]]})
    content = scattered(made, dirt, world.random("paraphrases"))
    return {
        "default/train/0000.parquet": table(content, dict.fromkeys(("paraphrases", "distractors"), pa.list_(STRING)))
    }


def news_commentary(world: World, rows: int) -> Files:
    """Commentary in English and Russian, as News Commentary. Dirt: None, sides that are no translations."""
    made: list[Row] = [
        {"id": str(place), "translation": {"en": text.en, "ru": text.ru}}
        for place, text in enumerate(bitexts(world, "news_commentary", rows))
    ]
    dirt: list[Row] = [
        {"id": "a", "translation": {"en": made[0]["translation"]["en"], "ru": None}},
        {"id": "b", "translation": {"en": made[1]["translation"]["en"], "ru": made[2]["translation"]["ru"]}},
    ]
    columns = {"id": STRING, "translation": pa.struct({"en": STRING, "ru": STRING})}
    content = scattered(made, dirt, world.random("news_commentary"))
    return {"en-ru/train-00000-of-00001.parquet": table(content, columns)}


def wikimatrix(world: World, rows: int) -> Files:
    """Sentences mined from two Wikipedias, as WikiMatrix: some of them only alike. Dirt: None, a repeated row."""
    made: list[Row] = [{"english": text.en, "non_english": text.ru} for text in bitexts(world, "wikimatrix", rows)]
    dirt: list[Row] = [{**made[0], "non_english": None}, made[1]]
    dirt += [{**made[place], "english": made[place + 1]["english"]} for place in range(2, 8)]
    content = scattered(made, dirt, world.random("wikimatrix"))
    return {"en-ru/train-00000-of-00001.parquet": table(content, {"english": STRING, "non_english": STRING})}


def mrtydi_raw(world: World, rows: int) -> Files:
    """Mr. TyDi as its authors publish it: queries with lists of judged passages. Dirt: no positive, an empty query."""
    made: list[Row] = []
    for index, (question, passage) in enumerate(islice(asked(world, "mrtydi_raw", variant=27), rows // 2)):
        others = [texts.passage(world, entity, 4) for entity in world.entities("train")[index % 40 :: 60]]
        made.append({
            "query_id": str(index), "query": question.ru,
            "positive_passages": [_passage(passage.title.ru, passage.ru, 0)],
            "negative_passages": [_passage(other.title.ru, other.ru, 1 + n) for n, other in enumerate(others)],
        })  # fmt: skip
    dirt: list[Row] = [{**made[0], "positive_passages": []}, {**made[1], "query": ""}]
    return {"mrtydi-v1.1-russian/train.jsonl.gz": scattered(made, dirt, world.random("mrtydi_raw"))}


def _passage(title: str, text: str, number: int) -> Row:
    return {"docid": f"{number}#0", "title": title, "text": text}


def single(world: World, rows: int, source: str, files: str, languages: tuple[str, ...] = ("ru",)) -> Files:
    """Articles of several paragraphs, a file a language, as the sets of text that is modelled.

    `files` has ``{}`` where the language stands. Dirt: an empty text, a repeated one.
    """
    found: Files = {}
    for language in languages:
        made: list[Row] = [
            {
                "id": str(place),
                "url": "",
                "title": getattr(texts.title(entity), language),
                "text": _article(world, entity, language),
            }
            for place, entity in enumerate(islice(_wandering(world, source), rows // 2))
        ]
        content = scattered(made, [{**made[0], "text": ""}, made[1]], world.random(source, language))
        path = files.format(language)
        columns = dict.fromkeys(("id", "url", "title", "text"), STRING)
        found[path] = table(content, columns) if path.endswith(".parquet") else content
    return found


def _article(world: World, entity: Entity, language: str) -> str:
    told: list[Text] = [Text(each.ru, each.en) for each in (texts.passage(world, entity, 60 + n) for n in range(3))]
    return "\n\n".join(getattr(each, language) for each in told)


def _wandering(world: World, source: str) -> Iterator[Entity]:
    entities = list(world.entities("train"))
    world.random("order", source).shuffle(entities)
    while True:
        yield from entities


DATASETS: dict[str, Callable[[World, int], Files]] = {
    "CarlBrendt/Summ_Dialog_News": partial(
        news,
        source="summ_dialog",
        files="data/train-00000-of-00001.parquet",
        names=("summary", "info"),
        more=lambda _: {},
    ),
    "Helsinki-NLP/news_commentary": news_commentary,
    "HuggingFaceFW/fineweb": partial(
        single, source="fineweb", files="sample/10BT/000_00000.parquet", languages=("en",)
    ),
    "HuggingFaceFW/fineweb-2": partial(single, source="fineweb2", files="data/rus_Cyrl/train/000_00000.parquet"),
    "IlyaGusev/gazeta": partial(
        news, source="gazeta", files="gazeta_train.jsonl", names=("title", "text"), more=_gazeta
    ),
    "IlyaGusev/habr": habr,
    "IlyaGusev/pikabu": pikabu,
    "IlyaGusev/ru_news": partial(
        news, source="ru_news", files="ru_news.jsonl.zst", names=("title", "text"), more=_dated
    ),
    "IlyaGusev/ru_stackoverflow": ru_stackoverflow,
    "IlyaGusev/yandex_q_full": yandex_q_full,
    "allenai/c4": partial(
        single, source="c4", files="multilingual/c4-{}.tfrecord-00000-of-00001.json.gz", languages=("ru", "en")
    ),
    "castorini/mr-tydi": mrtydi_raw,
    "cointegrated/ru-paraphrase-NMT-Leipzig": paraphrase_leipzig,
    "deepvk/cultura_ru_edu": partial(single, source="cultura", files="data/train-00000-of-00001.parquet"),
    "inkoziev/paraphrases": paraphrases,
    "its5Q/yandex-q": yandex_q,
    "sentence-transformers/parallel-sentences-wikimatrix": wikimatrix,
    "wikimedia/wikipedia": partial(
        single, source="wikipedia", files="20231101.{}/train-00000-of-00001.parquet", languages=("ru", "en")
    ),
    "zloelias/lenta-ru": partial(
        news,
        source="lenta",
        files="data/train-00000-of-00001.parquet",
        names=("title", "text"),
        more=lambda index: {"topic": ("Экономика", "Спорт", "Наука")[index % 3]},
    ),
}
"""What makes the files of each set."""
