"""Just enough Russian grammar for the miniature's sentences: declension, agreement, and templates that use them.

A `Phrase` is a noun phrase that knows its six case forms, its gender and its English equivalent. Templates ask for a
case with ``{s:gen}`` and for agreement with ``{s|построен}``, so one template serves nouns of every gender.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

CASES = ("nom", "gen", "dat", "acc", "ins", "loc")
"""The order of a phrase's forms: nominative, genitive, dative, accusative, instrumental, prepositional."""

SINGULAR = {
    "m": ("", "а", "у", "", "ом", "е"),  # завод
    "m_hush": ("", "а", "у", "", "ем", "е"),  # месяц
    "m_soft": ("ь", "я", "ю", "ь", "ем", "е"),  # рубль
    "m_softё": ("ь", "я", "ю", "ь", "ём", "е"),  # фонарь
    "m_y": ("й", "я", "ю", "й", "ем", "е"),  # музей
    "m_iy": ("й", "я", "ю", "й", "ем", "и"),  # сценарий
    "f": ("а", "ы", "е", "у", "ой", "е"),  # гора
    "f_velar": ("а", "и", "е", "у", "ой", "е"),  # река
    "f_hush": ("а", "и", "е", "у", "ей", "е"),  # крыша
    "f_c": ("а", "ы", "е", "у", "ей", "е"),  # улица
    "f_soft": ("я", "и", "е", "ю", "ей", "е"),  # башня
    "f_softё": ("я", "и", "е", "ю", "ёй", "е"),  # семья
    "f_ia": ("я", "и", "и", "ю", "ей", "и"),  # компания
    "f_ь": ("ь", "и", "и", "ь", "ью", "и"),  # повесть
    "n": ("о", "а", "у", "о", "ом", "е"),  # озеро
    "n_e": ("е", "я", "ю", "е", "ем", "е"),  # море
    "n_ie": ("е", "я", "ю", "е", "ем", "и"),  # здание
    "n_ye": ("е", "я", "ю", "е", "ем", "е"),  # счастье
    "n_ce": ("е", "а", "у", "е", "ем", "е"),  # солнце
}
"""Endings of the singular by noun class, in the order of `CASES`; a class's first letter is its gender."""

PLURAL = {
    "p": ("ы", "ов", "ам", "ы", "ами", "ах"),  # столы
    "p_velar": ("и", "ов", "ам", "и", "ами", "ах"),  # станки
    "p_soft": ("и", "ей", "ям", "и", "ями", "ях"),  # рубли
    "p_bare": ("ы", "", "ам", "ы", "ами", "ах"),  # горы
    "p_neuter": ("а", "", "ам", "а", "ами", "ах"),  # лекарства
    "p_velar_bare": ("и", "", "ам", "и", "ами", "ах"),  # яблоки
}
"""Endings of nouns used in the plural."""

_ADJECTIVE_STEMS = {
    "hard": {
        "m": ("ый", "ого", "ому", "ый", "ым", "ом"),
        "f": ("ая", "ой", "ой", "ую", "ой", "ой"),
        "n": ("ое", "ого", "ому", "ое", "ым", "ом"),
        "p": ("ые", "ых", "ым", "ые", "ыми", "ых"),
    },
    "velar": {
        "m": ("ий", "ого", "ому", "ий", "им", "ом"),
        "f": ("ая", "ой", "ой", "ую", "ой", "ой"),
        "n": ("ое", "ого", "ому", "ое", "им", "ом"),
        "p": ("ие", "их", "им", "ие", "ими", "их"),
    },
    "soft": {
        "m": ("ий", "его", "ему", "ий", "им", "ем"),
        "f": ("яя", "ей", "ей", "юю", "ей", "ей"),
        "n": ("ее", "его", "ему", "ее", "им", "ем"),
        "p": ("ие", "их", "им", "ие", "ими", "их"),
    },
    "hush": {
        "m": ("ий", "его", "ему", "ий", "им", "ем"),
        "f": ("ая", "ей", "ей", "ую", "ей", "ей"),
        "n": ("ее", "его", "ему", "ее", "им", "ем"),
        "p": ("ие", "их", "им", "ие", "ими", "их"),
    },
}

_THIS = {
    "m": ("этот", "этого", "этому", "этот", "этим", "этом"),
    "f": ("эта", "этой", "этой", "эту", "этой", "этой"),
    "n": ("это", "этого", "этому", "это", "этим", "этом"),
    "p": ("эти", "этих", "этим", "эти", "этими", "этих"),
}

_LETTERS = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace("_", "").split(" "),
        strict=True,
    )
)


@dataclass(frozen=True)
class Phrase:
    """A noun phrase in Russian, in six cases, and in English.

    Attributes:
        forms: the Russian forms in the order of `CASES`.
        gender: ``m``, ``f``, ``n``, or ``p`` for a plural.
        en: the English phrase, with its article where it always has one.
    """

    forms: tuple[str, str, str, str, str, str]
    gender: str
    en: str

    @property
    def ru(self) -> str:
        """The nominative."""
        return self.forms[0]

    def case(self, name: str) -> str:
        """The form of a case named as in `CASES`."""
        return self.forms[CASES.index(name)]


def transliterated(word: str) -> str:
    """A Russian name in Latin letters, with its capitals."""
    letters = []
    for letter in word:
        latin = _LETTERS.get(letter.lower(), letter)
        letters.append(latin.capitalize() if letter.isupper() else latin)
    return "".join(letters)


def fixed(ru: str, en: str, gender: str = "m") -> Phrase:
    """A phrase that does not decline: a year, a count, a title in quotation marks."""
    return Phrase((ru,) * 6, gender, en)


@cache
def noun(word: str, paradigm: str, en: str, stem: str | None = None, animate: bool = False) -> Phrase:
    """Decline a noun.

    Args:
        word: the nominative.
        paradigm: a class of `SINGULAR` or `PLURAL`.
        en: the English equivalent.
        stem: what the oblique endings follow, where a vowel falls out (рынок, рынк).
        animate: whether the accusative is the genitive, as in masculine nouns for living beings and their plurals.
    """
    endings = SINGULAR.get(paradigm) or PLURAL[paradigm]
    bare = word[: len(word) - len(endings[0])] if endings[0] else word
    oblique = stem or bare
    forms = [word] + [oblique + ending for ending in endings[1:]]
    if endings[3] == endings[0]:
        forms[3] = forms[1] if animate else word
    return Phrase((forms[0], forms[1], forms[2], forms[3], forms[4], forms[5]), paradigm[0], en)


def feminine(word: str, en: str) -> Phrase:
    """Decline a feminine name in -а by the consonant before it."""
    before = word[-2]
    paradigm = "f_velar" if before in "гкх" else "f_hush" if before in "жшчщ" else "f_c" if before == "ц" else "f"
    return noun(word, paradigm, en)


@cache
def adjective(word: str, gender: str, animate: bool = False) -> tuple[str, ...]:
    """Decline an adjective given by its masculine nominative, for a gender (or ``p``)."""
    if word == "этот":
        forms: tuple[str, ...] = _THIS[gender]
    else:
        stem, ending = word[:-2], word[-2:]
        last = stem[-1]
        kind = "velar" if last in "гкх" else "hard"
        if ending == "ий" and last not in "гкх":
            kind = "hush" if last in "жшчщ" else "soft"
        forms = tuple(stem + each for each in _ADJECTIVE_STEMS[kind][gender])
        if gender == "m":
            forms = (word, *forms[1:3], word, *forms[4:])
    if animate and gender in "mp":
        forms = (*forms[:3], forms[1], *forms[4:])
    return forms


def described(word: str, phrase: Phrase, en: str, animate: bool = False) -> Phrase:
    """Put an agreeing adjective (or этот) before a noun phrase; `en` is the whole in English."""
    first, second, third, fourth, fifth, sixth = (
        f"{front} {back}" for front, back in zip(adjective(word, phrase.gender, animate), phrase.forms, strict=True)
    )
    return Phrase((first, second, third, fourth, fifth, sixth), phrase.gender, en)


def followed(phrase: Phrase, ending: str, en: str) -> Phrase:
    """Put words that do not decline after a noun phrase; `en` is the whole in English."""
    first, second, third, fourth, fifth, sixth = (f"{form} {ending}" for form in phrase.forms)
    return Phrase((first, second, third, fourth, fifth, sixth), phrase.gender, en)


def apposed(phrase: Phrase, other: Phrase, en: str) -> Phrase:
    """Two nouns that decline together (река Велема); gender is the first's."""
    first, second, third, fourth, fifth, sixth = (
        f"{front} {back}" for front, back in zip(phrase.forms, other.forms, strict=True)
    )
    return Phrase((first, second, third, fourth, fifth, sixth), phrase.gender, en)


def agreeing(word: str, gender: str) -> str:
    """Make a past tense, a short participle or an adjective (given as masculine singular) agree with a gender.

    >>> agreeing("родился", "f"), agreeing("возведён", "n"), agreeing("новый", "p")
    ('родилась', 'возведено', 'новые')
    """
    if word.endswith(("ый", "ий", "ой")):
        return adjective(word, gender)[0]
    if gender == "m":
        return word
    ending = {"f": "а", "n": "о", "p": "ы"}[gender]
    verb_ending = "и" if gender == "p" else ending
    if word.endswith("лся"):
        return word.removesuffix("ся") + verb_ending + "сь"
    if word.endswith(("шёл", "шел")):
        return word[:-2] + "л" + verb_ending
    if word.endswith("л"):
        return word + verb_ending
    return (word.removesuffix("ён") + "ен" if word.endswith("ён") else word) + ending


def counted(number: int, one: str, few: str, many: str, en: str) -> Phrase:
    """A number above one with its noun in the right form: 21 год, 3 года, 12 лет. It does not decline further."""
    ten, hundred = number % 10, number % 100
    if ten == 1 and hundred != 11:
        unit = one
    elif ten in (2, 3, 4) and hundred not in (12, 13, 14):
        unit = few
    else:
        unit = many
    return fixed(f"{number} {unit}", f"{number} {en}", "p")


_SLOT = re.compile(r"\{(\w)(?::(\w+)|\|([^}]+))?\}")
_CONSONANTS = "бвгджзйклмнпрстфхцчшщ"
_EUPHONY = (
    (re.compile(r"\b([Оо]) (?=«?[аоуэиАОУЭИ])"), r"\1б "),
    (re.compile(rf"\b([Вв]) (?=«?[вфВФ][{_CONSONANTS}])"), r"\1о "),
    (re.compile(rf"\b([Сс]) (?=«?(?:[сзшжСЗШЖ][{_CONSONANTS}]|[щЩ]))"), r"\1о "),
)
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")


def russian(template: str, **phrases: Phrase) -> str:
    """Fill a Russian template: ``{s}`` nominative, ``{s:gen}`` a case, ``{s|построен}`` a word agreeing with it."""

    def fill(match: re.Match[str]) -> str:
        phrase, case, word = phrases[match[1]], match[2], match[3]
        return agreeing(word, phrase.gender) if word else phrase.case(case or "nom")

    text = _SLOT.sub(fill, template)
    for pattern, replacement in _EUPHONY:
        text = pattern.sub(replacement, text)
    return text


def english(template: str, **phrases: Phrase) -> str:
    """Fill an English template with ``{s}`` and the like; ``a`` becomes ``an`` before a vowel."""
    return _ARTICLE.sub(r"\1n ", _SLOT.sub(lambda match: phrases[match[1]].en, template))


def sentence(text: str, mark: str = ".") -> str:
    """Begin with a capital letter and end with a mark."""
    return text[0].upper() + text[1:] + ("" if text.endswith(("?", "!", ".", "…")) else mark)
