"""The tools of an agent: programs that nobody has read stay apart from this machine, and every error says what to mend."""

import contextlib
import datetime
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from hostile_snippets import BENIGN, ERROR, HOSTILE, NOT_TEXT

from lmkit import tools
from lmkit.tools import isolation

LATE = "TimeoutError: the program ran longer than 0.5 seconds."
SECRET = "a-secret-that-nobody-may-read"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are Linux's")

# ---------------------------------------------------------------- programs that nobody has read


@pytest.fixture
def canaries(tmp_path, monkeypatch):
    """Fills a program's placeholders. At the end the file, the folder, the variable and the port must be untouched."""
    file = tmp_path / "canary.py"
    file.write_text(f"secret = '{SECRET}'\n")
    before = file.stat()
    monkeypatch.setenv("CANARY_VARIABLE", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        places = {"FILE": str(file), "FOLDER": str(tmp_path), "VARIABLE": "CANARY_VARIABLE", "PORT": str(server.getsockname()[1])}
        yield lambda code: re.sub("|".join(places), lambda found: places[found[0]], code)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert file.read_text() == f"secret = '{SECRET}'\n" and os.environ["CANARY_VARIABLE"] == SECRET
    assert file.stat().st_mtime_ns == before.st_mtime_ns and os.listdir(tmp_path) == ["canary.py"]


@pytest.mark.parametrize("category", HOSTILE)
def test_a_hostile_program_ends_in_an_error_or_a_harmless_value(category, canaries):
    for code, outcome in HOSTILE[category]:
        seconds = 0.2 if outcome is ERROR else 2.0
        ran = tools.run_python(canaries(code), seconds=seconds)
        assert isinstance(ran.output, str) and len(ran.output) <= 10_000, code
        assert ran.error if outcome is ERROR else (ran.value, ran.error) == (outcome, None), f"{code[:200]!r}: {str(ran)[:300]}"
        assert SECRET not in f"{ran.value!r}{ran.output}{ran.error}", code
        assert len(str(ran)) < 25_000 and "\n" not in (ran.error or "").strip(), code


def test_there_are_enough_of_them():
    assert sum(map(len, HOSTILE.values())) >= 60 and len(HOSTILE) >= 20 and len(BENIGN) >= 12


@pytest.mark.parametrize("code", NOT_TEXT, ids=lambda code: type(code).__name__)
def test_a_program_is_text(code):
    with pytest.raises(TypeError, match="A program is text"):
        tools.run_python(code)


def test_a_benign_program_has_the_right_value():
    for code, value in BENIGN:
        ran = tools.run_python(code)
        assert (ran.value, ran.error) == (value, None) and type(ran.value) is type(value), code


def test_nothing_is_lost_on_an_error_and_nothing_is_kept_after_it():
    ran = tools.run_python("kept = 1\nprint('first')\nprint('second')\n1 / 0")
    assert ran == tools.Ran(None, "first\nsecond\n", "ZeroDivisionError: division by zero") and ran.seconds > 0
    assert str(ran) == "first\nsecond\nZeroDivisionError: division by zero"
    assert tools.run_python("kept").error == "NameError: name 'kept' is not defined"
    assert str(tools.run_python("print('x')\n'y'")) == "x\n'y'" and str(tools.run_python("x = 1")) == "(no output)"


@pytest.mark.parametrize("code", ["while True: pass", "pow(3, 3 * 10**7)", "while True: print(1)"])
def test_the_time_limit_holds_within_twice_its_setting(code):
    ran = tools.run_python(code, seconds=0.5)
    assert 0.4 < ran.seconds < 2 * 0.5 + 0.2  # a fifth for a busy machine
    assert ran.error == ("OutputLimit: the program printed more than 10,000 characters." if "print" in code else LATE)


@on_linux
def test_a_worker_that_does_not_stop_by_itself_is_killed(monkeypatch):
    pids = []

    def frozen(pid, *limits):
        pids.append(pid)
        while state(pid) != "T":
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.01)

    monkeypatch.setattr(isolation, "_confine", frozen)
    ran = tools.run_python("1 + 1", seconds=0.5)
    assert ran.error == LATE and 0.5 < ran.seconds < 1.2
    assert state(pids[0]) in ("gone", "Z")


def state(pid: int) -> str:
    """The process's state as one letter, T for stopped, Z for ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return "gone"


def test_a_worker_says_nothing_on_this_process_s_own_channels(capfd):
    assert "MemoryError" in tools.run_python("'x' * 50_000_000").error
    os.write(2, b"still here")
    assert capfd.readouterr() == ("", "still here")


def test_the_output_limit_holds():
    ran = tools.run_python("for i in range(1000): print(i)", max_output=100)
    assert ran.output == "".join(f"{i}\n" for i in range(1000))[:100]
    assert ran.error == "OutputLimit: the program printed more than 100 characters." and ran.value is None
    assert tools.run_python("print('x' * 99)", max_output=100).error is None


def test_the_recursion_limit_holds():
    deep = "n = 0\ndef f():\n    global n\n    n += 1\n    f()\ntry:\n    f()\nexcept RecursionError:\n    pass\nn"
    for limit in (50, 1000):
        assert limit / 2 <= tools.run_python(deep, recursion=limit).value <= limit


@on_linux
def test_the_kernel_is_a_second_wall(monkeypatch):
    seen = []

    def watched(pid, *limits):
        confine(pid, *limits)
        seen.append((Path(f"/proc/{pid}/limits").read_text(), Path(f"/proc/{pid}/environ").read_bytes()))

    confine = isolation._confine
    monkeypatch.setattr(isolation, "_confine", watched)
    assert tools.run_python("6 * 7", seconds=2, memory_mb=64).value == 42
    limits, environment = seen[0]
    for name, value in (("open files", 0), ("processes", 0), ("core file size", 0), ("cpu time", 5), ("data size", 192 << 20)):
        assert re.search(rf"^Max {name} +{value} +{value} ", limits, re.MULTILINE), name
    assert environment == b""


ALONE = """
import importlib.util, json, os, resource, sys
spec = importlib.util.spec_from_file_location("isolation", sys.argv[1])
sys.modules["isolation"] = isolation = importlib.util.module_from_spec(spec)
spec.loader.exec_module(isolation)
isolation.run_python("everything is imported")  # an ordinary user may not read the folder of this Python
if sys.argv[2] == "ordinary" and os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
found = [[ran.value, ran.error] for ran in (isolation.run_python(code, seconds=0.5) for code in json.load(sys.stdin))]
print(json.dumps({"user": os.geteuid(), "found": found, "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
"""


@on_linux
@pytest.mark.parametrize("user", ["this", "ordinary"])
def test_it_holds_for_every_user_and_within_twice_the_memory(user):
    """In a process of its own, whose children's peak memory the kernel knows; once without root's rights."""
    folders = [*Path(isolation.__file__).resolve().parents, *Path(sys.prefix).parents]
    closed = [folder for folder in folders if not folder.stat().st_mode & 1]
    if user == "ordinary" and closed:
        pytest.skip(f"an ordinary user may not enter {closed[0]}")
    bombs = [code for code, _ in HOSTILE["memory bombs"]] + ["x = 'a' * 30_000_000\ny = x + 'b'\nz = y + 'c'"]
    codes = ["6 * 7", "open('/etc/passwd').read()", "import os\nos.environ['PATH']", "while True: pass", *bombs]
    command = [sys.executable, "-c", ALONE, str(Path(isolation.__file__).resolve()), user]
    done = subprocess.run(command, input=json.dumps(codes), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert user == "this" or told["user"] != 0
    assert told["found"][0] == [42, None] and all(error for _, error in told["found"][1:])
    assert sum(error == "MemoryError: the program needed more than 64 MB." for _, error in told["found"]) > 8
    assert told["peak"] < 1024 * (20 + 2 * 64)  # kilobytes; a worker has 11 MB before it runs anything


def test_many_at_once():
    with ThreadPoolExecutor(8) as pool:
        assert [ran.value for ran in pool.map(tools.run_python, [f"{n} ** 2" for n in range(24)])] == [n * n for n in range(24)]


# ---------------------------------------------------------------- no isolation, no run


def packaged(monkeypatch, path, content=None, name="monty", mode="sha256"):
    """As if the worker's wheel had brought the file at `path`, with the checksum of `content`."""
    value = urlsafe_b64encode(hashlib.sha256(path.read_bytes() if content is None else content).digest()).decode().rstrip("=")
    entry = SimpleNamespace(name=name, hash=SimpleNamespace(mode=mode, value=value), locate=lambda: path)
    monkeypatch.setattr(isolation.metadata, "distribution", lambda _: SimpleNamespace(files=[entry]))


def missing_package(monkeypatch, file):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)


def missing_worker(monkeypatch, file):
    def nothing(name):
        raise isolation.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(isolation.metadata, "distribution", nothing)


def unlisted_worker(monkeypatch, file):
    packaged(monkeypatch, file, mode="md5")


def changed_worker(monkeypatch, file):
    packaged(monkeypatch, file, content=b"another program")


def removed_worker(monkeypatch, file):
    packaged(monkeypatch, file)
    file.unlink()


def worker_without_rights(monkeypatch, file):
    packaged(monkeypatch, file)


def other_program(monkeypatch, file):
    file.write_text("#!/bin/sh\nexit 0\n")
    file.chmod(0o755)
    packaged(monkeypatch, file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (missing_package, "run_python needs an interpreter of its own, the package pydantic-monty. Install it"),
        (missing_worker, "run_python needs an interpreter of its own"),
        (unlisted_worker, "does not list its worker with a checksum"),
        (changed_worker, "its checksum differs"),
        (removed_worker, "cannot be read"),
        (worker_without_rights, "cannot be started"),
        (other_program, "cannot be started"),
    ],
)
def test_it_refuses_where_it_cannot_isolate(change, message, monkeypatch, tmp_path):
    file, canary = tmp_path / "monty", tmp_path / "canary"
    file.write_text("no program")
    change(monkeypatch, file)
    with pytest.raises(tools.NoIsolation, match=message) as refused:
        tools.run_python(f"open({str(canary)!r}, 'w')")
    assert "not run" in str(refused.value) and not canary.exists()


def test_another_worker_in_the_environment_is_not_taken(monkeypatch):
    monkeypatch.setenv("MONTY_BIN", "/bin/false")
    monkeypatch.setenv("PATH", "/nowhere")
    assert tools.run_python("6 * 7").value == 42


@pytest.mark.parametrize(
    "limit",
    [{"seconds": 0}, {"seconds": 61}, {"memory_mb": 0}, {"max_output": -1}, {"recursion": 0}, {"seconds": float("nan")}],
    ids=str,
)
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match=f"{next(iter(limit))} is between"):
        tools.run_python("1", **limit)


# ---------------------------------------------------------------- small tools


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("37 * 29", "1073"), ("37*29 =", "1073"), ("1,234,567 + 1", "1234568"), ("3 × 4 ÷ 5", "2.4"), ("2^10", "1024"),
        ("2**0.5", "1.41421356237"), ("0.1 + 0.2", "0.3"), ("1/3", "0.333333333333"), ("007 + 1", "8"), ("0.05 * 100", "5"),
        ("1e3", "1000"), ("5e-3", "0.005"), ("-5 // 2", "-3"), ("10 % 3", "1"), ("2 ** -3", "0.125"), ("３７＊２９", "1073"),
        ("−3 − −4", "1"), ("((1))", "1"), ("1e-12", "1E-12"), ("10**99", "1" + "0" * 99), ("100-007", "93"), ("2/4*4", "2"),
        ("1234567890123456789.5 * 2", "2469135780246913579"),
        (".5 + 5.", "5.5"), ("1e05", "100000"), ("2 * -007", "-14"),
    ],
)  # fmt: skip
def test_calculator(expression, value):
    assert tools.Calculator()(expression) == value


def test_calculator_against_fractions():
    rng, calculator = random.Random(0), tools.Calculator()
    for _ in range(300):
        numbers = [rng.randint(1, 10**6) for _ in range(4)]
        text = "".join(f"{rng.choice('+-*')}{n}" for n in numbers).lstrip("*+")
        assert calculator(text) == str(eval(text))  # digits and signs only
        a, b, c, d = numbers
        exact = Fraction(a, b) - Fraction(c, d)
        assert float(calculator(f"{a} / {b} - {c} / {d}")) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "such as 37 * 29"),
        ("   ", "such as 37 * 29"),
        ("1 / 0", "Division by zero: 1 cannot"),
        ("0 ** -1", "no negative power"),
        ("9**9**8", "more than 100 digits"),
        ("9**9**9**9", "more than 100 digits"),
        ("10**100", "more than 100 digits"),
        ("1e400", "more than 100 digits"),
        ("1e-99999", "more than 100 digits"),
        ("1/3/7**300", "more than 100 digits"),
        ("(-8)**0.5", "no real power"),
        ("15% of 80", "'of' is no part"),
        ("$5 + 3", "'$' is no part"),
        ("200 * 15%", "15 / 100 * 80"),
        ("2(3)", "the sign * between"),
        ("1,23", "groups of three digits"),
        ("(1,2)", "groups of three digits"),
        ("1 +", "not a complete"),
        ("1 2", "not a complete"),
        ("__import__('os')", "'__import__' is no part"),
        ("abs(-1)", "'abs' is no part"),
        ("0x10", "'x' is no part"),
        ("1 < 2", "'<' is no part"),
        ("1" * 201, "at most 200"),
        ("\x00", "no part"),
        ("1e", "'e' is no part"),
        (".", "not a complete"),
    ],
)
def test_calculator_says_what_to_mend(expression, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tools.Calculator()(expression)


PAGES = {
    "Kenya": "Kenya lies in East Africa. Its capital is Nairobi. " + "The highlands grow tea. " * 30,
    "France": "France lies in Western Europe. Its capital is Paris. Its currency is the euro.",
    "中国": "中国位于亚洲东部。中国的首都是北京，货币是人民币。",
}


def test_search_finds_the_passage_that_shares_rare_words():
    search = tools.Search(PAGES, size=120)
    assert search("capital of Kenya").startswith("Kenya: Kenya lies in East Africa. Its capital is Nairobi.")
    assert search("What is the currency of France?") == f"France: {PAGES['France']}"
    assert search("中国的首都是哪里") == f"中国: {PAGES['中国']}"
    assert search("france").startswith("France: ") and search("tea in the highlands").startswith("Kenya: ")
    assert search("zebra") == "Nothing found for 'zebra'. Try other words." and len(search("z" * 5000)) < 120
    assert all(len(search(word)) <= 120 + len("Kenya: ") for word in ("highlands", "Africa"))


@pytest.mark.parametrize("query", ["", "  ", None])
def test_search_wants_words(query):
    with pytest.raises(ValueError, match="some words"):
        tools.Search(PAGES)(query)


def test_search_wants_documents():
    for documents in ({}, {"empty": "  "}):
        with pytest.raises(ValueError, match="at least one document"):
            tools.Search(documents)


def test_today_and_lookup():
    assert tools.Today(datetime.date(2026, 11, 22))() == "Today is Sunday, 2026-11-22."
    assert datetime.date.today().isoformat()[:3] in tools.Today()("now")
    numbers = tools.Lookup({"Li Wei": "ext. 17", "Zoe": "ext. 4"})
    assert numbers(" li wei ") == "ext. 17"
    with pytest.raises(ValueError, match=r"There is no 'Li Wie' in the table\. Did you mean 'Li Wei'"):
        numbers("Li Wie")
    with pytest.raises(ValueError, match="Its keys are: Li Wei, Zoe"):
        numbers("???")


# ---------------------------------------------------------------- function calling

EXPRESSION = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
TIMES = {
    "type": "object",
    "properties": {"times": {"type": "integer", "minimum": 0}, "mark": {"enum": ["a", "\x1b[31m", "\ud800"]}},
}


def repeat(times=1, mark="a"):
    if times == 13:
        raise KeyError("thirteen")
    return mark * times if times else None


TOOLS = [
    tools.Tool("calculator", "Computes an expression such as 37 * 29.", EXPRESSION, tools.Calculator()),
    tools.Tool("repeat", "Repeats a mark.", TIMES, repeat),
]


def asked(name, **arguments):
    return json.dumps({"name": name, "arguments": arguments})


def test_a_call_is_answered():
    assert tools.call(TOOLS, asked("calculator", expression="37 * 29")) == "1073"
    assert tools.call(TOOLS, f"```json\n{asked('repeat', times=3)}\n```") == "aaa"
    assert tools.call(TOOLS, '{"id": "1", "name": "calculator", "arguments": "{\\"expression\\": \\"2 + 2\\"}"}') == "4"
    assert tools.call(TOOLS, '{"name": "repeat"}') == "a" and tools.call(TOOLS, asked("repeat", times=0)) == "(nothing)"
    assert TOOLS[0].schema() == {
        "type": "function",
        "function": {"name": "calculator", "description": "Computes an expression such as 37 * 29.", "parameters": EXPRESSION},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the call is empty"),
        (None, "the call is empty"),
        ("Search[Kenya]", "not JSON (line 1, column 1"),
        ("[1]", 'object with a "name"'),
        ('{"name": 1}', 'object with a "name"'),
        ("{'name': 'repeat'}", "not JSON"),
        ('{"name": "repeat"', "not JSON"),
        (asked("search", query="x"), "there is no tool 'search'. The tools are: calculator, repeat."),
        (asked("calculator"), "'expression' is a required property. Its arguments: expression."),
        (asked("calculator", expression=3), "the argument expression of calculator is wrong: 3 is not of type 'string'"),
        (asked("calculator", expression="1", base=2), "'base' was unexpected"),
        (asked("repeat", times=True), "not of type 'integer'"),
        (asked("repeat", times=-1), "less than the minimum of 0"),
        (asked("repeat", mark="b"), "not one of"),
        (asked("calculator", expression="1 / 0"), "calculator failed: Division by zero"),
        (asked("repeat", times=13), "repeat failed (KeyError): 'thirteen'"),
        ('{"name": "repeat", "arguments": [1]}', "must be an object, {…}, not an array"),
        ('{"name": "repeat", "args": {}}', "'args' is no part"),
        ('{"name": "repeat", "name": "calculator"}', "the key 'name' stands there twice"),
        ("[" * 10_000, "nested too deeply"),
        ('{"name": "repeat", "arguments": {"times": NaN}}', "NaN is not a number"),
        (" " * 10 + "x" * 30_000, "at most 20,000"),
        ('{"name": "repeat", "arguments": {"times": ' + "9" * 5000 + "}}", "4300 digits"),
        ('{"name": "\\ud800"}', "there is no tool"),
        ('{"name": "repeat", "arguments": "x"}', 'The "arguments" are an object'),
    ],
)
def test_an_error_is_an_observation_that_says_what_to_mend(text, message):
    observation = tools.call(TOOLS, text)
    assert observation.startswith("Error: ") and message in observation and len(observation) < 500


def test_an_observation_is_text_of_a_bounded_length():
    long = tools.call(TOOLS, asked("repeat", times=12_345))
    assert len(long) == 2_000 and long.endswith(" … [cut: 2,000 of 12,345 characters]")
    assert tools.call(TOOLS, asked("repeat", times=50), longest=20) == "a" * 19 + "…"
    assert tools.call(TOOLS, asked("repeat", mark="\x1b[31m")) == "\ufffd[31m"
    tools.call(TOOLS, asked("repeat", mark="\ud800")).encode()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tools.Tool("a tool", "", EXPRESSION, print), "1 to 64 letters"),
        (lambda: tools.Tool("x", "", {"type": "objekt"}, print), "not a JSON schema"),
        (lambda: tools.Tool("x", "", {"type": "string"}, print), '"type": "object"'),
        (
            lambda: tools.Tool("x", "", EXPRESSION | {"$ref": "http://a.b/c"}, print),
            "refer to http://a.b/c: a schema must be complete",
        ),
        (
            lambda: tools.call([TOOLS[0], tools.Tool("calculator", "", EXPRESSION, print)], "{}"),
            "Two tools are called 'calculator'",
        ),
    ],
)
def test_a_tool_that_cannot_be_one_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
