"""The landscape of models as tables with a source and a date in every row, and the sums that are done with them.

    landscape.rows("models")                        the two tables of the sources, and what has become of them
    landscape.cost(price, read, written, cached)    what a request costs
    landscape.parameters(shape)                     parameters, from the numbers that describe a model
    landscape.memory(shape, bits, tokens, batch)    bytes of its weights and of its cache
    landscape.fits(size, gpus)                      the machines that have room for it

`data/README.md` says what the columns mean and how each cell was checked. This module reads files and multiplies; it knows
nothing about models beyond the numbers that describe them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "landscape"
TABLES = ("models", "licences", "video", "prices", "layers", "scenarios", "predictions", "shapes", "gpus")
NUMBERS = {
    "video": ("seconds_low", "seconds_high", "fps_low", "fps_high"),
    "prices": ("input", "cached", "output"),
    "shapes": ("vocabulary", "width", "layers", "heads", "kv_heads", "head_dim", "mlp", "matrices", "tied", "experts", "latent",
               "context", "tokens", "published"),
    "gpus": ("gigabytes",),
}  # fmt: skip
VERIFIED = ("yes", "partly", "claim", "no")
SPARE = 0.1  # of a GPU's memory, left for what a program needs besides weights and cache


def rows(table: str) -> list[dict]:
    """The rows of a table as dicts; numbers are numbers, None where a cell is empty. Raises ValueError for an unknown table."""
    if table not in TABLES:
        raise ValueError(f"no table {table!r}: there are {', '.join(TABLES)}.")
    return [dict(row) for row in _read(table)]


@cache
def _read(table: str) -> tuple[dict, ...]:
    with (DATA / f"{table}.csv").open(encoding="utf8", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        for column in NUMBERS.get(table, ()):
            row[column] = float(row[column]) if row[column] else None
    return tuple(found)


def find(table: str, name: str) -> dict:
    """The row of this name (its first column, or the column `name`). Raises LookupError where there is none."""
    for row in rows(table):
        if name in (row.get("name"), next(iter(row.values()))):
            return row
    names = ", ".join(next(iter(row.values())) for row in rows(table))
    raise LookupError(f"no {name!r} in the table {table!r}: there are {names}.")


def cost(price: Mapping, read: float, written: float = 0, cached: float = 0) -> float:
    """What a request costs, in the currency of `price`, a row of the table of prices (per million tokens).

    read     tokens of the prompt, all of them
    written  tokens of the answer, thoughts that are not shown among them
    cached   those of the prompt that the provider had kept; without a price of their own they cost what the others cost

    Raises ValueError for a negative number, for more cached than read, and where tokens were written and no price is known.
    """
    if min(read, written, cached) < 0:
        raise ValueError(f"tokens cannot be negative: {read}, {written}, {cached}.")
    if cached > read:
        raise ValueError(f"{cached:,} of {read:,} tokens read cannot come from a cache.")
    if written and price["output"] is None:
        raise ValueError(f"no price is known for what {price['model']} writes.")
    kept = price["input"] if price["cached"] is None else price["cached"]
    return ((read - cached) * price["input"] + cached * kept + written * (price["output"] or 0)) / 1e6


def parameters(shape: Mapping) -> int:
    """Parameters of a decoder from the numbers of its shape: embeddings, attention, MLP (all its experts) and norms.

    Raises ValueError for a model with latent attention, whose description needs more numbers than a row of the table has.
    """
    if shape["latent"]:
        raise ValueError(f"{shape['name']} compresses keys and values: take the published {shape['published']:,.0f}.")
    width, inner = shape["width"], shape["heads"] * shape["head_dim"]
    attention = 2 * width * inner + 2 * width * shape["kv_heads"] * shape["head_dim"]
    router = width * shape["experts"] if shape["experts"] > 1 else 0
    mlp = shape["experts"] * shape["matrices"] * width * shape["mlp"] + router
    embedding = shape["vocabulary"] * width * (1 if shape["tied"] else 2)
    return round(embedding + shape["layers"] * (attention + mlp + 2 * width) + width)


def size_of(shape: Mapping) -> float:
    """Parameters: counted from the shape, published where that cannot be done."""
    return shape["published"] if shape["latent"] else parameters(shape)


def cache_per_token(shape: Mapping) -> int:
    """Numbers that the cache keeps for one token: keys and values of all layers, or what latent attention keeps of them."""
    each = shape["latent"] or 2 * shape["kv_heads"] * shape["head_dim"]
    return round(shape["layers"] * each)


def memory(shape: Mapping, bits: float = 16, tokens: int = 0, batch: int = 1, cache_bits: float = 16) -> tuple[float, float]:
    """Bytes of the weights at `bits` a parameter, and of the cache for `batch` texts of `tokens` tokens.

    Raises ValueError for numbers that are not positive (tokens may be 0).
    """
    if bits <= 0 or cache_bits <= 0 or batch < 1 or tokens < 0:
        raise ValueError(f"bits, batch and tokens must be positive: {bits}, {cache_bits}, {batch}, {tokens}.")
    return size_of(shape) * bits / 8, cache_per_token(shape) * tokens * batch * cache_bits / 8


def fits(size: float, gpus: Sequence[Mapping] | None = None, spare: float = SPARE) -> list[str]:
    """Names of the machines with room for `size` bytes, a share `spare` of the memory being left free."""
    machines = rows("gpus") if gpus is None else gpus
    return [gpu["name"] for gpu in machines if size <= (1 - spare) * gpu["gigabytes"] * 1e9]
