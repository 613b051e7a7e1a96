"""The PyPI package ollama."""

import json

import ollama

from cases import *

URL, MODEL, KEYS = OPTIONS["baseUrl"], OPTIONS["model"], OPTIONS["keys"]
SDK_TOOLS = [
    {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": t["schema"]}}
    for t in TOOLS
]


def client_of(token):
    return ollama.Client(host=URL, headers={"Authorization": f"Bearer {token}"})


client = client_of("ollama")


def chat(content, using=client, **more):
    return using.chat(**{"model": MODEL, "messages": [{"role": "user", "content": content}], **more})


def status_of(error):
    return error.status_code


def models():
    names = [model.model for model in client.list().models]
    assert MODEL in names or f"{MODEL}:latest" in names, names
    info = client.show(MODEL)
    same(info.modelinfo[f"{info.modelinfo['general.architecture']}.context_length"], 32768)
    client.ps()


def chats():
    answer = chat("Hello?", keep_alive="5m", options={"num_ctx": 4096, "seed": 1})
    same((answer.message.content, answer.done, answer.done_reason), (GREETING, True, "stop"))
    same(chat(COUNT, options={"stop": ["4"]}).message.content, "1 2 3 ")


def streams():
    parts = list(chat(COUNT, stream=True))
    same("".join(part.message.content for part in parts), COUNTED)
    same((parts[-1].done, parts[-1].eval_count), (True, 30))
    generated = list(client.generate(model=MODEL, prompt=COUNT, stream=True))
    same(("".join(part.response for part in generated), generated[-1].done), (COUNTED, True))


def check_calls(calls):
    same([(call.function.name, dict(call.function.arguments)) for call in calls], CALLS)


def tools():
    message = chat(BOTH, tools=SDK_TOOLS).message
    check_calls(message.tool_calls)
    results = [{"role": "tool", "tool_name": call.function.name, "content": "sunny"} for call in message.tool_calls]
    messages = [{"role": "user", "content": BOTH}, message, *results]
    reported = client.chat(model=MODEL, messages=messages, tools=SDK_TOOLS)
    same(reported.message.content, f"{TOOL_REPORT}sunny")


def tools_streamed():
    check_calls([call for part in chat(BOTH, tools=SDK_TOOLS, stream=True) for call in part.message.tool_calls or []])


def embeddings():
    vectors = client.embed(model=MODEL, input=["one", "two"]).embeddings
    same(len(vectors), 2)
    for vector in vectors:
        check_vector(vector)
    check_vector(client.embeddings(model=MODEL, prompt="one").embedding)


def abort():
    stream = chat(ENDLESS, stream=True)
    for seen, _ in enumerate(stream):
        if seen == 2:
            break
    stream.close()


run(
    "ollama (Python)",
    "ollama",
    {
        "models": models,
        "chat": chats,
        "stream": streams,
        "tools": tools,
        "tools streamed": tools_streamed,
        "JSON schema": lambda: same(json.loads(chat("Who?", format=PERSON).message.content), A_PERSON),
        "embeddings": embeddings,
        "abort": abort,
        "400": lambda: fails_with(400, status_of, lambda: chat("Hi", options={"temperature": "hot"})),
        "401": lambda: fails_with(401, status_of, lambda: chat("Hi", client_of(KEYS["wrong"]))),
        "404": lambda: fails_with(404, status_of, lambda: chat("Hi", model="no-such/model")),
        "413": lambda: fails_with(413, status_of, lambda: chat(HUGE)),
        "429": lambda: fails_with(429, status_of, lambda: chat("Hi", client_of(KEYS["limited"]))),
        "503": lambda: fails_with(503, status_of, lambda: chat(OVERLOADED)),
        "error in mid-stream": lambda: fails(lambda: list(chat(FAILING, stream=True))),
    },
)
