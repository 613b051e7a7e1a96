"""The cases of an SDK for Python. `run.mjs` has the same for Node."""

import importlib.metadata
import json
import math
import sys

CASES = [
    "models",
    "chat",
    "stream",
    "tools",
    "tools streamed",
    "JSON schema",
    "embeddings",
    "responses",
    "responses streamed",
    "count tokens",
    "abort",
    "400",
    "401",
    "404",
    "413",
    "429",
    "503",
    "error in mid-stream",
]

GREETING = "Hello from the scripted engine."
TOOL_REPORT = "The tool said: "
COUNTED = " ".join(str(number) for number in range(1, 31))

COUNT = "script: count to 30"
ENDLESS = "script: count to 3000"
BOTH = 'script: call get_weather {"city":"Paris"}\nscript: call get_time {"zone":"UTC"}'
FAILING = "script: fail after 20"
OVERLOADED = "script: refuse with OVERLOADED"
HUGE = "word " * (17 * 1024 * 1024 // 5)

TOOLS = [
    {
        "name": "get_weather",
        "description": "Returns the weather of a city.",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    {
        "name": "get_time",
        "description": "Returns the time of a zone.",
        "schema": {
            "type": "object",
            "properties": {"zone": {"type": "string"}},
            "required": ["zone"],
            "additionalProperties": False,
        },
    },
]
CALLS = [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "UTC"})]

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
A_PERSON = {"name": "text", "age": 1, "tags": ["text"]}

OPTIONS = json.loads(sys.argv[1])


def run(sdk, package, cases):
    version = importlib.metadata.version(package)
    for name in CASES:
        ok, detail = outcome(cases.get(name))
        print(json.dumps({"sdk": sdk, "version": version, "case": name, "ok": ok, "detail": detail}), flush=True)


def outcome(case):
    if case is None:
        return None, "The SDK has no function for it."
    if isinstance(case, str):
        return None, case
    try:
        case()
        return True, ""
    except BaseException as error:  # A failed case must not end the others.
        return False, f"{type(error).__name__}: {error}"[:500]


def same(got, wanted):
    assert got == wanted, f"{got!r} is not {wanted!r}"


def fails_with(status, status_of, call):
    try:
        value = call()
    except Exception as error:
        same(status_of(error), status)
        return
    raise AssertionError(f"There was an answer: {value!r}"[:200])


def fails(call):
    try:
        value = call()
    except Exception:
        return
    raise AssertionError(f"It passed for a success: {value!r}"[:200])


def check_vector(vector):
    same(len(vector), 8)
    assert abs(math.hypot(*vector) - 1) < 1e-5
