"""Texts of the kinds that the benchmark classifies: reviews, news, abstracts, comments, utterances, messages.

Each function takes a pool and an index; the class follows from the index alone, the wording from seed, pool and index.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from miniature.language.grammar import Phrase, english, fixed, russian, sentence
from miniature.world import opinions, reports, requests
from miniature.world.world import Entity, Text, World

RUBRICS = tuple(reports.NEWS)
"""The rubrics of news, in Russian."""
FIELDS = tuple(field.name for field in reports.SCIENCE)
"""The fields of abstracts, in Russian."""
AREAS = tuple(dict.fromkeys(field.area for field in reports.SCIENCE))
"""The wider areas that the fields belong to, in Russian."""
EMOTIONS = tuple(opinions.EMOTIONS)
"""The emotions of comments: joy, sadness, surprise, fear, anger."""
INTENTS = tuple(requests.UTTERANCES)
"""The intents of utterances; the scenario is the part before the first underscore."""
TOPICS = tuple(opinions.TOPICS)
"""The sensitive topics of messages, in Russian."""
CATEGORIES = tuple(opinions.ORGANISATIONS)
"""The categories of organisations that reviews are about, in Russian."""


@dataclass(frozen=True)
class Review:
    """A review with one to five stars and the category of what is reviewed, in Russian."""

    ru: str
    en: str
    stars: int
    category: str


@dataclass(frozen=True)
class News:
    """A news item; `rubric` is a place in `RUBRICS`."""

    headline: Text
    body: Text
    rubric: int


@dataclass(frozen=True)
class Abstract:
    """A paper's title and abstract; `field` is a place in `FIELDS`, `area` in `AREAS`."""

    title: Text
    body: Text
    field: int
    area: int


@dataclass(frozen=True)
class Comment:
    """A comment with the emotions that it shows: places in `EMOTIONS`, none for a neutral one."""

    ru: str
    en: str
    emotions: tuple[int, ...]


@dataclass(frozen=True)
class Utterance:
    """What a user says to an assistant."""

    ru: str
    en: str
    intent: str
    scenario: str


@dataclass(frozen=True)
class Message:
    """A message with its sensitive topics (places in `TOPICS`), and whether it is inappropriate."""

    ru: str
    en: str
    topics: tuple[int, ...]
    inappropriate: bool


@dataclass(frozen=True)
class Advice:
    """A technical question of a forum: heading, body, an answer that solves it, and one that solves another problem."""

    title: Text
    body: Text
    answer: Text
    beside: Text
    tag: str


def review(world: World, pool: str, domain: str, index: int) -> Review:
    """A review of an organisation, a product or a film, with ``index % 5 + 1`` stars."""
    random = world.random("review", pool, domain, index)
    stars = index % 5 + 1
    tone = ("awful", "bad", "mixed", "good", "great")[stars - 1]
    if domain == "organisation":
        category = CATEGORIES[index // 5 % len(CATEGORIES)]
        said, name = opinions.ORGANISATIONS[category], random.choice(world.entities(pool, "city")).name
    else:
        subject = random.choice(world.entities(pool, domain))
        category, name = sentence(subject.noun.ru, ""), subject.name
        said = opinions.PRODUCT if domain == "product" else opinions.FILM
    visit = random.choice(said.openings)
    if tone == "mixed":
        remarks = [random.choice(said.praise), random.choice(said.blame)]
        random.shuffle(remarks)
    else:
        remarks = random.sample(said.praise if stars > 3 else said.blame, 2)
    verdict = random.choice(opinions.VERDICTS[tone])
    return Review(*_joined([visit, *remarks, verdict], s=name), stars, category)


def news(world: World, pool: str, index: int) -> News:
    """A headline and a body of three or four sentences on one event."""
    random = world.random("news", pool, index)
    rubric = index % len(RUBRICS)
    event = random.choice(reports.NEWS[RUBRICS[rubric]])
    kinds = {"c": "city", "p": "person", "t": "team", "f": "film", "k": "company", "l": "landmark"}
    names: dict[str, Phrase] = {
        letter: random.choice(world.entities(pool, kind)).name for letter, kind in kinds.items()
    }
    number = str(random.choice(range(5, 90, 5)))  # counts that all take the genitive plural
    names["n"] = fixed(number, number, "p")
    headline = Text(
        sentence(russian(event.headline[0], **names), ""), sentence(english(event.headline[1], **names), "")
    )
    details = random.sample(event.details, min(2, len(event.details)))
    return News(headline, Text(*_joined([event.lead, *details, random.choice(reports.NEWS_ENDINGS)], **names)), rubric)


def abstract(world: World, pool: str, index: int) -> Abstract:
    """The title and abstract of a paper: an object of the field, a method of the field, a place and a finding."""
    random = world.random("abstract", pool, index)
    field = reports.SCIENCE[index % len(FIELDS)]
    thing, other = random.sample(field.objects, 2)
    names = _somebody_somewhere(world, pool, random)
    names |= {"o": thing, "x": other, "m": random.choice(field.methods)}
    ru, en = random.choice(reports.PAPER_TITLES)
    title = Text(sentence(russian(ru, **names), ""), sentence(english(en, **names), ""))
    parts = [random.choice(reports.PAPER_AIMS), random.choice(reports.PAPER_METHODS), random.choice(field.findings)]
    body = Text(*_joined([*parts, random.choice(reports.PAPER_ENDINGS)], **names))
    return Abstract(title, body, index % len(FIELDS), AREAS.index(field.area))


def comment(world: World, pool: str, index: int) -> Comment:
    """A comment of no, one or (every fourth) two emotions."""
    random = world.random("comment", pool, index)
    first = index % (len(EMOTIONS) + 1)
    shown = [] if first == len(EMOTIONS) else [first]
    if shown and index % 4 == 0:
        shown.append((first + random.randrange(1, len(EMOTIONS))) % len(EMOTIONS))
    names = {
        "p": random.choice(world.entities(pool, "person")).name,
        "c": random.choice(world.entities(pool, "city")).name,
    }
    event = random.choice(opinions.EVENTS)
    said = [random.choice(opinions.EMOTIONS[EMOTIONS[emotion]]) for emotion in shown] or [random.choice(opinions.CALM)]
    return Comment(*_joined([event, *said], **names), tuple(sorted(shown)))


def utterance(world: World, pool: str, index: int) -> Utterance:
    """A request to an assistant, with the intent ``INTENTS[index % len(INTENTS)]``."""
    random = world.random("utterance", pool, index)
    intent = INTENTS[index % len(INTENTS)]
    names = _somebody_somewhere(world, pool, random)
    names |= {"h": random.choice(requests.HOURS), "w": random.choice(requests.DAYS)}
    names |= {
        letter: random.choice(world.entities(pool, kind)).name for letter, kind in (("f", "festival"), ("d", "dish"))
    }
    ru, en = random.choice(requests.UTTERANCES[intent])
    polite = random.choice(requests.POLITE)
    return Utterance(
        russian(polite[0].format(ru), **names), english(polite[1].format(en), **names), intent, intent.split("_", 1)[0]
    )


def message(world: World, pool: str, index: int) -> Message:
    """A message on a sensitive topic; every seventh on two, every fifth on none. Even indices are inappropriate."""
    random = world.random("message", pool, index)
    topics = [] if index % 5 == 4 else [index % len(TOPICS)]
    if topics and index % 7 == 0:
        topics.append((topics[0] + random.randrange(1, len(TOPICS))) % len(TOPICS))
    names = {
        "p": random.choice(world.entities(pool, "person")).name,
        "c": random.choice(world.entities(pool, "city")).name,
    }
    said = [random.choice(opinions.TOPICS[TOPICS[topic]]) for topic in topics] or [random.choice(opinions.EVENTS)]
    rude = index % 2 == 0
    tail = random.choice(opinions.RUDE if rude else opinions.DECENT)
    return Message(*_joined([*said, tail], **names), tuple(sorted(topics)), rude)


def advice(world: World, pool: str, index: int) -> Advice:
    """A technical question on a product, its solution, and the solution of another problem."""
    random = world.random("advice", pool, index)
    problem = requests.PROBLEMS[index % len(requests.PROBLEMS)]
    other = requests.PROBLEMS[(index + random.randrange(1, len(requests.PROBLEMS))) % len(requests.PROBLEMS)]
    product = _electric(world.entities(pool, "product"), random)
    names = {"s": product.name, "k": random.choice(world.entities(pool, "company")).name}
    heading = random.choice(problem.asked)
    body = [
        random.choice(requests.ADVICE_OPENINGS),
        random.choice(problem.told),
        random.choice(requests.ADVICE_ENDINGS),
    ]
    return Advice(
        Text(sentence(russian(heading[0], **names), "?"), sentence(english(heading[1], **names), "?")),
        Text(*_joined(body, **names)),
        Text(*_joined([random.choice(problem.solved), random.choice(requests.SOLVED_ENDINGS)], **names)),
        Text(*_joined([random.choice(other.solved), random.choice(requests.SOLVED_ENDINGS)], **names)),
        problem.tag,
    )


def _somebody_somewhere(world: World, pool: str, random: Random) -> dict[str, Phrase]:
    return {
        "p": random.choice(world.entities(pool, "person")).name,
        "c": random.choice(world.entities(pool, "city")).name,
    }


def _electric(products: tuple[Entity, ...], random: Random) -> Entity:
    return random.choice(
        [product for product in products if product.noun.en in ("phone", "laptop", "speaker", "camera")]
    )


def _joined(templates: list[tuple[str, str]], **names: Phrase) -> tuple[str, str]:
    return (
        " ".join(sentence(russian(ru, **names)) for ru, _ in templates),
        " ".join(sentence(english(en, **names)) for _, en in templates),
    )
