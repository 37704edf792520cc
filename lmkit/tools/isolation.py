"""Running a Python program that nobody has read, apart from this machine, or not at all.

It knows nothing about who wrote the program. Loaded alone, it needs only `pydantic-monty`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

MOST_CODE = 100_000  # characters of a program
MOST_VALUE = 10_000  # characters and items of a value that is handed back
MOST_BITS = 14_000  # of an integer that is handed back: Python writes no integer of more than 4,300 digits
DEEPEST = 20  # lists within lists of a value that is handed back
WORKER = "pydantic-monty-runtime"  # the distribution that brings the worker's program
STARTING = threading.Lock()
BASE_MB = 64  # address space that a worker needs before it has run anything, generously


class NoIsolation(RuntimeError):
    """A program cannot be kept apart from this machine, so it was not run."""


@dataclass(frozen=True)
class Ran:
    """What a program did.

    value    of its last line where that is an expression: None, bool, int, float, str, bytes, or lists, tuples, dicts and sets
             of them; anything else as a text
    output   what it printed before it ended or was stopped
    error    None, or what went wrong, as "ZeroDivisionError: division by zero"
    seconds  that it ran
    """

    value: Any
    output: str
    error: str | None
    seconds: float = field(default=0.0, compare=False, repr=False)

    def __str__(self) -> str:
        """What an agent gets to read: the output, then the value or the error."""
        end = self.error or ("" if self.value is None else repr(self.value))
        return "\n".join(part for part in (self.output.rstrip("\n"), end) if part) or "(no output)"


def run_python(code: str, seconds: float = 2.0, memory_mb: int = 64, max_output: int = 10_000, recursion: int = 1_000) -> Ran:
    """Runs a program that nobody has read, apart from this machine.

    It is run by Monty (`pydantic-monty`), a Python interpreter that has no files, environment, network, processes, threads or
    modules of the host to give, in a process of its own with an empty environment, started for this program and ended after
    it. On Linux the kernel holds that process too: no file or socket more, no process, so much memory and time. Many things
    of Python are missing there (`yield`, most of the library): they are errors.

    `seconds` of running, `memory_mb` megabytes, `max_output` printed characters and `recursion` calls within calls are at most
    allowed; the process is killed where the interpreter does not stop in time. Random numbers begin at the same seed every
    time, and sleeping takes no time. Whatever the program does is told in the result: nothing it does raises.

    Raises NoIsolation where the packaged worker is missing, changed or cannot be started: there is no second way to run the
    program. TypeError for a program that is not text, ValueError for a limit that is none.
    """
    if not isinstance(code, str):
        raise TypeError(f"A program is text; got {type(code).__name__}.")
    limits = {"seconds": (seconds, 0.01, 60), "memory_mb": (memory_mb, 1, 1024), "max_output": (max_output, 0, 10**6)}
    for name, (value, least, most) in (limits | {"recursion": (recursion, 1, 1_000)}).items():
        if not least <= value <= most:
            raise ValueError(f"{name} is between {least} and {most:,}; got {value}.")
    if len(code) > MOST_CODE:
        return Ran(None, "", f"ValueError: the program has {len(code):,} characters, and at most {MOST_CODE:,} are run.")
    program, output = _worker(), _Output(max_output)
    value = error = None
    with contextlib.ExitStack() as stack:
        session = _session(stack, program, seconds, memory_mb, recursion)
        started = time.perf_counter()
        try:
            value = _plain(session.feed_run(code, print_callback=output.write))
        except Exception as raised:
            error = _told(raised, seconds, memory_mb)
        ran = time.perf_counter() - started
    if output.full:
        value, error = None, f"OutputLimit: the program printed more than {max_output:,} characters."
    return Ran(value, "".join(output.parts), error, ran)


def _worker() -> str:
    """The path of the worker's program, which must be the one that its wheel brought; NoIsolation otherwise."""
    install = "Install it with: pip install pydantic-monty. The program was not run."
    try:
        import pydantic_monty  # noqa: F401

        files = metadata.distribution(WORKER).files or []
    except ImportError as error:  # PackageNotFoundError is one
        raise NoIsolation(f"run_python needs an interpreter of its own, the package pydantic-monty. {install}") from error
    entry = next((one for one in files if one.name in ("monty", "monty.exe") and one.hash and one.hash.mode == "sha256"), None)
    if entry is None:
        raise NoIsolation(f"The package {WORKER} does not list its worker with a checksum, so it cannot be verified. {install}")
    path = Path(entry.locate()).resolve()
    try:
        stat = path.stat()
        same = _sha256(path, stat.st_size, stat.st_mtime_ns) == base64.urlsafe_b64decode(entry.hash.value + "==")
    except OSError as error:
        raise NoIsolation(f"The worker {path.name} cannot be read ({error.strerror}). {install}") from error
    if not same:
        raise NoIsolation(f"The worker {path.name} is not the one that {WORKER} brought: its checksum differs. {install}")
    return str(path)


@lru_cache(maxsize=4)
def _sha256(path: Path, size: int, modified: int) -> bytes:
    """The file's digest; `size` and `modified` are there so that a changed file is read again."""
    return hashlib.sha256(path.read_bytes()).digest()


def _session(stack: contextlib.ExitStack, program: str, seconds: float, memory_mb: int, recursion: int) -> Any:
    """A session on a fresh worker, which ends with `stack`."""
    from pydantic_monty import Monty

    limits = {"max_feed_duration_secs": seconds, "max_memory": memory_mb << 20, "max_recursion_depth": recursion}
    try:
        grace = {"feed_duration_limit_grace": 0.5 * seconds, "request_timeout": 1.75 * seconds}
        policy = {"sleep": "zero", "random_start": {"seed": 0}}
        with _quiet():
            pool = stack.enter_context(Monty(binary_path=program, min_processes=1, max_processes=1, checkout_timeout=30, **grace))
            session = stack.enter_context(pool.checkout(limits=limits, os_policy=policy, script_name="program.py"))
        _confine(session.worker_pid, seconds, memory_mb)
    except Exception as error:
        raise NoIsolation(f"The worker that runs a program apart cannot be started ({error}). It was not run.") from error
    return session


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A process that is started meanwhile writes its messages nowhere: a worker's last words would stand in a notebook, and
    whether they do depends on the machine. This process is silent too for these few milliseconds."""
    with STARTING:
        try:
            kept = os.dup(2)
        except OSError:  # there is nowhere to write to
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _confine(pid: int, seconds: float, memory_mb: int) -> None:
    """A second wall, on Linux: the kernel gives the worker no file or socket more, no process, only so much memory and time."""
    try:
        from resource import RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_NPROC, prlimit
    except ImportError:
        return
    memory = (BASE_MB + 2 * memory_mb) << 20
    most = {RLIMIT_NOFILE: 0, RLIMIT_NPROC: 0, RLIMIT_CORE: 0, RLIMIT_DATA: memory, RLIMIT_CPU: math.ceil(1.75 * seconds) + 1}
    for limit, value in most.items():
        with contextlib.suppress(PermissionError):  # some containers forbid the call; the interpreter's own wall still stands
            prlimit(pid, limit, (value, value))


class _Output:
    """What a program printed, up to `room` characters; raises when there is more, which ends the program."""

    def __init__(self, room: int) -> None:
        self.parts: list[str] = []
        self.room, self.full = room, False

    def write(self, stream: str, text: str) -> None:
        if self.full:
            return
        self.parts.append(text[: self.room])
        self.full = len(text) > self.room
        self.room -= len(self.parts[-1])
        if self.full:
            raise ValueError("too much output")


def _told(raised: Exception, seconds: float, memory_mb: int) -> str:
    """The error as one line of text, the same on every machine."""
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    late = f"TimeoutError: the program ran longer than {seconds:g} seconds."
    if isinstance(raised, MontyCrashedError):
        return late if raised.timed_out else "WorkerDied: the program ended the process that ran it."
    if not isinstance(raised, MontyRuntimeError | MontySyntaxError):
        return f"{type(raised).__name__}: {raised}"[:1000]
    text = raised.display("type-msg")
    if text.startswith("TimeoutError: feed time limit exceeded"):
        return late
    if text.startswith(("MemoryError: memory limit exceeded", "MemoryError: the worker exceeded its memory limit")):
        return f"MemoryError: the program needed more than {memory_mb} MB."
    return text[:1000]


def _plain(value: Any) -> Any:
    """The value as plain data of a bounded size; ValueError where it is larger."""
    left = MOST_VALUE

    def copy(one: Any, depth: int) -> Any:
        nonlocal left
        left -= len(one) if isinstance(one, str | bytes) else 1
        if left < 0 or depth > DEEPEST or (isinstance(one, int) and one.bit_length() > MOST_BITS):
            raise ValueError("the value is too large to hand back; print or return the part that is needed.")
        if one is None or isinstance(one, bool | int | float | complex | str | bytes):
            return one
        if isinstance(one, dict):
            return {copy(key, depth + 1): copy(item, depth + 1) for key, item in one.items()}
        for kind in (list, tuple, set, frozenset):
            if isinstance(one, kind):
                return kind(copy(item, depth + 1) for item in one)
        if type(one).__module__ in ("datetime", "decimal"):
            return str(one)
        return f"<{getattr(one, 'name', type(one).__name__)}>"[:100]

    return copy(value, 0)
