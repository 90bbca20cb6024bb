"""Markup of HTML and of forums: which of it is no text, and a text without it."""

from __future__ import annotations

import re
from html import unescape

BLOCKS = ("p", "div", "pre", "blockquote", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6")

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|blink|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|nobr|q|s|samp|small|span|spoiler|"
    "strike|strong|sub|sup|time|tt|u|var|wbr"
)
"""Tags that may stand within a word."""
_TAGS = (
    f"{_INLINE}|{'|'.join(BLOCKS)}|address|applet|area|article|aside|audio|base|body|br|button|canvas|caption|center|col|"
    "colgroup|cut|datalist|dd|details|dialog|dl|dt|embed|fieldset|figcaption|figure|footer|form|frame|frameset|head|"
    "header|hr|html|iframe|img|input|label|legend|link|main|map|marquee|menu|meta|meter|nav|noscript|object|optgroup|"
    "option|output|param|picture|progress|rp|rt|ruby|script|section|select|source|style|summary|svg|tbody|td|template|"
    "textarea|tfoot|th|thead|title|track|video"
)
_ATTRIBUTE = (
    r"""\s+(?:[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+)|checked|controls|disabled|hidden|nowrap|selected)"""
)
_TYPE = "(?<=[a-z0-9_]<)(?-i:[A-Z][a-z]{2})"
"""Behind an angle bracket: the name of a type that is another's argument (``List<Data>``), though a tag has it, too."""
NO_TAG = re.compile(rf"<(?:(?={_TYPE})|(?!/?(?:{_TAGS})(?:{_ATTRIBUTE})*\s*/?>|!--|!doctype))", re.IGNORECASE)
"""An angle bracket that opens neither a tag of HTML with attributes that have values, nor a comment."""

_WITHIN = re.compile(rf"<(?!{_TYPE})/?(?:{_INLINE})(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
_BETWEEN = re.compile(rf"<(?!{_TYPE})/?(?:{_TAGS})(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
# One that does not end is looked through once, and not from each of its beginnings.
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
_FORUM = re.compile(r"\[/?(?:b|i|u|s|url|color|size|font|spoiler|sub|sup)(?:=[^\[\]\n]*)?\]", re.IGNORECASE)

NESTED = 3
"""How often a text may have been escaped: ``&amp;quot;`` is a quotation mark that was escaped twice."""


def unescaped(text: str) -> str:
    """A text with characters for the entities of HTML."""
    for _ in range(NESTED):
        if "&" not in text:
            break
        text = unescape(text)
    return text


def without_tags(text: str) -> str:
    """A text without tags: those that may stand within a word leave nothing, others a blank.

    Only names of HTML, and forums' brackets where one of them is closed: arguments of a type and comparisons are text.
    What a tag says is not seen: ``10<sup>5</sup>`` is 105, and "the tag <i>" is "the tag".
    """
    if "<" in text:
        text = _COMMENT.sub(lambda match: "" if match[1] else match[0], text)
        text = _BETWEEN.sub(" ", _WITHIN.sub("", text))
    return _FORUM.sub("", text) if "[/" in text else text
