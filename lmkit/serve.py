"""A model behind an OpenAI-compatible API on this machine, in a process of its own that surely ends.

    with serve.start("smollm2-135m-instruct") as server:
        OpenAI(base_url=server.url, api_key="none").chat.completions.create(model=server.model, messages=[…])

The server is `transformers serve`; this module finds the model, a free port and the moment when it is ready. Only programs
of this machine can reach it. It ends with `stop()`, at the end of a `with`, when Python ends, and when Python is killed: it
reads from a pipe that is closed then.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from lmkit import weights

HOST = "127.0.0.1"
# Ends when nobody holds the other end of its standard input any more.
WATCH = "import os, sys, threading; threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()"
PROGRAM = f"{WATCH}; from transformers.cli.transformers import app; app(sys.argv[1:])"


class Server:
    """A running server. `url` is the `base_url` of a client, `model` the name to ask for."""

    def __init__(self, model: str, folder: Path) -> None:
        self.model = model
        self._room = tempfile.TemporaryDirectory(prefix="lmkit-serve-")
        place = Path(self._room.name)
        with contextlib.suppress(OSError):  # no symbolic links: the server then knows the model by its folder
            (place / model).symlink_to(folder, target_is_directory=True)
        if not (place / model).exists():
            self.model = str(folder)
        port = free_port()
        self.url = f"http://{HOST}:{port}/v1"
        self._log = open(place / "log", "w+", encoding="utf8", errors="replace")  # noqa: SIM115 (closed in stop)
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", self.model, "--host", HOST, "--port", str(port), *where()],
            cwd=place,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        atexit.register(self.stop)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        """What the server has written so far; empty after `stop`."""
        if self._log.closed:
            return ""
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf8", errors="replace")

    def wait(self, seconds: float) -> None:
        """Return when the server answers. Raises RuntimeError, with its log, when it ends before or takes too long."""
        end = time.monotonic() + seconds
        while self.running and time.monotonic() < end:
            if answers(self.url.removesuffix("v1") + "health"):
                return
            time.sleep(0.1)
        why = f"was not ready after {seconds:g} s" if self.running else f"ended with code {self._process.returncode}"
        log = self.log()
        self.stop()
        raise RuntimeError(f"The server for {self.model} {why}. Its log ends:\n{log[-2000:]}")

    def stop(self) -> None:
        """End the server, and wait until it has ended. Does nothing when it has."""
        atexit.unregister(self.stop)
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if not self._log.closed:
            self._process.stdin.close()
            self._log.close()
            self._room.cleanup()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"{self.model} behind an OpenAI-compatible API on this machine, {'running' if self.running else 'stopped'}"


def start(model: str = "smollm2-135m-instruct", seconds: float = 90) -> Server:
    """Start a server for a model and return when it answers: a name of the catalogue, a local folder, or a Hub id.

    Raises what `weights.find` raises for a model that does not exist, ImportError where the server's packages are missing,
    and RuntimeError, with the server's log, when it is not ready in time.
    """
    from transformers.utils.import_utils import is_serve_available

    if not is_serve_available():
        raise ImportError("The server needs more packages: pip install fastapi uvicorn openai pydantic")
    source = weights.find(model)
    server = Server(source.name.replace("/", "--").replace("@", "-"), source.folder.resolve())
    server.wait(seconds)
    return server


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def where() -> list[str]:
    """On a GPU if there is one; on a processor in float32, as `lmkit.load` does."""
    import torch

    return ["--device", "cuda"] if torch.cuda.is_available() else ["--device", "cpu", "--dtype", "float32"]
