"""Spherical linear interpolation (SLERP): of two tensors, and of two models weight by weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from torch import Tensor

PARALLEL = 1e-6
"""Below this sine two directions count as one (or as opposite), and the straight line between them is taken."""


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Go from `first` towards `second` along the arc between their directions (Shoemake 1985).

    With angle w between the flattened tensors: sin((1-share) w)/sin(w) first + sin(share w)/sin(w) second. For unit
    vectors the result is one too. Where an angle is not defined (a zero tensor) or its sine is nearly zero, this is
    linear interpolation. Computed in float64.

    Args:
        first: any shape; the result has its shape, type and device.
        second: of the same shape.
        share: of `second`, from 0 (the result is `first`) to 1 (it is `second`), both exactly.

    Raises:
        ValueError: the shapes differ, or `share` is not from 0 to 1.
    """
    import torch

    if first.shape != second.shape:
        raise ValueError(f"shapes differ: {tuple(first.shape)} and {tuple(second.shape)}")
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, found {share}")
    if share in (0, 1):
        return (second if share else first).to(first).clone()
    one, other = first.double().flatten(), second.to(first.device).double().flatten()
    norms = one.norm() * other.norm()
    cosine = (one @ other / norms).clamp(-1, 1) if norms > 0 else one.new_tensor(1.0)
    angle = torch.arccos(cosine)
    sine = torch.sin(angle)
    if sine < PARALLEL:
        result = (1 - share) * one + share * other
    else:
        result = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / sine
    return result.reshape(first.shape).to(first.dtype)


def slerp_weights(
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    share: float,
    where: Callable[[str], bool] = lambda name: True,  # noqa: ARG005
) -> dict[str, Tensor]:
    """Interpolate the weights of two models, each tensor by itself.

    Args:
        first: weights by name; the result has these names.
        second: weights by name; names that `first` lacks are passed over.
        share: of `second`.
        where: says of a name whether it is interpolated; what is not, and what is not floating point, is `first`'s.

    Raises:
        Mistake: `where` is true of no weight, so that nothing would be interpolated.
        ValueError: `second` lacks a weight that is to be interpolated, or a shape differs.
    """
    if not any(where(name) for name in first):
        shown = ", ".join(list(first)[:3])
        raise Mistake(f"no weight has a name that is to be merged ({shown}, ...); choose a RoBERTa as base")
    merged = {}
    for name, tensor in first.items():
        if not (where(name) and tensor.is_floating_point()):
            merged[name] = tensor
        elif name not in second:
            raise ValueError(f"the second model lacks {name}")
        else:
            merged[name] = slerp(tensor, second[name], share)
    return merged
