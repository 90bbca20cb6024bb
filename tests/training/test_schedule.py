"""The schedule: no row meets a false negative, all rows are used or counted, and the plan and the seed alone decide."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.training import schedule as schedule_module
from rosberta.training.schedule import LEAST, Schedule, schedule, texts_of

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")


def unlike(rows: int, first: int = 0, negatives: int = 2) -> np.ndarray:
    """Forms of rows that have no text in common."""
    wide = 2 + negatives
    return first + np.arange(rows * wide, dtype=np.int64).reshape(rows, wide)


def batches_of(found: Schedule) -> list[tuple[str, tuple[int, ...]]]:
    """All device batches in their order."""
    return [
        (found.sources[source], tuple(found.rows[start:end].tolist()))
        for source, start, end in zip(found.source, found.starts[:-1], found.starts[1:], strict=True)
    ]


def apart(forms: np.ndarray, positives: np.ndarray) -> set[tuple[int, int]]:
    """All pairs of rows that may not meet, straight from the definition."""
    rows = [tuple(row) for row in forms.tolist()]
    pairs = [row[:2] for row in rows] + [tuple(pair) for pair in positives.tolist()]
    forbidden = [{row[0]} | {pair[1] for pair in pairs if pair[0] == row[0]} for row in rows]
    return {
        (one, other)
        for one, other in combinations(range(len(rows)), 2)
        if forbidden[one] & set(rows[other]) or forbidden[other] & set(rows[one])
    }


@st.composite
def some_forms(draw: st.DrawFn) -> np.ndarray:
    """Few texts in many rows, so that they meet often."""
    wide = 2 + draw(st.integers(0, 3))
    rows = draw(st.lists(st.lists(st.integers(0, draw(st.integers(3, 90))), min_size=wide, max_size=wide), max_size=40))
    return np.array(rows, np.int64).reshape(len(rows), wide)


@st.composite
def rows_and_positives(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray]:
    """Rows of some sources, and further positives of their anchors, most of which are texts of rows."""
    forms = draw(st.lists(some_forms(), min_size=1, max_size=2))
    anchors = sorted({int(form) for each in forms for form in each[:, :1].ravel()}) or [0]
    texts = sorted({int(form) for each in forms for form in each.ravel()}) or [0]
    pairs = draw(st.lists(st.tuples(st.sampled_from(anchors), st.sampled_from([*texts, 99])), max_size=12))
    return forms, np.array(pairs, np.int64).reshape(len(pairs), 2)


@given(
    drawn=rows_and_positives(),
    size=st.integers(2, 9),
    many=st.sampled_from([1, 2, 64]),
    seed=st.integers(0, 5),
)
def test_rows_that_would_be_false_negatives_never_meet(
    drawn: tuple[list[np.ndarray], np.ndarray], size: int, many: int, seed: int
) -> None:
    """Against brute force: batches are apart and not too large, rows come once an epoch, and what is left is told."""
    forms, positives = drawn
    with pytest.MonkeyPatch.context() as patch:
        # Both ways of asking, whose positives a text is and what positives an anchor has, say the same.
        patch.setattr(schedule_module, "MANY", many)
        texts = {str(place): texts_of(each, positives=positives) for place, each in enumerate(forms)}
        found = schedule(texts, batch_size=size, devices=3, seed=seed)
    of_source: dict[str, list[tuple[int, ...]]] = {name: [] for name in texts}
    for name, rows in batches_of(found):
        of_source[name].append(rows)
    for name, each in zip(texts, forms, strict=True):
        kept_apart = apart(each, positives)
        for rows in of_source[name]:
            assert 0 < len(rows) <= size
            assert not [pair for pair in combinations(sorted(rows), 2) if pair in kept_apart]
        used = [row for rows in of_source[name] for row in rows]
        assert len(used) == len(set(used))
        assert len(used) + sum(found.left_out.get(name, {}).values()) == len(each)


def test_anchors_of_no_row_keep_no_rows_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that are held out, whose anchors may have any number: no row goes for them, in its batch or another."""
    monkeypatch.setattr(schedule_module, "MANY", 1)
    forms = unlike(24)
    elsewhere = np.array([[anchor, text] for anchor in range(96, 480, 4) for text in forms[:, 2]], np.int64)
    slots = np.arange(24).reshape(6, 4)
    texts = texts_of(forms, positives=elsewhere)
    assert texts.owners.max() > texts.forms.max()
    assert not schedule_module._conflicts(texts, slots, np.zeros(slots.shape, bool)).any()


def test_rows_that_share_negatives_may_meet() -> None:
    """That two rows have a negative in common keeps them apart no more than nothing in common does."""
    forms = unlike(64)
    forms[:, 2:] = [5000, 5001]
    found = schedule({"a": texts_of(forms)}, batch_size=16, devices=1, seed=0)
    assert [len(rows) for _, rows in batches_of(found)] == [16] * 4
    assert found.left_out == {}


def test_a_common_positive_leaves_batches_full() -> None:
    """Where 8,000 of 20,000 rows share a positive, one of these a batch; batches are nearly full, and the rest told."""
    forms = unlike(20_000)
    forms[np.random.default_rng(0).permutation(20_000)[:8_000], 1] = 10**6
    found = schedule({"a": texts_of(forms)}, batch_size=128, devices=8, seed=0)
    common = forms[:, 1] == 10**6
    for _, rows in batches_of(found):
        assert common[list(rows)].sum() <= 1
    sizes = np.diff(found.starts)
    assert sizes.mean() > 0.95 * 128
    assert (~common)[found.rows].sum() > 0.97 * 12_000, "rows that harm none are not given up for others"
    assert sizes.sum() + sum(found.left_out["a"].values()) == 20_000


@pytest.mark.parametrize(("labels", "size"), [(64, 64), (50, 32), (300, 128)])
def test_rows_of_labels_are_spread(labels: int, size: int) -> None:
    """Where rows share a positive with one in so many, they are spread over the batches: hardly any is left out."""
    forms = unlike(2_000)
    forms[:, 1] = 10**6 + np.arange(2_000) % labels
    found = schedule({"a": texts_of(forms)}, batch_size=size, devices=1, seed=0)
    for _, rows in batches_of(found):
        assert len(set(forms[list(rows), 1])) == len(rows)
    assert len(found.rows) > 0.99 * 2_000
    assert np.diff(found.starts).mean() > 0.9 * size


@pytest.mark.parametrize("rows", [100, 129, 200])
def test_no_batch_weighs_as_much_as_one_many_times_its_size(rows: int) -> None:
    """A last batch of too few rows is left out and told; a whole source that is small is not."""
    found = schedule({"a": texts_of(unlike(rows))}, batch_size=32, devices=1, seed=0)
    rest = rows % 32
    left = rest if 0 < rest * LEAST < 32 else 0
    assert len(found.rows) == rows - left
    assert sum(sum(reasons.values()) for reasons in found.left_out.values()) == left
    small = schedule({"a": texts_of(unlike(3)), "b": texts_of(unlike(rows))}, batch_size=32, devices=1, seed=0)
    sizes = np.diff(small.starts)
    assert [sizes[small.source == place].sum() for place in (0, 1)] == [3, rows - left]


def test_the_inputs_alone_decide() -> None:
    """Drawn twice a schedule is the same; another seed's is another; seeds and epochs are not counted together."""
    texts = {"a": texts_of(unlike(90)), "b": texts_of(unlike(40))}

    def drawn(seed: int, epochs: float = 1.0) -> list[tuple[str, tuple[int, ...]]]:
        return batches_of(schedule(texts, batch_size=8, devices=2, seed=seed, epochs=epochs))

    assert drawn(0) == drawn(0)
    assert set(drawn(0)).isdisjoint(drawn(1))
    twice, number = drawn(0, 2.0), len(drawn(0))
    assert twice[:number] == drawn(0)
    assert set(twice[number:]).isdisjoint(drawn(1)), "seed 0's second epoch is not seed 1's first"
    assert set(twice[number:]).isdisjoint(drawn(0))
    assert [name for name, _ in twice[:number]] != [name for name, _ in twice[number:]], "sources come in a new order"


def test_a_source_is_drawn_for_itself() -> None:
    """The batches of a source do not depend on the other sources of the mixture."""
    one, other = texts_of(unlike(90)), texts_of(unlike(40))
    alone = schedule({"a": one}, batch_size=8, devices=2, seed=0)
    beside = schedule({"b": other, "a": one}, batch_size=8, devices=2, seed=0)
    assert set(batches_of(alone)) == {(name, rows) for name, rows in batches_of(beside) if name == "a"}


@pytest.mark.parametrize("epochs", [0.25, 1.0, 1.5, 2.0, 3.0])
def test_epochs(epochs: float) -> None:
    """Each whole epoch takes every row once, and a part of one so many of its batches."""
    texts = {"a": texts_of(unlike(160)), "b": texts_of(unlike(80))}
    found = schedule(texts, batch_size=8, devices=2, seed=0, epochs=epochs)
    assert len(found.source) == round(30 * epochs)
    often = Counter((name, row) for name, rows in batches_of(found) for row in rows)
    assert set(often.values()) <= {int(epochs), -int(-epochs // 1)} - {0}
    assert sum(often.values()) == 8 * round(30 * epochs)


@pytest.mark.parametrize("steps", [0, 1, 3, 20])
def test_steps_are_as_many_as_are_wanted(steps: int) -> None:
    """With max_steps there are exactly these, all full, whatever `epochs` says; sources without rows have none."""
    texts = {"a": texts_of(unlike(80)), "b": texts_of(unlike(40))}
    found = schedule(texts, batch_size=8, devices=4, seed=0, epochs=0.1, max_steps=steps)
    assert found.steps == steps
    assert len(found.source) == 4 * steps
    often = Counter((name, row) for name, rows in batches_of(found) for row in rows)
    assert max(often.values(), default=0) == -(-4 * steps // 15)
    nothing = schedule({"a": texts_of(unlike(0))}, batch_size=8, devices=4, seed=0, max_steps=steps)
    assert nothing.steps == 0


def test_devices_only_group_the_batches() -> None:
    """With any number of devices a step the same device batches come in the same order."""
    texts = {"a": texts_of(unlike(90)), "b": texts_of(unlike(45))}
    one, eight = (schedule(texts, batch_size=8, devices=devices, seed=3, epochs=1.5) for devices in (1, 8))
    assert batches_of(one) == batches_of(eight)
    assert one.steps == len(one.source) != eight.steps == -(-len(one.source) // 8)
    flat = [(source, rows.tolist()) for step in range(eight.steps) for _, source, rows in eight.step(step)]
    assert flat == [(source, rows.tolist()) for step in range(one.steps) for _, source, rows in one.step(step)]


def test_sources_are_drawn_in_proportion() -> None:
    """In an epoch each source has its own batches; in any part of it about its share of them, in no order."""
    texts = {"a": texts_of(unlike(6400)), "b": texts_of(unlike(3200)), "c": texts_of(unlike(320))}
    found = schedule(texts, batch_size=8, devices=4, seed=0)
    assert Counter(found.source.tolist()) == {0: 800, 1: 400, 2: 40}
    assert set(np.diff(found.starts).tolist()) == {8}
    for half in np.array_split(found.source, 2):
        # Four standard deviations of the hypergeometric distribution.
        for source, of_source in enumerate((800, 400, 40)):
            share = of_source / 1240
            assert abs((half == source).sum() - 620 * share) < 4 * (620 * share * (1 - share) / 2) ** 0.5
    changes = (np.diff(found.source) != 0).sum()
    expected = 1240 * (1 - (800**2 + 400**2 + 40**2) / 1240**2)
    assert abs(changes - expected) < 4 * 1240**0.5 / 2


def test_a_step_and_its_rows() -> None:
    """`step` and `rows_of` say the same, devices are numbered from 0, and the last step alone may be short."""
    texts = {"a": texts_of(unlike(90)), "b": texts_of(unlike(45))}
    found = schedule(texts, batch_size=8, devices=4, seed=0)
    assert len(found.source) % 4, "else there is no short step to see"
    for number in range(found.steps):
        step = found.step(number)
        assert [device for device, _, _ in step] == list(
            range(4 if number + 1 < found.steps else len(found.source) % 4)
        )
        assert sum(len(rows) for _, _, rows in step) == found.rows_of(number)
    assert sum(found.rows_of(number) for number in range(found.steps)) == len(found.rows)
