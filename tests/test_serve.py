"""The local server: it answers as the model does, and it surely ends."""

import signal
import subprocess
import sys
import time

import pytest
from openai import BadRequestError, OpenAI

from lmkit import serve, tiny

QUESTION = [{"role": "user", "content": "What is the capital of China?"}]


@pytest.fixture(scope="module")
def server():
    with serve.start(tiny.checkpoint("sft"), seconds=60) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    return OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=30)


def test_the_answer_and_the_counts_are_those_of_the_model(server, client):
    model = tiny.load("sft")
    here = model.chat(QUESTION, max_new_tokens=20)
    reply = client.chat.completions.create(model=server.model, messages=QUESTION, temperature=0, max_tokens=20)
    assert reply.choices[0].message.content == here.text == "The capital of China is Beijing."
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(here.prompt_ids), len(here.ids))
    assert repr(server) == "tiny-sft behind an OpenAI-compatible API on this machine, running"


def test_a_stream_is_the_same_answer_in_pieces(server, client):
    stream = client.chat.completions.create(model=server.model, messages=QUESTION, temperature=0, max_tokens=20, stream=True)
    pieces = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    assert "".join(filter(None, pieces)) == "The capital of China is Beijing." and len(pieces) > 5


def test_another_model_is_refused_and_the_log_is_kept(server, client):
    with pytest.raises(BadRequestError):
        client.chat.completions.create(model="another", messages=QUESTION)
    assert "POST /v1/chat/completions" in server.log()


def test_it_ends_when_its_python_is_killed():
    listen = "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[6]))"
    stand_in = f"open('health', 'w'); import http.server; {listen}"
    code = (
        "from lmkit import serve, tiny\n"
        f"serve.PROGRAM = serve.WATCH + {'; ' + stand_in!r}\n"
        "print(serve.start(tiny.checkpoint('sft')).url, flush=True); input()"
    )
    python = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address = python.stdout.readline().strip().removesuffix("v1") + "health"
    assert serve.answers(address)
    python.send_signal(signal.SIGKILL)
    python.wait()
    end = time.monotonic() + 10
    while serve.answers(address) and time.monotonic() < end:
        time.sleep(0.1)
    assert not serve.answers(address)


def test_a_server_that_ends_at_once_is_reported_with_its_log(monkeypatch):
    monkeypatch.setattr(serve, "PROGRAM", "raise SystemExit('these are no weights')")
    with pytest.raises(RuntimeError, match=r"(?s)tiny-sft ended with code 1\. Its log ends:\nthese are no weights"):
        serve.start(tiny.checkpoint("sft"), seconds=20)


def test_a_model_that_does_not_exist_starts_nothing():
    with pytest.raises(LookupError, match="There is no model 'smolm'"):
        serve.start("smolm")


def test_a_server_that_is_not_ready_in_time_is_stopped(monkeypatch):
    monkeypatch.setattr(serve, "PROGRAM", "import time; time.sleep(60)")
    with pytest.raises(RuntimeError, match=r"was not ready after 0\.3 s"):
        serve.start(tiny.checkpoint("sft"), seconds=0.3)


def test_stopping_twice_is_no_harm(monkeypatch):
    monkeypatch.setattr(serve, "PROGRAM", "import time; time.sleep(60)")
    server = serve.Server("tiny-sft", tiny.checkpoint("sft"))
    assert server.running
    server.stop()
    server.stop()
    assert not server.running and server.log() == "" and "stopped" in repr(server)
