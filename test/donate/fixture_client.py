"""A Donate compute client, written from its protocol alone.

It runs on the standard library and has no code of Shoal's. It reads the
server's hello, echoes its mode, and runs its steps in the order of the command
line. The next frame always counts as the reply.

Arguments: [--host ADDRESS] [--port PORT]; [--mode MODE] replaces the server's
mode in the hello; --config JSON is sent with each model. Steps, each any number
of times: --push FILE; --ids 1,2,3 [--max-tokens N];
--prompt TEXT [--max-out N]. With --raw it sends nothing on its own,
not even a hello.

stdout: each received frame, one JSON document per line.

stdin, with --raw only: {"frame": {…}} sends a frame, {"hex": TEXT} the bytes,
one JSON document per line; its end closes the connection. {"event": "closed"} is
printed last, whichever side closed.

Exit code: 0 when every step succeeded, and after --raw; else 1, with the
reason on stderr; 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DIAL_TIMEOUT_SECONDS = 8
# Frames that a server may still send after the client's last frame.
LAST_WORD_SECONDS = 0.5
CHUNK_BYTES = 1024 * 1024

Frame = dict[str, Any]


class Failure(Exception):
    """The error text of a failed step."""


class Client:
    """A connection to a server: frames out, frames in, each one printed."""

    def __init__(self, host: str, port: int) -> None:
        address = (host, port)
        try:
            self.socket = socket.create_connection(
                address, timeout=DIAL_TIMEOUT_SECONDS
            )
        except OSError as error:
            raise Failure(f"dial {host}:{port}: {error}") from error
        self.socket.settimeout(None)
        self.reader = self.socket.makefile("rb")

    def send(self, frame: Frame) -> None:
        body = json.dumps(frame, ensure_ascii=False).encode()
        self.send_bytes(struct.pack("<I", len(body)) + body)

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> Frame:
        (length,) = struct.unpack("<I", self._read(4))
        frame = json.loads(self._read(length))
        say(frame)
        return frame

    def _read(self, length: int) -> bytes:
        data = self.reader.read(length)
        if len(data) < length:
            raise ConnectionError("The server closed the connection.")
        return data

    def greet(self, mode: str | None) -> None:
        hello = self.receive()
        if hello.get("type") != "hello":
            raise Failure(f"expected hello, got {hello.get('type')}")
        mode = hello.get("mode") if mode is None else mode
        self.send({"v": 1, "type": "hello", "mode": mode, "role": "client"})

    def push(self, path: str, config: str) -> None:
        weights_len = Path(path).stat().st_size
        self.send(
            {
                "v": 1,
                "type": "model_begin",
                "config_json": config,
                "weights_len": weights_len,
            }
        )
        with open(path, "rb") as weights:
            for index, start in enumerate(range(0, weights_len, CHUNK_BYTES)):
                data = weights.read(CHUNK_BYTES)
                self.send(
                    {
                        "v": 1,
                        "type": "weights_chunk",
                        "index": index,
                        "last": start + CHUNK_BYTES >= weights_len,
                        "data_b64": base64.b64encode(data).decode(),
                    }
                )
        self.send({"v": 1, "type": "model_commit"})
        answer = self.receive()
        if answer.get("type") != "model_status" or not answer.get("ok"):
            raise Failure(f"model refused: {reason(answer)}")

    def ask(self, job: Frame) -> None:
        self.send({"v": 1, **job})
        answer = self.receive()
        wanted = f"{job['type']}_result"
        if answer.get("type") != wanted or not answer.get("ok"):
            raise Failure(f"{job['job_id']}: {reason(answer)}")
        if answer.get("job_id") != job["job_id"]:
            raise Failure(f"{job['job_id']}: the answer of another job came")


class AddStep(argparse.Action):
    """Appends a step to the list."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        namespace.steps.append({"kind": self.dest, "value": values})


class SetLimit(argparse.Action):
    """Sets the maximum answer length of the previous step."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        owner = {"max_tokens": "ids", "max_out": "prompt"}[self.dest]
        if not namespace.steps or namespace.steps[-1]["kind"] != owner:
            parser.error(f"{option_string} must follow --{owner}")
        namespace.steps[-1]["limit"] = {self.dest: values}


def run_steps(client: Client, options: argparse.Namespace) -> None:
    client.greet(options.mode)
    for number, step in enumerate(options.steps, start=1):
        kind, value = step["kind"], step["value"]
        if kind == "push":
            client.push(value, options.config)
            continue
        content = {"type": "prompt", "prompt": value}
        if kind == "ids":
            content = {"type": "infer", "input_ids": value}
        job = {**content, "job_id": f"job-{number}", **step.get("limit", {})}
        client.ask(job)


def run_raw(client: Client) -> None:
    sender = threading.Thread(target=send_stdin, args=(client,), daemon=True)
    sender.start()
    try:
        while True:
            client.receive()
    except OSError:
        say({"event": "closed"})


def send_stdin(client: Client) -> None:
    try:
        for line in stdin_lines():
            document = json.loads(line)
            if "hex" in document:
                client.send_bytes(bytes.fromhex(document["hex"]))
            else:
                client.send(document["frame"])
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(LAST_WORD_SECONDS)
        client.socket.shutdown(socket.SHUT_RD)
    except OSError:
        # The server has closed; the reader reports it.
        return
    except (ValueError, KeyError, TypeError) as error:
        print(f"bad line on stdin: {error!r}", file=sys.stderr, flush=True)
        os._exit(2)


def stdin_lines() -> Iterator[bytes]:
    # A thread that blocks in sys.stdin would delay the end of the interpreter.
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from (line for line in lines if line.strip())


def reason(answer: Frame) -> str:
    return answer.get("error") or answer.get("message") or json.dumps(answer)


def say(document: Frame) -> None:
    print(json.dumps(document, ensure_ascii=False), flush=True)


def parse_ids(text: str) -> list[int]:
    return [int(word) for word in text.split(",")] if text else []


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A Donate compute client.")
    parser.set_defaults(steps=[])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=17001)
    parser.add_argument("--mode")
    parser.add_argument("--config", default='{"format":"gguf"}')
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--push", action=AddStep, metavar="FILE")
    parser.add_argument("--ids", action=AddStep, type=parse_ids)
    parser.add_argument("--max-tokens", action=SetLimit, type=int)
    parser.add_argument("--prompt", action=AddStep, metavar="TEXT")
    parser.add_argument("--max-out", action=SetLimit, type=int)
    options = parser.parse_args()
    if options.raw == bool(options.steps):
        parser.error("give --raw, or steps: --push, --ids, --prompt")
    return options


def main() -> int:
    options = parse_arguments()
    try:
        client = Client(options.host, options.port)
        if options.raw:
            run_raw(client)
        else:
            run_steps(client, options)
    except (Failure, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
