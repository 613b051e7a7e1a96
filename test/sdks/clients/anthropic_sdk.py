"""The PyPI package anthropic."""

import json

import anthropic

from cases import *

URL, MODEL, KEYS = OPTIONS["baseUrl"], OPTIONS["model"], OPTIONS["keys"]
SDK_TOOLS = [{"name": t["name"], "description": t["description"], "input_schema": t["schema"]} for t in TOOLS]


def client_of(api_key):
    return anthropic.Anthropic(base_url=URL, api_key=api_key, max_retries=0)


client = client_of("sk-local")


def body(content, **more):
    return {"model": MODEL, "max_tokens": 4000, "messages": [{"role": "user", "content": content}], **more}


def ask(content, using=client, **more):
    return using.messages.create(**body(content, **more))


def final(content, **more):
    with client.messages.stream(**body(content, **more)) as stream:
        return stream.get_final_message()


def status_of(error):
    return error.status_code


def models():
    ids = [model.id for model in client.models.list()]
    assert MODEL in ids, ids
    same(client.models.retrieve(MODEL).id, MODEL)


def chats():
    answer = ask("Hello?", system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}])
    same((answer.content[0].text, answer.stop_reason), (GREETING, "end_turn"))
    stopped = ask(COUNT, stop_sequences=["4"])
    same((stopped.content[0].text, stopped.stop_reason), ("1 2 3 ", "stop_sequence"))


def streams():
    message = final(COUNT)
    same((message.content[0].text, message.stop_reason, message.usage.output_tokens), (COUNTED, "end_turn", 30))


def check_calls(message):
    calls = [block for block in message.content if block.type == "tool_use"]
    same([(call.name, call.input) for call in calls], CALLS)
    same(message.stop_reason, "tool_use")
    return calls


def tools():
    message = ask(BOTH, tools=SDK_TOOLS)
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in check_calls(message)]
    messages = [
        {"role": "user", "content": BOTH},
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    reported = client.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=SDK_TOOLS)
    same(reported.content[0].text, f"{TOOL_REPORT}sunny")


def json_schema():
    message = ask("Who?", output_config={"format": {"type": "json_schema", "schema": PERSON}})
    same(json.loads(message.content[0].text), A_PERSON)


def count_tokens():
    messages = [{"role": "user", "content": "Hello?"}]
    assert client.messages.count_tokens(model=MODEL, messages=messages, tools=SDK_TOOLS).input_tokens > 0


def abort():
    stream = ask(ENDLESS, stream=True)
    for seen, _ in enumerate(stream):
        if seen == 4:
            break
    stream.close()


run(
    "anthropic (Python)",
    "anthropic",
    {
        "models": models,
        "chat": chats,
        "stream": streams,
        "tools": tools,
        "tools streamed": lambda: check_calls(final(BOTH, tools=SDK_TOOLS)),
        "JSON schema": json_schema,
        "count tokens": count_tokens,
        "abort": abort,
        "400": lambda: fails_with(400, status_of, lambda: ask("Hi", extra_body={"temperature": "hot"})),
        "401": lambda: fails_with(401, status_of, lambda: ask("Hi", client_of(KEYS["wrong"]))),
        "404": lambda: fails_with(404, status_of, lambda: ask("Hi", model="no-such/model")),
        "413": lambda: fails_with(413, status_of, lambda: ask(HUGE)),
        "429": lambda: fails_with(429, status_of, lambda: ask("Hi", client_of(KEYS["limited"]))),
        # Anthropic's own status for an overloaded server.
        "503": lambda: fails_with(529, status_of, lambda: ask(OVERLOADED)),
        "error in mid-stream": lambda: fails(lambda: final(FAILING)),
    },
)
