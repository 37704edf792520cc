"""Function calling: a tool is described by a JSON schema, a model writes a call as JSON, and gets an observation back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CALL = 20_000  # characters of a call
OBSERVATION = 2_000  # characters of an observation


@dataclass(frozen=True)
class Tool:
    """A tool as a model is told of it, and as it is run.

    name         letters, digits, _ and -, as the services want it
    description  what it does and when to use it: a model chooses by this text
    parameters   a JSON schema (draft 2020-12) of its arguments, of type "object"
    run          the function; it gets the arguments by name

    Raises ValueError for a name or a schema that cannot be one.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[..., Any]

    def __post_init__(self) -> None:
        from jsonschema import Draft202012Validator, SchemaError

        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.name):
            raise ValueError(f"A tool's name is 1 to 64 letters, digits, _ or -; got {self.name!r}.")
        try:
            Draft202012Validator.check_schema(self.parameters)
        except SchemaError as error:
            raise ValueError(f"The parameters of {self.name} are not a JSON schema: {error.message}.") from None
        if self.parameters.get("type") != "object":
            raise ValueError(f'The parameters of {self.name} must have "type": "object": arguments are given by name.')
        if away := re.search(r'"\$ref": "([^#"][^"]*)', json.dumps(self.parameters)):
            raise ValueError(f"The parameters of {self.name} refer to {away[1]}: a schema must be complete, nothing is fetched.")

    def schema(self) -> dict:
        """How a model is told of the tool, in the form that OpenAI's API and the chat templates of open models take."""
        told = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": told}


def call(tools: Iterable[Tool], text: str, longest: int = OBSERVATION) -> str:
    """Answers a call that a model wrote, {"name": "…", "arguments": {…}}, with an observation: text for it to read.

    The text is parsed as JSON, its arguments are validated against the tool's schema, and the tool is run. Whatever goes wrong
    on the way is an observation that begins with "Error" and says what to mend; so nothing that a model writes raises. What is
    longer than `longest` characters is cut, saying so. Raises ValueError where two tools have the same name.
    """
    named = {}
    for tool in tools:
        if named.setdefault(tool.name, tool) is not tool:
            raise ValueError(f"Two tools are called {tool.name!r}: a call could not say which it means.")
    try:
        tool, arguments = _read_call(named, text)
        _check_arguments(tool, arguments)
    except ValueError as error:
        return _cut(_text(f"Error: {error}"), longest)
    try:
        found = tool.run(**arguments)
        return _cut(_text("(nothing)" if found is None else str(found)), longest)
    except Exception as error:
        kind = "" if type(error) is ValueError else f" ({type(error).__name__})"
        return _cut(_text(f"Error: {tool.name} failed{kind}: {error}"), longest)


def _read_call(named: Mapping[str, Tool], text: str) -> tuple[Tool, dict]:
    """The tool and the arguments that a text asks for; ValueError saying what is wrong with it."""
    form = 'Write {"name": "…", "arguments": {…}} and nothing else.'
    asked = _json(text, form)
    if not isinstance(asked, dict) or not isinstance(asked.get("name"), str):
        raise ValueError(f'a call is an object with a "name" and "arguments". {form}')
    names = ", ".join(sorted(named))
    if asked["name"] not in named:
        raise ValueError(f"there is no tool {_cut(asked['name'], 60)!r}. The tools are: {names}.")
    arguments = asked.get("arguments", {})
    if isinstance(arguments, str):  # OpenAI's API sends the arguments as a JSON text
        arguments = _json(arguments, 'The "arguments" are an object, {…}.')
    if not isinstance(arguments, dict):
        raise ValueError(f'the "arguments" of {asked["name"]} must be an object, {{…}}, not {_kind(arguments)}.')
    if extra := set(asked) - {"name", "arguments", "id", "type"}:
        raise ValueError(f"{_cut(min(extra), 60)!r} is no part of a call. {form}")
    return named[asked["name"]], arguments


def _json(text: str, form: str) -> Any:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the call is empty. {form}")
    if len(text) > MOST_CALL:
        raise ValueError(f"the call has {len(text):,} characters; at most {MOST_CALL:,} are read.")
    inside = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", text, re.DOTALL)  # models like to put it into a fence
    try:
        return json.loads(inside[1] if inside else text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON (line {error.lineno}, column {error.colno}: {error.msg}). {form}") from None
    except RecursionError:
        raise ValueError(f"the call is nested too deeply. {form}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON.")


def _once(pairs: list[tuple[str, Any]]) -> dict:
    """An object whose keys differ: with a key twice, two readers could understand two things."""
    found: dict = {}
    for key, value in pairs:
        if found.setdefault(key, value) is not value:
            raise ValueError(f"the key {_cut(key, 60)!r} stands there twice.")
    return found


def _check_arguments(tool: Tool, arguments: dict) -> None:
    """ValueError naming the first argument that the tool's schema does not allow."""
    from jsonschema import Draft202012Validator

    schema = {"additionalProperties": False} | dict(tool.parameters)
    errors = Draft202012Validator(schema).iter_errors(arguments)
    error = min(errors, key=lambda one: (len(one.path), one.message), default=None)
    if error is not None:
        which = f"argument {'.'.join(map(str, error.path))}" if error.path else "call"
        known = ", ".join(tool.parameters.get("properties", {})) or "none"
        raise ValueError(f"the {which} of {tool.name} is wrong: {_cut(error.message, 200)}. Its arguments: {known}.")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def _text(text: str) -> str:
    """Text that can be shown and stored anywhere: no lone surrogates, and no control characters but line breaks and tabs."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text.replace("\r\n", "\n"))


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    note = f" … [cut: {longest:,} of {len(text):,} characters]" if longest > 100 else "…"
    return text[: longest - len(note)] + note
