"""Small tools, each a function from text to text: arithmetic, a search in a few texts, the date, a table of one's own.

Where a text cannot be used they raise a ValueError that says what to mend: a loop hands it to the model as an observation.
"""

from __future__ import annotations

import ast
import datetime
import decimal
import difflib
import math
import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction

SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})
LONGEST = 200  # characters of an expression
DIGITS = 100  # of a result
TOO_LONG = f"The result has more than {DIGITS} digits."
EXACT = decimal.Context(prec=12, rounding=decimal.ROUND_HALF_EVEN)


class Calculator:
    """Arithmetic and nothing else: + − × ÷ // % and powers of decimal numbers, with brackets. No names, so no code.

    It computes with exact fractions: 0.1 + 0.2 is 0.3. A result that is not whole is rounded to 12 digits.
    """

    def __call__(self, expression: str) -> str:
        """The value as text. Raises ValueError, saying what to mend, for anything that is not such an expression, for a division
        by zero, and for a result of more than 100 digits."""
        return _decimal(_arithmetic(*_parsed(expression)))


def _parsed(expression: str) -> tuple[ast.expr, str]:
    """The tree of an expression, and the text that it was made from."""
    if not isinstance(expression, str) or not expression.strip():
        raise ValueError("Give an expression such as 37 * 29.")
    if len(expression) > LONGEST:
        raise ValueError(f"The expression has {len(expression)} characters; at most {LONGEST} are read. Compute it in parts.")
    text = unicodedata.normalize("NFKC", expression).translate(SIGNS).strip().rstrip("=? ")
    if strange := re.search(r"[^\d\s.,+*/%()eE-]+|(?<![\d.])[eE]+|[eE](?![\d+-])", text, re.ASCII):
        raise ValueError(
            f"{strange[0]!r} is no part of arithmetic. Write only numbers, + - * / ** % and brackets, no words or units."
        )
    text = re.sub(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda number: number[0].replace(",", ""), text)
    if "," in text:
        raise ValueError(f"A comma may only part groups of three digits, as in 1,234,567; got {expression.strip()!r}.")
    text = re.sub(r"(?<![\d.eE+-])0+(?=\d)|(?<=[+-])(?<![eE][+-])0+(?=\d)", "", text)  # Python refuses 007
    if re.search(r"[eE][+-]?\d{4}", text):
        raise ValueError(TOO_LONG)
    try:
        return ast.parse(text, mode="eval").body, text
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        hint = " For a percentage write 15 / 100 * 80." if "%" in text else ""
        raise ValueError(f"{expression.strip()!r} is not a complete expression: check signs and brackets.{hint}") from None


def _arithmetic(node: ast.expr, text: str) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _bounded(Fraction(ast.get_source_segment(text, node)))  # as it is written: a float would round it
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _arithmetic(node.operand, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _arithmetic(node.left, text), _arithmetic(node.right, text)
        if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod) and right == 0:
            raise ValueError(f"Division by zero: {_decimal(left)} cannot be divided by 0.")
        if isinstance(node.op, ast.Pow):
            return _bounded(_power(left, right))
        operations = {
            ast.Add: Fraction.__add__, ast.Sub: Fraction.__sub__, ast.Mult: Fraction.__mul__, ast.Div: Fraction.__truediv__,
            ast.FloorDiv: Fraction.__floordiv__, ast.Mod: Fraction.__mod__,
        }  # fmt: skip
        return _bounded(Fraction(operations[type(node.op)](left, right)))
    if isinstance(node, ast.Call):
        raise ValueError("Write the sign * between a number and a bracket.")
    raise ValueError("Only numbers, + - * / ** % and brackets can be computed.")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise ValueError("Division by zero: 0 has no negative power.")
    size = math.log10(max(abs(base.numerator), base.denominator)) * abs(exponent)
    if size > DIGITS + 1 or abs(exponent) > 1000:
        raise ValueError(TOO_LONG)
    if exponent.denominator == 1:
        return Fraction(base**exponent.numerator)
    if base < 0:
        raise ValueError(f"A negative number has no real power {_decimal(exponent)}.")
    return Fraction(repr(float(base) ** float(exponent)))


def _bounded(value: Fraction) -> Fraction:
    if abs(value) >= 10**DIGITS or value.denominator >= 10 ** (2 * DIGITS):
        raise ValueError(TOO_LONG)
    return value


def _decimal(value: Fraction) -> str:
    """A whole number with all its digits, another one with at most 12."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = EXACT.divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator)).normalize(EXACT)
    return f"{rounded:f}" if abs(value) >= Fraction(1, 10**9) else str(rounded)


class Search:
    """Looks a question up in a few texts: `documents` is {title: text}. It compares words (BM25, as in `lmkit.retrieval`;
    Chinese as pairs of characters), and gives back the best passage of at most `size` characters, after its title.

    Raises ValueError where there is no text to search.
    """

    def __init__(self, documents: Mapping[str, str], size: int = 300) -> None:
        from lmkit.retrieval import Keywords, split

        self.passages = [piece for title, text in documents.items() for piece in split(text, size, 0, document=title)]
        if not self.passages:
            raise ValueError("Search needs at least one document with some text in it: {title: text}.")
        self._index = Keywords([f"{piece.document}\n{piece.text}" for piece in self.passages])

    def __call__(self, query: str) -> str:
        """ "Title: passage", or that nothing was found. Raises ValueError for an empty query."""
        if not isinstance(query, str) or not query.strip():
            raise ValueError("Give some words to search for.")
        scores = self._index.scores(query[:1000])
        titled = [i for i, piece in enumerate(self.passages) if piece.document.casefold() == query.strip().casefold()]
        best = max(titled or range(len(scores)), key=lambda i: scores[i])
        if scores[best] <= 0:
            return f"Nothing found for {query.strip()[:60]!r}. Try other words."
        return f"{self.passages[best].document}: {self.passages[best].text}"


class Today:
    """The date, which no model knows. `date` fixes it, for a test or for a page that must not change."""

    WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

    def __init__(self, date: datetime.date | None = None) -> None:
        self.date = date

    def __call__(self, _: str = "") -> str:
        date = self.date or datetime.date.today()
        return f"Today is {self.WEEKDAYS[date.weekday()]}, {date.isoformat()}."


class Lookup:
    """A table of your own, {key: value}, asked for one key; a misspelt one is answered with those that come near."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = {str(key): str(value) for key, value in table.items()}

    def __call__(self, key: str) -> str:
        """The value. Raises ValueError for a key that the table does not hold."""
        wanted = str(key).strip().casefold()
        found = next((value for name, value in self.table.items() if name.casefold() == wanted), None)
        if found is not None:
            return found
        near = difflib.get_close_matches(str(key).strip()[:100], self.table, n=3)
        mend = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Its keys are: " + ", ".join(list(self.table)[:10])
        raise ValueError(f"There is no {str(key)[:60]!r} in the table. {mend}")
