"""BoundaryView: points of two classes and the boundary between them, moved by hand or learned in the page.

Without hidden units the boundary is a line that the reader drags by two handles, and learning is logistic regression; with one
to eight it is a network with one hidden layer of tanh units, trained on all points at every step. The loss, its gradient and the
steps are computed in `boundary_model.js`, by the formulas of torch. This module only checks the points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets

from .base import Widget

MOST_POINTS = 500
MOST_UNITS = 8
RATES = (0.01, 10.0)  # the smallest and the largest learning rate that the reader can set
OPTIMIZERS = ("sgd", "adam")


class BoundaryView(Widget):
    """A map of two classes: the reader drags the boundary, lets it learn, and moves, adds or takes away points.

    points, labels            [n, 2] numbers in any units, and n labels 0 or 1; at most 500, both classes among them
    names, classes            of the two axes, and of the classes 0 and 1
    hidden                    0: a line with two handles. 1 to 8: a network of so many tanh units; the reader can change
                              their number, down to 0
    test_points, test_labels  points held out: the model does not learn from them, and is measured on them too
    rate                      the learning rate, 0.01 to 10; default: 0.5, with Adam 0.05
    optimizer                 "sgd" (plain gradient descent) or "adam"; default: "sgd" for a line, "adam" for a network
    seed                      of the network's random start
    next_step                 whether a line shows at first where the next gradient step would take it

    The model sees every coordinate minus its mean, divided by its standard deviation, over `points`; the loss is the mean
    log-loss in nats (binary cross-entropy), without a penalty. Raises ValueError where the points cannot be shown.
    """

    _module = "boundary.js"

    title = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    points = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    test_points = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    test_labels = traitlets.List(traitlets.Int()).tag(sync=True)
    hidden = traitlets.Int().tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    optimizer = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    next_step = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        points: Sequence[Sequence[float]],
        labels: Sequence[int],
        names: tuple[str, str] = ("x", "y"),
        classes: tuple[str, str] = ("A", "B"),
        *,
        hidden: int = 0,
        test_points: Sequence[Sequence[float]] = (),
        test_labels: Sequence[int] = (),
        rate: float | None = None,
        optimizer: str | None = None,
        seed: int = 0,
        next_step: bool = True,
        title: str = "",
    ) -> None:
        points, labels = check("points", points, labels)
        if set(labels) != {0, 1}:
            raise ValueError(f"the labels hold only {sorted(set(labels))}: BoundaryView needs points of both classes, 0 and 1.")
        test_points, test_labels = check("test_points", test_points, test_labels)
        for what, pair in (("names", names), ("classes", classes)):
            if isinstance(pair, str) or len(pair) != 2:
                raise ValueError(f"{what} must be two texts, not {pair!r}.")
        if not 0 <= hidden <= MOST_UNITS:
            raise ValueError(f"{hidden} hidden units: choose 0 (a line) to {MOST_UNITS}.")
        optimizer = optimizer or ("adam" if hidden else "sgd")
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"no optimizer {optimizer!r}: there is {', '.join(OPTIMIZERS)}.")
        rate = (0.05 if optimizer == "adam" else 0.5) if rate is None else rate
        if not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"the learning rate {rate:g} is not between {RATES[0]:g} and {RATES[1]:g}.")
        if seed < 0:
            raise ValueError(f"the seed {seed} is negative.")
        self._reserve = reserved(title, bool(test_points))
        super().__init__(
            title=title,
            names=list(names),
            classes=list(classes),
            points=points,
            labels=labels,
            test_points=test_points,
            test_labels=test_labels,
            hidden=hidden,
            rate=rate,
            optimizer=optimizer,
            seed=seed,
            next_step=next_step,
        )

    def describe(self) -> str:
        """How many points of each class there are, and what is to part them."""
        ones = sum(self.labels)
        counts = f"{len(self.labels) - ones} {self.classes[0]}, {ones} {self.classes[1]}"
        held_out = f"; {len(self.test_labels)} held out" if self.test_labels else ""
        model = f"{self.hidden} tanh units from seed {self.seed}" if self.hidden else "a line"
        return f"BoundaryView({counts}{held_out}; {model}, {self.optimizer}, learning rate {self.rate:g})"


def check(what: str, points: Sequence[Sequence[float]], labels: Sequence[int]) -> tuple[list[list[float]], list[int]]:
    """The points and labels as plain lists; ValueError where they do not fit each other or cannot be drawn."""
    table = np.asarray(points, dtype=np.float64).reshape(-1, 2) if len(points) == 0 else np.asarray(points, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(f"{what} has the shape {table.shape}; it must be [n, 2].")
    if len(table) > MOST_POINTS:
        raise ValueError(f"{what} holds {len(table)} points: show at most {MOST_POINTS}.")
    if len(table) != len(labels):
        raise ValueError(f"{what} holds {len(table)} points, and there are {len(labels)} labels for them.")
    if not np.isfinite(table).all():
        raise ValueError(f"{what}: point {int(np.argmin(np.isfinite(table).all(axis=1)))} is not finite.")
    wrong = [label for label in labels if label not in (0, 1)]
    if wrong:
        raise ValueError(f"the label {wrong[0]!r} is neither 0 nor 1.")
    return table.tolist(), [int(label) for label in labels]


def reserved(title: str, held_out: bool) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    more = 37 if title else 0
    return 752 + more, 1305 + more + (50 if held_out else 0)
