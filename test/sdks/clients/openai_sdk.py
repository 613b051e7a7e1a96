"""The PyPI package openai."""

import json

import openai

from cases import *

URL, MODEL, KEYS = OPTIONS["baseUrl"], OPTIONS["model"], OPTIONS["keys"]
CHAT_TOOLS = [
    {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": t["schema"]}}
    for t in TOOLS
]
RESPONSE_TOOLS = [
    {"type": "function", "name": t["name"], "description": t["description"], "parameters": t["schema"], "strict": True}
    for t in TOOLS
]


def client_of(api_key):
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=api_key, max_retries=0)


client = client_of("sk-local")


def chat(content, using=client, **more):
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}
    return using.chat.completions.create(**body)


def collect(stream):
    text, reason, usage, calls = "", None, None, {}
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
            for piece in choice.delta.tool_calls or []:
                call = calls.setdefault(piece.index, {"id": piece.id, "name": piece.function.name, "arguments": ""})
                call["arguments"] += piece.function.arguments or ""
    return text, reason, usage, [(call["name"], json.loads(call["arguments"])) for call in calls.values()]


def status_of(error):
    return error.status_code


def models():
    ids = [model.id for model in client.models.list()]
    assert MODEL in ids, ids
    same(client.models.retrieve(MODEL).id, MODEL)


def chats():
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, n=2, seed=1, max_completion_tokens=100)
    same([(one.message.content, one.finish_reason) for one in answer.choices], [(GREETING, "stop")] * 2)
    same(chat(COUNT, stop=["4"], logprobs=True).choices[0].message.content, "1 2 3 ")


def streams():
    text, reason, usage, _ = collect(chat(COUNT, stream=True, stream_options={"include_usage": True}))
    same((text, reason, usage.completion_tokens), (COUNTED, "stop", 30))


def tools():
    answer = chat(BOTH, tools=CHAT_TOOLS).choices[0]
    same(answer.finish_reason, "tool_calls")
    calls = answer.message.tool_calls
    same([(call.function.name, json.loads(call.function.arguments)) for call in calls], CALLS)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    messages = [{"role": "user", "content": BOTH}, answer.message, *results]
    reported = client.chat.completions.create(model=MODEL, messages=messages, tools=CHAT_TOOLS)
    same(reported.choices[0].message.content, f"{TOOL_REPORT}sunny")


def tools_streamed():
    _, reason, _, calls = collect(chat(BOTH, tools=CHAT_TOOLS, stream=True))
    same((reason, calls), ("tool_calls", CALLS))


def json_schema():
    format = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    same(json.loads(chat("Who?", response_format=format).choices[0].message.content), A_PERSON)


def embeddings():
    data = client.embeddings.create(model=MODEL, input=["one", "two"]).data
    same(len(data), 2)
    for one in data:
        check_vector(one.embedding)


def responses():
    answer = client.responses.create(model=MODEL, input=COUNT, instructions="Be brief.")
    same((answer.status, answer.output_text), ("completed", COUNTED))
    called = client.responses.create(model=MODEL, input=BOTH, tools=RESPONSE_TOOLS)
    calls = [item for item in called.output if item.type == "function_call"]
    same([(call.name, json.loads(call.arguments)) for call in calls], CALLS)
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls]
    reported = client.responses.create(
        model=MODEL, input=outputs, previous_response_id=called.id, tools=RESPONSE_TOOLS
    )
    same(reported.output_text, f"{TOOL_REPORT}sunny")


def responses_streamed():
    with client.responses.stream(model=MODEL, input=COUNT) as stream:
        events = list(stream)
        same(stream.get_final_response().output_text, COUNTED)
    same([event.sequence_number for event in events], list(range(len(events))))

    def failing():
        last = list(client.responses.create(model=MODEL, input=FAILING, stream=True))[-1]
        if last.type in ("error", "response.failed"):
            raise RuntimeError(last.type)
        return last

    fails(failing)


def abort():
    stream = chat(ENDLESS, stream=True)
    for seen, _ in enumerate(stream):
        if seen == 2:
            break
    stream.close()


def not_found():
    fails_with(404, status_of, lambda: chat("Hi", model="no-such/model"))
    fails_with(404, status_of, lambda: client.models.retrieve("no-such/model"))


run(
    "openai (Python)",
    "openai",
    {
        "models": models,
        "chat": chats,
        "stream": streams,
        "tools": tools,
        "tools streamed": tools_streamed,
        "JSON schema": json_schema,
        "embeddings": embeddings,
        "responses": responses,
        "responses streamed": responses_streamed,
        "count tokens": "Its path /v1/responses/input_tokens is not served.",
        "abort": abort,
        "400": lambda: fails_with(400, status_of, lambda: chat("Hi", temperature="hot")),
        "401": lambda: fails_with(401, status_of, lambda: chat("Hi", client_of(KEYS["wrong"]))),
        "404": not_found,
        "413": lambda: fails_with(413, status_of, lambda: chat(HUGE)),
        "429": lambda: fails_with(429, status_of, lambda: chat("Hi", client_of(KEYS["limited"]))),
        "503": lambda: fails_with(503, status_of, lambda: chat(OVERLOADED)),
        "error in mid-stream": lambda: fails(lambda: collect(chat(FAILING, stream=True))),
    },
)
