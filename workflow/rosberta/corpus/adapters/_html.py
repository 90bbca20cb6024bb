"""The text of HTML."""

from __future__ import annotations

import re
import warnings
from typing import Any

from rosberta.texts.markup import BLOCKS, NO_TAG


def text_of(html: Any) -> Any:
    """The text of a piece of HTML, with a line break where a block ends; what is no string is returned as it is."""
    if not isinstance(html, str) or not re.search(r"[<&]", html):
        return html
    # What is no tag of HTML is text: the arguments of a type, a comparison.
    html = NO_TAG.sub("&lt;", html)
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
