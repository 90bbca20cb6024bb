"""The miniature hub: equal bytes for equal seeds, real schemas, correct Russian, consistent facts, models that load."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import miniature
import pyarrow.parquet as pq
import pytest
from miniature import benchmark, models, sets
from miniature.language import grammar, lexicon
from miniature.language.grammar import adjective, agreeing, counted, english, russian
from miniature.sets.planted import planted
from miniature.world import genres, texts
from miniature.world.world import KINDS, POOLS, World

SEED, ROWS = 7, 48
BASE, DONOR, TEACHER = "ai-forever/ruRoberta-large", "FacebookAI/roberta-large", "intfloat/multilingual-e5-small"
BUILD = """
import sys
from pathlib import Path
import miniature
from miniature import benchmark, models, sources
miniature.build(Path(sys.argv[1]), [*sources.IDS, *benchmark.IDS], models.IDS, int(sys.argv[2]), 48)
"""


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole miniature, built in this process."""
    folder = tmp_path_factory.mktemp("miniature")
    miniature.build(folder, [*sets.IDS, *benchmark.IDS], models.IDS, SEED, ROWS)
    return folder


def built_elsewhere(folder: Path, seed: int) -> Path:
    """The whole miniature, built in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1), "TOKENIZERS_PARALLELISM": "true"}
    subprocess.run([sys.executable, "-c", BUILD, str(folder), str(seed)], check=True, env=environment)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def lines(path: Path) -> list[dict]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return [json.loads(line) for line in data.decode().splitlines()]


def strings(value: object) -> Iterator[str]:
    """All strings inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def all_text(folder: Path, ids: tuple[str, ...]) -> str:
    """All strings of data sets, one a line."""
    found: list[str] = []
    for id in ids:
        for path in sorted((folder / "datasets" / id).rglob("*")):
            if path.suffix == ".parquet":
                found.extend(strings(pq.read_table(path).to_pylist()))
            elif path.suffix in (".jsonl", ".zst"):
                found.extend(strings(lines(path)))
    return "\n".join(found)


# ---- bytes


def test_equal_seeds_give_equal_bytes_in_every_process(hub: Path, tmp_path: Path) -> None:
    """A second process, with another hash seed and with tokenizer threads allowed, writes the same bytes."""
    assert digests(built_elsewhere(tmp_path / "again", SEED)) == digests(hub)


def test_another_seed_gives_other_bytes(hub: Path, tmp_path: Path) -> None:
    """Every file of a training source, the weights and the tokenizers follow the seed."""
    other, ours = digests(built_elsewhere(tmp_path / "other", SEED + 1)), digests(hub)
    assert other.keys() == ours.keys()
    training = [name for name in ours if name.startswith(tuple(f"datasets/{id}/" for id in sets.IDS))]
    learnt = [name for name in ours if name.endswith(("model.safetensors", "tokenizer.json"))]
    assert len(learnt) == 8
    assert [name for name in training + learnt if other[name] == ours[name]] == []


def test_the_miniature_is_small(hub: Path) -> None:
    """A default of 320 rows stays far below fifteen megabytes; so does this one."""
    assert sum(path.stat().st_size for path in hub.rglob("*") if path.is_file()) < 6e6


def test_an_unknown_id_is_refused(tmp_path: Path) -> None:
    """Ids are checked before anything is written."""
    with pytest.raises(KeyError, match="deepvk/ru-HNPP"):
        miniature.build(tmp_path / "hub", ["deepvk/ru-HNPP"], [], SEED, ROWS)
    with pytest.raises(KeyError, match="google/bert"):
        miniature.build(tmp_path / "hub", ["deepvk/ru-HNP"], ["google/bert"], SEED, ROWS)
    with pytest.raises(KeyError, match="x/y"):
        sets.write_dataset("x/y", tmp_path, SEED, ROWS)
    assert not (tmp_path / "hub").exists()


# ---- grammar


@pytest.mark.parametrize(("phrase", "forms"), [
    (lexicon.VALUES["animal"][0], "медведь медведя медведю медведя медведем медведе"),
    (lexicon.VALUES["animal"][1], "лев льва льву льва львом льве"),
    (lexicon.VALUES["pet"][7], "ёж ежа ежу ежа ежом еже"),
    (lexicon.VALUES["theme"][0], "любовь любови любови любовь любовью любови"),
    (lexicon.VALUES["industry"][0], "судостроение судостроения судостроению судостроение судостроением судостроении"),
    (lexicon.VALUES["month"][0], "январь января январю январь январём январе"),
    (lexicon.VALUES["art"][3], "танец танца танцу танец танцем танце"),
    (lexicon.VALUES["ingredient"][9], "индейка индейки индейке индейку индейкой индейке"),
    (lexicon.CLASSIFIERS["company"][0], "компания компании компании компанию компанией компании"),
    (lexicon.CLASSIFIERS["landmark"][2], "музей музея музею музей музеем музее"),
    (grammar.feminine("Ломша", ""), "Ломша Ломши Ломше Ломшу Ломшей Ломше"),
    (grammar.noun("улица", "f_c", ""), "улица улицы улице улицу улицей улице"),
])  # fmt: skip
def test_nouns_decline(phrase: grammar.Phrase, forms: str) -> None:
    """Six cases, fleeting vowels, animate accusatives, spelling after hushing and velar consonants."""
    assert phrase.forms == tuple(forms.split())


@pytest.mark.parametrize(("phrase", "forms"), [
    (lexicon.WATERS[0], "янтарное море,янтарного моря,янтарному морю,янтарное море,янтарным морем,янтарном море"),
    (lexicon.MOUNTAINS[0], "синие горы,синих гор,синим горам,синие горы,синими горами,синих горах"),
    (lexicon.COLOURS[1], "синий цвет,синего цвета,синему цвету,синий цвет,синим цветом,синем цвете"),
    (lexicon.KITS[6], "серая форма,серой формы,серой форме,серую форму,серой формой,серой форме"),
])  # fmt: skip
def test_adjectives_agree_in_every_case(phrase: grammar.Phrase, forms: str) -> None:
    """Hard, soft and plural adjectives with their nouns."""
    assert phrase.forms == tuple(forms.split(","))


def test_adjectives_by_stem() -> None:
    """Stems in velars and hushing consonants, stressed endings, animate accusatives."""
    assert adjective("варногорский", "m")[1:] == (
        "варногорского",
        "варногорскому",
        "варногорский",
        "варногорским",
        "варногорском",
    )
    assert adjective("свежий", "f") == ("свежая", "свежей", "свежей", "свежую", "свежей", "свежей")
    assert adjective("большой", "n")[0] == "большое"
    assert adjective("рыжий", "m", animate=True)[3] == "рыжего"


@pytest.mark.parametrize(("word", "forms"), [
    ("построил", "построил построила построило построили"), ("родился", "родился родилась родилось родились"),
    ("вышел", "вышел вышла вышло вышли"), ("прошёл", "прошёл прошла прошло прошли"),
    ("изображён", "изображён изображена изображено изображены"), ("открыт", "открыт открыта открыто открыты"),
    ("новый", "новый новая новое новые"),
])  # fmt: skip
def test_predicates_agree(word: str, forms: str) -> None:
    """Past tenses, reflexives, short participles, adjectives."""
    assert tuple(agreeing(word, gender) for gender in "mfnp") == tuple(forms.split())


@pytest.mark.parametrize(("number", "text"), [
    (21, "21 метр"), (2, "2 метра"), (54, "54 метра"), (11, "11 метров"), (112, "112 метров"), (40, "40 метров"),
])  # fmt: skip
def test_numbers_govern_their_nouns(number: int, text: str) -> None:
    """One, few, many; the teens are many."""
    assert counted(number, "метр", "метра", "метров", "metres").ru == text


def test_prepositions_change_before_hard_clusters() -> None:
    """В, о and с become во, об and со where they must; English a becomes an."""
    phrases = {"a": grammar.fixed("Острове", "apple"), "b": grammar.fixed("Вровне", "pear")}
    assert russian("о {a}, в {b}, о {b}, в {a}", **phrases) == "об Острове, во Вровне, о Вровне, в Острове"
    assert english("a {a} and a {b}", **phrases) == "an apple and a pear"


def test_past_tense_agrees_with_who_did_it(world: World) -> None:
    """In every statement of who founded a city the verb has the founder's gender."""
    for fact in world.facts("train", "founder"):
        ending = "основала" if fact.value.gender == "f" else "основал"
        assert texts.statement(fact, 0).ru.endswith(f"{ending} {fact.value.ru}.")


# ---- the world


def test_pools_name_different_things(world: World) -> None:
    """No name is in two pools, or twice in one."""
    names = [entity.name.ru for pool in POOLS for entity in world.entities(pool)]
    assert len(names) == len(set(names))
    assert len(world.entities("train")) > 400
    assert all(world.entities(pool, kind) for pool in POOLS for kind in KINDS)


def test_texts_depend_on_seed_and_index_alone() -> None:
    """The order in which texts are asked for is of no consequence."""
    one, two = World(3), World(3)
    first = [texts.inference(one, "test", index) for index in range(9)]
    second = [texts.inference(two, "test", index) for index in reversed(range(9))]
    assert [item.hypothesis for item in first] == [item.hypothesis for item in reversed(second)]
    assert texts.inference(World(4), "test", 0) != first[0]


def test_translations_refer_to_one_fact(world: World) -> None:
    """Both languages name the same subject and the same value, and no text is left in the other's alphabet."""
    for fact in world.facts("test"):
        for variant in range(3):
            text = texts.statement(fact, variant)
            assert fact.subject.name.en.lower() in text.en.lower()
            assert fact.value.en.lower() in text.en.lower()
            assert any(form.lower() in text.ru.lower() for form in fact.value.forms)
            assert any(form.lower() in text.ru.lower() for form in fact.subject.name.forms)
            assert not any("а" <= letter <= "я" for letter in text.en.lower())
            assert "{" not in text.ru + text.en


def test_inference_follows_from_the_facts(world: World) -> None:
    """What is entailed is true and never copied; what contradicts has the relation of a true fact and another value."""
    said = {texts.statement(fact, v).ru for fact in world.facts("train") for v in range(3)}
    for index in range(600):
        item = texts.inference(world, "train", index)
        fact = world.facts("train")[index // 3]
        assert item.label == index % 3
        assert (item.hypothesis.ru in said) == (item.label == texts.ENTAILMENT)
        assert item.hypothesis.ru not in item.premise.ru
        if item.label == texts.CONTRADICTION:
            values = lexicon.VALUES.get(fact.relation.values) or [
                entity.name for entity in world.entities("train", fact.relation.values[1:])
            ]
            possible = {
                russian(template, s=fact.subject.name, o=value).lower()
                for template in fact.relation.ru
                for value in values
                if value != fact.value
            }
            assert item.hypothesis.ru.rstrip(".").lower() in possible


def test_pairs_with_full_likeness_state_one_fact(world: World) -> None:
    """Likeness five is another wording of the fact; likeness three is not true of its subject."""
    said: dict[str, set[int]] = {}
    for place, fact in enumerate(world.facts("test")):
        for variant in range(3):
            said.setdefault(texts.statement(fact, variant).ru, set()).add(place)
    for index in range(0, 300, 6):
        pair = texts.pair(world, "test", index)
        assert pair.score == 5
        assert pair.a != pair.b
        assert said[pair.a.ru] & said[pair.b.ru]
        other = texts.pair(world, "test", index + 2)
        assert other.score == 3
        assert other.b.ru not in said


def test_a_passage_answers_the_questions_on_its_facts(world: World) -> None:
    """Two to four facts, each with its value in some case, under the entity's name."""
    for entity in world.entities("test"):
        passage = texts.passage(world, entity)
        assert 2 <= len(passage.facts) <= 4
        assert passage.title.ru.lower() == entity.name.ru.lower()
        for fact in passage.facts:
            assert fact.subject == entity
            assert any(form in passage.ru or form.capitalize() in passage.ru for form in fact.value.forms)


def test_classes_follow_from_the_index(world: World) -> None:
    """Stars, rubrics, fields, emotions, intents and topics cover all of their classes."""
    reviews = [genres.review(world, "test", "organisation", index) for index in range(80)]
    assert {(review.category, review.stars) for review in reviews} == {
        (category, stars) for category in genres.CATEGORIES for stars in range(1, 6)
    }
    assert {genres.news(world, "test", index).rubric for index in range(12)} == set(range(len(genres.RUBRICS)))
    abstracts = [genres.abstract(world, "test", index) for index in range(24)]
    assert {abstract.field for abstract in abstracts} == set(range(len(genres.FIELDS)))
    assert {abstract.area for abstract in abstracts} == set(range(len(genres.AREAS)))
    emotions = {genres.comment(world, "test", index).emotions for index in range(48)}
    assert {(), *((place,) for place in range(len(genres.EMOTIONS)))} <= emotions
    assert any(len(shown) == 2 for shown in emotions)
    assert {genres.utterance(world, "test", index).intent for index in range(32)} == set(genres.INTENTS)
    messages = [genres.message(world, "test", index) for index in range(80)]
    assert {topic for message in messages for topic in message.topics} == set(range(len(genres.TOPICS)))
    assert {message.inappropriate for message in messages} == {True, False}


# ---- schemas

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
    "RussianNLP/wikiomnia/wikiomnia_ruT5_filtered/train/0000.parquet": dict.fromkeys(
        ("title", "categories", "summary", "question", "answer", "batch_id"), "string"
    ),
}  # fmt: skip
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


# ---- what the rows say


def test_dirt_is_there(hub: Path) -> None:
    """The flaws of the real sets that adapters and cleaning have to survive."""
    folder = hub / "datasets"
    read = {path: pq.read_table(folder / path).to_pylist() for path in PARQUET}
    assert any(row["label"] == -1 for row in read["facebook/xnli/ru/train-00000-of-00001.parquet"])
    assert any(row["label"] == "-" for row in read["deepvk/ru-WANLI/data/train.parquet"])
    quad = read["kuznetsoffandrey/sberquad/sberquad/train-00000-of-00001.parquet"]
    assert any(row["question"] is None for row in quad)
    assert any(row["context"] and not row["context"].strip() for row in quad)
    omnia = [json.dumps(row) for row in read["RussianNLP/wikiomnia/wikiomnia_ruT5_filtered/train/0000.parquet"]]
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


def test_planted_texts_are_in_training_and_in_the_benchmark(hub: Path, world: World) -> None:
    """Each planted text stands literally in a training source and in an evaluation set."""
    training, tasks = all_text(hub, sets.IDS), all_text(hub, benchmark.IDS)
    for text in planted(world):
        assert text in training, text
        assert text in tasks, text


def test_nothing_of_the_test_pool_is_in_training_but_what_is_planted(hub: Path, world: World) -> None:
    """Names of the test pool occur in training sources only inside planted texts."""
    training = set(all_text(hub, sets.IDS).splitlines())
    known = "\n".join(planted(world))
    names = [
        entity.name.ru for entity in world.entities("test") if entity.kind in ("book", "film", "product", "company")
    ]
    for name in names:
        holders = [line for line in training if f"{name} " in line or f"{name}." in line]
        assert all(any(part in line or line in known for part in planted(world)) for line in holders), name


# ---- models


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")


@pytest.mark.parametrize(("id", "text", "pad"), [
    (BASE, "Варногорск стоит на берегу реки Полемы, ёлка 😀!", 0),
    (DONOR, "The Polema River flows through Varnogorsk — isn't it?", 1),
    (TEACHER, "Город Варногорск стоит на реке. The river flows.", 1),
])  # fmt: skip
def test_tokenizers_round_trip(hub: Path, id: str, text: str, pad: int) -> None:
    """What is encoded decodes to itself between the special tokens, and pads as the model's repository says."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(hub / "models" / id)
    ids = tokenizer(text)["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.pad_token_id == pad
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer.model_max_length == 512


def test_models_load_with_all_of_their_weights(hub: Path) -> None:
    """Every weight is found and used, and the two RoBERTas have one shape and different tokens."""
    from transformers import AutoModel, AutoModelForMaskedLM

    loaded = {}
    for id in (BASE, DONOR):
        model, info = AutoModelForMaskedLM.from_pretrained(hub / "models" / id, output_loading_info=True)
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        loaded[id] = model
    base, donor = loaded[BASE].config, loaded[DONOR].config
    assert (base.hidden_size, base.num_hidden_layers) == (donor.hidden_size, donor.num_hidden_layers) == (64, 2)
    assert (base.max_position_embeddings, base.pad_token_id, donor.pad_token_id) == (514, 0, 1)
    tokens = [loaded[id].get_input_embeddings().weight.detach()[100:1000] for id in (BASE, DONOR)]
    assert not (tokens[0] == tokens[1]).all(dim=1).any()
    _, info = AutoModel.from_pretrained(hub / "models" / TEACHER, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]


def test_the_tokenizers_files_agree(hub: Path) -> None:
    """vocab.json and merges.txt say the same as tokenizer.json, as extending the vocabulary supposes."""
    for id, mask in ((BASE, 4), (DONOR, 1499)):
        folder = hub / "models" / id
        model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        assert vocabulary == model["vocab"]
        assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
        assert vocabulary["<mask>"] == mask
        merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        assert merges == [" ".join(merge) for merge in model["merges"]]


def test_the_teacher_ranks_by_meaning(hub: Path, world: World) -> None:
    """On things it never saw it finds paraphrases, translations and answering passages far better than chance."""
    from sentence_transformers import SentenceTransformer

    teacher = SentenceTransformer(str(hub / "models" / TEACHER), device="cpu")
    assert [type(module).__name__ for module in teacher] == ["Transformer", "Pooling", "Normalize"]

    def found(queries: list[str], documents: list[str]) -> float:
        """Share of queries whose document is among the best five of a hundred."""
        asked = teacher.encode([f"query: {text}" for text in queries])
        scores = asked @ teacher.encode([f"passage: {text}" for text in documents]).T
        return float(((scores > scores.diagonal()[:, None]).sum(axis=1) < 5).mean())

    facts = world.facts("test")[:100]
    passages = [texts.passage(world, entity) for entity in world.entities("test")[::4][:100]]
    assert found([texts.statement(fact, 0).ru for fact in facts], [texts.statement(fact, 1).ru for fact in facts]) > 0.9
    assert found([texts.statement(fact, 0).ru for fact in facts], [texts.statement(fact, 0).en for fact in facts]) > 0.6
    assert found([texts.question(each.facts[0]).ru for each in passages], [each.ru for each in passages]) > 0.6
