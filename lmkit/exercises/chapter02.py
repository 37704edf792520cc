"""Checkers for chapter 2, the history. Each tries an answer on inputs that it has not seen and names the typical mistakes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, number

# 2.1 pieces that were never seen


def unseen_share(answer: Callable) -> None:
    read = list("abcabdaabceabc")
    for letters, n in (("abcdabxabcxabc", 2), ("abdabdbaabcabc", 3), ("abxxab", 1)):
        new = list(letters)
        result = number(call(answer, list(read), list(new), n))
        known, mine = set(pieces(read, n)), pieces(new, n)
        unseen = [piece not in known for piece in mine]
        if close(result, sum(unseen) / len(mine)):
            continue
        types = {piece: piece not in known for piece in mine}
        cut = pieces(new[:-1], n)
        wrong = [
            (1 - sum(unseen) / len(mine), "that is the share that *was* seen."),
            (sum(types.values()) / len(types), "each different piece is counted once: a piece that stands twice counts twice."),
            (sum(unseen) / len(new), "divide by the number of pieces: there are n − 1 fewer of them than words."),
            (sum(unseen), "that is a number of pieces: divide it by all of them."),
            (sum(p not in known for p in cut) / len(cut), "the last piece is missing: the last one begins at len(new) − n."),
            (sum(p not in mine for p in pieces(read, n)) / len(pieces(read, n)), "the two texts are exchanged: pieces of `new`."),
        ]
        name_mistake(result, wrong, f"not yet: for n = {n} and new = {' '.join(new)} it should be {sum(unseen)}/{len(mine)}.")


def pieces(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


# 2.2 perplexity


def perplexity(answer: Callable) -> None:
    for p in ([0.5, 0.125, 0.25], [0.9, 0.02, 0.4, 0.4]):
        result = number(call(answer, list(p)))
        logs = [math.log(x) for x in p]
        right = math.exp(-sum(logs) / len(p))
        if close(result, right):
            continue
        wrong = [
            (1 / right, "upside down: mind the sign of ln p."),
            (-sum(logs) / len(p), "that is the loss in nats: raise e to it."),
            (math.exp(-sum(logs)), "take the mean of the logarithms, not their sum: the text's length must not count."),
            (sum(1 / x for x in p) / len(p), "that averages 1/p. Average the logarithms, then raise e to the mean."),
            (len(p) / sum(p), "that averages p. Average the logarithms: one hopeless word must weigh."),
            (2 ** (-sum(logs) / len(p)), "base 2 belongs to log2; with natural logarithms it is e."),
            (math.exp(-sum(map(math.log2, p)) / len(p)), "e belongs to the natural logarithm; with log2 it is 2."),
        ]
        name_mistake(result, wrong, f"not yet: for p = {p} it should be {right:.4f}.")


# 2.3 forward chaining


def chain(answer: Callable) -> None:
    rules = [({"c", "d"}, "e"), ({"b"}, "c"), ({"a"}, "b"), ({"a", "x"}, "y"), ({"e"}, "f")]
    for start in ({"a", "d"}, {"b"}, {"x"}):
        given = set(start)
        result = call(answer, given, [(set(needs), then) for needs, then in rules])
        if given != start:
            raise Mistake("your function changed `facts` itself: begin with a copy, `set(facts)`.")
        if not isinstance(result, set | frozenset | list | tuple):
            raise Mistake(f"return a set of facts; your function returns a {type(result).__name__}.")
        right, found = closure(start, rules), set(result)
        if found == right:
            continue
        once = start | {then for needs, then in rules if needs <= start}
        in_turn = set(start)
        for needs, then in rules:
            in_turn |= {then} if needs <= in_turn else set()
        if found == right - start:
            raise Mistake("those are only the new facts: what was known before still holds.")
        if found == closure(start, rules, some=True):
            raise Mistake("a rule needs *all* of its conditions, not one of them: use `needs <= known`.")
        if found in (once, in_turn):
            raise Mistake("once through the rules is not enough: a new fact may fire a rule already passed. Repeat to the end.")
        raise Mistake(f"not yet: from {sorted(start)} it should be {sorted(right)}, and is {sorted(map(str, found))}.")


def closure(facts: set[str], rules: list, some: bool = False) -> set[str]:
    known = set(facts)
    while new := {then for needs, then in rules if (needs & known if some else needs <= known)} - known:
        known |= new
    return known


# 2.4 the best path


def best_path(answer: Callable) -> None:
    for seed, tags, places in ((6, 3, 5), (11, 4, 4), (3, 2, 6)):
        first, step, emit = probabilities(seed, tags, places)
        result = call(answer, first.clone(), step.clone(), emit.clone())
        path = whole_numbers(result, places)
        right = best(first, step, emit)
        if path == right:
            continue
        uniform = torch.full_like(first, 1.0)
        if path == emit.argmax(1).tolist():
            raise Mistake("each word gets its own best tag: the steps from tag to tag count too.")
        if path == greedy(first, step, emit):
            raise Mistake("that is greedy: the best tag now can lead to a poor path later. Keep the best way to *every* tag.")
        if path == right[::-1]:
            raise Mistake("the path is backwards: it is followed from the last word to the first, so turn it round.")
        if path == best(uniform, step, emit):
            raise Mistake("use `first`: not every tag begins a sentence as often.")
        if path == best(first, step.T, emit):
            raise Mistake("`step` is transposed: step[a, b] is the probability that b follows a.")
        score = [probability(p, first, step, emit) for p in (path, right)]
        raise Mistake(f"not the best path: yours has the probability {score[0]:.3g}, another one {score[1]:.3g}.")


def whole_numbers(result: Any, places: int) -> list[int]:
    try:
        path = [int(tag) for tag in result]
    except (TypeError, ValueError) as error:
        raise Mistake(f"return a list of tags, one for each place; your function returns a {type(result).__name__}.") from error
    if len(path) != places:
        raise Mistake(f"the path should have one tag for each of the {places} places, and has {len(path)}.")
    return path


def probabilities(seed: int, tags: int, places: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, step = ((2.0 * torch.randn(*shape, generator=generator)).softmax(-1) for shape in ((tags,), (tags, tags)))
    return first, step, torch.rand(places, tags, generator=generator)


def probability(path: Sequence[int], first: torch.Tensor, step: torch.Tensor, emit: torch.Tensor) -> float:
    ways = [first[path[0]], *(step[a, b] for a, b in itertools.pairwise(path)), *(emit[i, tag] for i, tag in enumerate(path))]
    return float(torch.stack(ways).prod())


def best(first: torch.Tensor, step: torch.Tensor, emit: torch.Tensor) -> list[int]:
    """The best of all paths, by trying each."""
    paths = itertools.product(range(len(first)), repeat=len(emit))
    return list(max(paths, key=lambda path: probability(path, first, step, emit)))


def greedy(first: torch.Tensor, step: torch.Tensor, emit: torch.Tensor) -> list[int]:
    path = [int((first * emit[0]).argmax())]
    for word in emit[1:]:
        path.append(int((step[path[-1]] * word).argmax()))
    return path


# 2.5 growth in a year


def growth(answer: Callable) -> None:
    for years, sizes in (([2018.5, 2019, 2020.4, 2022], [1.2e8, 1.5e9, 1.7e11, 6e10]), ([1.0, 2.0, 4.0], [3.0, 50.0, 60.0])):
        result = number(call(answer, list(years), list(sizes)))
        slope = float(np.polyfit(years, np.log10(sizes), 1)[0])
        if close(result, 10**slope):
            continue
        ends = (sizes[-1] / sizes[0]) ** (1 / (years[-1] - years[0]))
        back = float(np.polyfit(np.log10(sizes), years, 1)[0])
        wrong = [
            (slope, "that is the slope, in powers of ten: raise 10 to it."),
            (slope * math.log(10), "that is the slope of the natural logarithm: raise e to it."),
            (math.exp(slope), "10 belongs to log10, e to the natural logarithm: they are mixed."),
            (10 ** (slope * math.log(10)), "e belongs to the natural logarithm, 10 to log10: they are mixed."),
            (ends, "that uses only the first and the last model: fit the line to all of them."),
            (float(np.polyfit(years, sizes, 1)[0]), "take logarithms first: growth by a factor is a straight line only there."),
            (10**back, "the axes are exchanged: years are x, logarithms of sizes y."),
        ]
        name_mistake(result, wrong, f"not yet: for the sizes {sizes} in {years} it should be {10**slope:.4g}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "2.1": unseen_share,
    "2.2": perplexity,
    "2.3": chain,
    "2.4": best_path,
    "2.5": growth,
}
