"""What the checkers of several chapters do with an answer: read it as numbers, compare it, and name a typical mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from lmkit.exercises import Mistake


def draw(*shape: int, seed: int) -> torch.Tensor:
    """Normal random numbers, the same for everyone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def vector(result: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`result` as a float64 array of this shape, else a `Mistake` that says what it is. Torch and numpy are welcome."""
    if not isinstance(result, torch.Tensor | np.ndarray):
        raise Mistake(f"return a tensor of the shape {shape}; your function returns a {type(result).__name__}.")
    array = np.asarray(result.detach() if isinstance(result, torch.Tensor) else result, dtype=np.float64)
    if array.shape != shape:
        raise Mistake(f"the result should have the shape {shape}, and has {array.shape}.")
    return array


def close(a: Any, b: Any) -> bool:
    return np.allclose(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64), atol=1e-5)


def name_mistake(
    result: Any, wrong: Iterable[tuple[Any, str]], otherwise: str, close: Callable[[Any, Any], bool] = close
) -> None:
    """Raise the `Mistake` whose typical wrong result equals `result`, else `otherwise`."""
    raise Mistake(next((message for value, message in wrong if close(result, value)), otherwise))


def number(result: Any) -> float:
    """`result` as a float, else a `Mistake`."""
    if isinstance(result, int | float | np.number) or (isinstance(result, torch.Tensor | np.ndarray) and result.ndim == 0):
        return float(result)
    shape = f" of shape {tuple(result.shape)}" if hasattr(result, "shape") else ""
    raise Mistake(f"return one number; your function returns a {type(result).__name__}{shape}.")


def single(result: Any) -> float:
    """As `number`, but no truth value."""
    if isinstance(result, bool) or not isinstance(result, int | float | np.number | np.ndarray | torch.Tensor):
        raise Mistake(f"return one number; your function returns a {type(result).__name__}.")
    if getattr(result, "ndim", 0):
        raise Mistake(f"return one number; your function returns {tuple(result.shape)} of them.")
    return float(result)
