"""The text of HTML."""

from __future__ import annotations

import re
import warnings
from typing import Any

BLOCKS = ("p", "div", "pre", "blockquote", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6")

_TAGS = (
    "a|abbr|acronym|address|applet|area|article|aside|audio|b|base|bdi|bdo|big|blink|blockquote|body|br|"
    "button|canvas|caption|center|cite|code|col|colgroup|cut|data|datalist|dd|del|details|dfn|dialog|div|dl|"
    "dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|"
    "html|i|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|marquee|menu|meta|meter|nav|nobr|"
    "noscript|object|ol|optgroup|option|output|p|param|picture|pre|progress|q|rp|rt|ruby|s|samp|script|"
    "section|select|small|source|span|spoiler|strike|strong|style|sub|summary|sup|svg|table|tbody|td|"
    "template|textarea|tfoot|th|thead|time|title|tr|track|tt|u|ul|user|var|video|wbr"
)
_ATTRIBUTE = (
    r"""\s+(?:[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+)|checked|controls|disabled|hidden|nowrap|selected)"""
)
_NO_TAG = re.compile(rf"<(?!/?(?:{_TAGS})(?:{_ATTRIBUTE})*\s*/?>|!--|!doctype)", re.IGNORECASE)
"""An angle bracket that opens neither a tag of HTML with attributes that have values, nor a comment."""


def text_of(html: Any) -> Any:
    """The text of a piece of HTML, with a line break where a block ends; what is no string is returned as it is."""
    if not isinstance(html, str) or not re.search(r"[<&]", html):
        return html
    # What is no tag of HTML is text: the arguments of a type, a comparison.
    html = _NO_TAG.sub("&lt;", html)
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        # Beautiful Soup takes short answers for addresses or names of files, and warns.
        warnings.simplefilter("ignore")
        soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all("br"):
        tag.replace_with("\n")
    for tag in soup.find_all(BLOCKS):
        tag.append("\n")
    return soup.get_text().strip()
