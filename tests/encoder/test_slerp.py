"""SLERP: the formula, its ends, and which weights of a model it touches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rosberta.encoder.slerp import slerp, slerp_weights
from rosberta.frame.mistakes import Mistake

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

numbers = st.floats(-3, 3, width=32).map(lambda number: round(number, 3))
vectors = arrays(np.float32, (3, 2), elements=numbers)
shares = st.floats(0, 1)


def formula(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """SLERP by the rotation that carries one direction to the other, not by the sines of the package."""
    one, other = first.astype(np.float64).ravel(), second.astype(np.float64).ravel()
    lengths = np.linalg.norm(one), np.linalg.norm(other)
    along = one / lengths[0]
    across = other / lengths[1] - (other / lengths[1] @ along) * along
    across /= np.linalg.norm(across)
    angle = np.arctan2(other @ across, other @ along)
    # Of the two vectors the shares on the arc between unit vectors, each with its own vector's length.
    weight_other = np.sin(share * angle) / np.sin(angle)
    weight_one = np.cos(share * angle) - weight_other * np.cos(angle)
    return (weight_one * one + weight_other * other).reshape(first.shape)


def clearly_apart(first: np.ndarray, second: np.ndarray) -> bool:
    one, other = first.ravel().astype(float), second.ravel().astype(float)
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return bool(norms > 1e-3 and abs(one @ other) / norms < 0.999)


@given(vectors, vectors, shares)
def test_slerp_is_the_formula(first: np.ndarray, second: np.ndarray, share: float) -> None:
    """Where two directions are apart, SLERP is what an independent formula says."""
    if clearly_apart(first, second):
        found = slerp(torch.from_numpy(first), torch.from_numpy(second), share).numpy()
        np.testing.assert_allclose(found, formula(first, second, share), rtol=1e-5, atol=1e-5)


@given(vectors, vectors, shares)
def test_slerp_is_symmetric(first: np.ndarray, second: np.ndarray, share: float) -> None:
    """From the other end with the other share it is the same point."""
    one, other = torch.from_numpy(first), torch.from_numpy(second)
    torch.testing.assert_close(slerp(one, other, share), slerp(other, one, 1 - share), rtol=1e-5, atol=1e-5)


@given(vectors, vectors)
def test_ends_are_exact(first: np.ndarray, second: np.ndarray) -> None:
    """Share 0 is the first tensor and share 1 the second, bit by bit, and neither is the same memory."""
    one, other = torch.from_numpy(first), torch.from_numpy(second)
    start, end = slerp(one, other, 0.0), slerp(one, other, 1.0)
    assert torch.equal(start, one)
    assert torch.equal(end, other)
    assert start.data_ptr() != one.data_ptr()
    assert end.data_ptr() != other.data_ptr()


@given(vectors, vectors, shares)
def test_unit_vectors_stay_on_the_sphere(first: np.ndarray, second: np.ndarray, share: float) -> None:
    """Between unit vectors the norm is one all along: what a straight line would not keep."""
    if clearly_apart(first, second):
        one, other = (torch.from_numpy(each / np.linalg.norm(each)) for each in (first, second))
        assert slerp(one, other, share).norm().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0, 2.0], [2.0, 4.0]), ([1.0, 2.0], [-1.0, -2.0]), ([0.0, 0.0], [3.0, 4.0]), ([3.0, 4.0], [0.0, 0.0])],
    ids=["parallel", "opposite", "from zero", "to zero"],
)
def test_without_an_arc_the_line_is_taken(first: list[float], second: list[float]) -> None:
    """Where no arc is defined the result is finite, and linear."""
    one, other = torch.tensor(first), torch.tensor(second)
    torch.testing.assert_close(slerp(one, other, 0.25), 0.75 * one + 0.25 * other)


def test_near_parallel_is_continuous() -> None:
    """On both sides of the threshold between arc and line the results agree."""
    one = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for angle in (0.9e-6, 1.1e-6):
        other = torch.tensor([np.cos(angle), np.sin(angle)], dtype=torch.float64)
        torch.testing.assert_close(slerp(one, other, 0.3), 0.7 * one + 0.3 * other, rtol=0, atol=1e-12)


def test_type_is_kept_and_precision_is_not_that_of_the_type() -> None:
    """Half precision in, half precision out, but computed in float64: the nearest half-precision numbers."""
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(50, 50, generator=generator).bfloat16() for _ in range(2))
    found = slerp(one, other, 0.1)
    assert found.dtype == torch.bfloat16
    exact = formula(one.double().numpy(), other.double().numpy(), 0.1)
    assert torch.equal(found, torch.from_numpy(exact).bfloat16())


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_no_share_outside(share: float) -> None:
    """A share that is none is refused, as are tensors of different shapes."""
    with pytest.raises(ValueError, match="share"):
        slerp(torch.ones(2), torch.ones(2), share)
    with pytest.raises(ValueError, match="shapes"):
        slerp(torch.ones(2), torch.ones(3), 0.5)


def test_only_the_named_weights_change() -> None:
    """Weights that the condition does not name, and integers, are the first model's, also where the second has none."""
    generator = torch.Generator().manual_seed(0)
    first = {"layer.a": torch.randn(3, generator=generator), "head": torch.randn(3, generator=generator)}
    first["layer.ids"] = torch.arange(3)
    second = {"layer.a": torch.randn(3, generator=generator), "layer.ids": torch.zeros(3, dtype=torch.long)}
    merged = slerp_weights(first, second, 0.25, lambda name: name.startswith("layer."))
    assert list(merged) == list(first)
    assert torch.equal(merged["head"], first["head"])
    assert torch.equal(merged["layer.ids"], first["layer.ids"])
    assert torch.equal(merged["layer.a"], slerp(first["layer.a"], second["layer.a"], 0.25))
    with pytest.raises(ValueError, match="lacks head"):
        slerp_weights(first, second, 0.25)


def test_names_that_fit_nothing_are_a_mistake() -> None:
    """A merge that would move no weight is none."""
    weights = {"model.layers.0.weight": torch.ones(2)}
    with pytest.raises(Mistake, match=r"no weight has a name that is to be merged \(model\.layers\.0\.weight"):
        slerp_weights(weights, weights, 0.5, lambda name: name.startswith("roberta.encoder."))
