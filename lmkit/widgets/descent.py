"""DescentView: a loss over two parameters, a point that the reader drags, and the paths of SGD, momentum and Adam from it.

The paths are computed in `descent.js`, by the formulas of `torch.optim`. A loss is a polynomial, so that the loss of a
straight line through points can be shown as well as the surfaces made for teaching that stand here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import traitlets

from .base import Widget

OPTIMIZERS = ("sgd", "momentum", "adam")
RATES = (0.001, 1.0)  # the smallest and the largest learning rate that the reader can set
MOST_STEPS = 300


@dataclass(frozen=True)
class Surface:
    """A loss as a polynomial of two parameters, and the part of the plane that is shown.

    terms   [(coefficient, power of x, power of y), ...]
    x, y    the range of each parameter
    start   where the paths begin at first
    names   of the two parameters
    """

    terms: Sequence[tuple[float, int, int]]
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    names: tuple[str, str] = ("x", "y")

    def __call__(self, x, y):
        """The loss at (x, y): numbers, arrays or tensors."""
        return sum(c * x**i * y**j for c, i, j in self.terms)


# Twenty times as steep across as along: the condition that makes plain gradient descent slow.
VALLEY = Surface([(0.5, 2, 0), (10, 0, 2)], (-4, 4), (-2, 2), (-3.6, 1.6))
# (x² − 1)² + 0.3 x + y² / 2: two minima, the left one lower.
TWO_MINIMA = Surface([(1, 4, 0), (-2, 2, 0), (0.3, 1, 0), (1, 0, 0), (0.5, 0, 2)], (-2, 2), (-2, 2), (1.7, 1.5))
# (1 − x)² + 10 (y − x²)²: Rosenbrock's bent valley, with 10 in the place of his 100.
BENT = Surface([(1, 0, 0), (-2, 1, 0), (1, 2, 0), (10, 0, 2), (-20, 2, 1), (10, 4, 0)], (-2, 2), (-1, 3), (-1.5, 2.5))
SURFACES = {"narrow valley": VALLEY, "two minima": TWO_MINIMA, "bent valley": BENT}


class DescentView(Widget):
    """Gradient descent on a contour map, from a point that is dragged or moved with the arrow keys.

    surfaces    {name: Surface}; default: the three surfaces of this module
    rate        the learning rate at first, 0.001 to 1
    momentum    0 up to, but not including, 1; only the optimizer of that name uses it. Adam has its usual 0.9 and 0.999
    steps       how many steps the paths go at first, at most 300
    optimizers  those shown at first, of "sgd", "momentum", "adam"

    Raises ValueError where a setting is out of its range or a surface is no polynomial.
    """

    _module = "descent.js"

    title = traitlets.Unicode().tag(sync=True)
    surfaces = traitlets.List(traitlets.Dict()).tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    momentum = traitlets.Float().tag(sync=True)
    steps = traitlets.Int().tag(sync=True)
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        surfaces: Mapping[str, Surface] | None = None,
        *,
        rate: float = 0.05,
        momentum: float = 0.9,
        steps: int = 50,
        optimizers: Sequence[str] = OPTIMIZERS,
        title: str = "",
    ) -> None:
        surfaces = SURFACES if surfaces is None else surfaces
        if not surfaces:
            raise ValueError("DescentView needs a surface: {name: Surface}.")
        for name, surface in surfaces.items():
            check(name, surface)
        if not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"the learning rate {rate:g} is not between {RATES[0]:g} and {RATES[1]:g}.")
        if not 0 <= momentum < 1:
            raise ValueError(f"the momentum {momentum:g} is not between 0 and 1.")
        if not 0 <= steps <= MOST_STEPS:
            raise ValueError(f"{steps} steps: choose 0 to {MOST_STEPS}.")
        unknown = [one for one in optimizers if one not in OPTIMIZERS]
        if unknown:
            raise ValueError(f"no optimizer {unknown[0]!r}: there is {', '.join(OPTIMIZERS)}.")
        self._reserve = reserved(title, len(surfaces), len(set(optimizers)))
        super().__init__(
            title=title,
            surfaces=[plain(name, surface) for name, surface in surfaces.items()],
            rate=rate,
            momentum=momentum,
            steps=steps,
            shown=[one for one in OPTIMIZERS if one in optimizers],
        )

    def describe(self) -> str:
        """The surfaces, and what is set."""
        first = self.surfaces[0]
        start = ", ".join(f"{value:g}" for value in first["start"])
        names = ", ".join(one["name"] for one in self.surfaces)
        return f"DescentView({names}; {', '.join(self.shown)} from ({start}), learning rate {self.rate:g}, {self.steps} steps)"


def check(name: str, surface: Surface) -> None:
    """ValueError where a surface cannot be drawn."""
    for term in surface.terms:
        c, i, j = term
        if not math.isfinite(c) or i != int(i) or j != int(j) or min(i, j) < 0:
            raise ValueError(f"{name}: {term} is no term (coefficient, power of x, power of y) of a polynomial.")
    for (low, high), at in zip((surface.x, surface.y), surface.start, strict=True):
        if not low <= at <= high or low == high:
            raise ValueError(f"{name}: the start {at:g} does not lie between {low:g} and {high:g}.")


def plain(name: str, surface: Surface) -> dict:
    """A surface as JSON."""
    terms = [[float(c), int(i), int(j)] for c, i, j in surface.terms]
    ranges = {key: [float(value) for value in getattr(surface, key)] for key in ("x", "y", "start")}
    return {"name": name, "terms": terms, "names": list(surface.names)} | ranges


def reserved(title: str, surfaces: int, optimizers: int) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    more = (37 if title else 0) + 30 * optimizers
    return 730 + more, 706 + more + (40 if surfaces > 1 else 0)
