"""There is one list of categories: what the parameters accept, what is scored, and what is published agree."""

from __future__ import annotations

from typing import get_args

import pytest
from rosberta import published
from rosberta.evaluation.categories import CATEGORIES, SEARCH
from rosberta.evaluation.prompts import E5_PROMPTS, ROSBERTA_PROMPTS
from rosberta.experiment.benchmark import Category
from rosberta.texts.prefixes import PREFIXES


def test_the_parameters_accept_what_is_scored() -> None:
    """Neither more nor fewer; ruMTEB's seven are among them."""
    assert set(CATEGORIES) == set(get_args(Category))
    assert set(CATEGORIES) - set(published.CATEGORIES) == {"BitextMining"}


@pytest.mark.parametrize("name", CATEGORIES)
def test_each_category_has_its_prefix(name: str) -> None:
    """Two sides where there are queries and documents, one for everything symmetric, as the recipe has it."""
    category = CATEGORIES[name]
    pair = PREFIXES[category.prefix]
    assert (pair.query != pair.document) == (name in SEARCH) == (category.base == "AbsTaskRetrieval")
    if name in ROSBERTA_PROMPTS:
        assert ROSBERTA_PROMPTS[name] == pair.query
    assert (name in E5_PROMPTS) == (name not in SEARCH)
