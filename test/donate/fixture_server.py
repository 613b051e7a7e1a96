"""A Donate compute server, written from its protocol alone.

It runs on the standard library and has no code of Shoal's. Its inference is a
stub: `infer` counts on from the last input id, `prompt` answers
`echo: <prompt>`.

Arguments: [--host ADDRESS] [--port PORT] [--mode model_push|local_lm]
[--local-lm-path NAME] [--queue-capacity N] [--delay-ms N]. With port 0 the
system picks one. The delay is the duration of each job.

stdout: one JSON document per line: {"event": "listening", "host", "port"}; for
each connection, by its number, {"event": "met" | "left", "client"};
{"event": "message", "client", "message"} for each frame, with the length of its
text in place of a chunk's data; and {"event": "mounted", "client", "bytes",
"sha256"} for each complete model.

stdin: unused; its end ends the program, as SIGTERM does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import hashlib
import itertools
import json
import os
import struct
import threading
from typing import Any

MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_WEIGHTS_BYTES = 100 * MAX_FRAME_BYTES
DEFAULT_NEW_TOKENS = 8

# A frame with another type in one of these fields is invalid.
FIELD_TYPES: dict[str, type] = {
    "type": str,
    "config_json": str,
    "weights_len": int,
    "data_b64": str,
    "job_id": str,
    "input_ids": list,
    "max_tokens": int,
    "prompt": str,
    "max_out": int,
}

Frame = dict[str, Any]


class Upload:
    """An upload in progress. After its first error it accepts no more chunks."""

    def __init__(self, weights_len: int) -> None:
        self.expected = weights_len
        self.received = 0
        self.digest = hashlib.sha256()
        self.is_refused = False


class Server:
    """The options, and the queue of the one worker."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.numbers = itertools.count(1)
        self.jobs: asyncio.Queue[tuple[Connection, Frame]] = asyncio.Queue(
            options.queue_capacity
        )

    async def work(self) -> None:
        while True:
            connection, job = await self.jobs.get()
            depth = self.jobs.qsize()
            await asyncio.sleep(self.options.delay_ms / 1000)
            answer = infer(job) if job["type"] == "infer" else prompt(job)
            connection.send({**answer, "queue_depth": depth})

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = Connection(self, writer)
        say(event="met", client=connection.number)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await connection.serve(reader)
        writer.close()
        say(event="left", client=connection.number)


class Connection:
    """One client, with its mounted model."""

    def __init__(self, server: Server, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.mode: str = server.options.mode
        self.number = next(server.numbers)
        self.writer = writer
        self.upload: Upload | None = None
        self.is_mounted = False

    async def serve(self, reader: asyncio.StreamReader) -> None:
        self.greet()
        while True:
            (length,) = struct.unpack("<I", await reader.readexactly(4))
            if not 0 < length <= MAX_FRAME_BYTES:
                return
            frame = parse(await reader.readexactly(length))
            if frame is None:
                return
            say(event="message", client=self.number, message=brief(frame))
            self.take(frame)
            await self.writer.drain()

    def greet(self) -> None:
        hello = {
            "type": "hello",
            "mode": self.mode,
            "role": "server",
            "queue_capacity": self.server.options.queue_capacity,
        }
        if self.server.options.local_lm_path is not None:
            hello["local_lm_path"] = self.server.options.local_lm_path
        self.send(hello)

    def take(self, frame: Frame) -> None:
        kind = frame.get("type")
        if kind == "hello":
            return
        if kind == "model_begin":
            self.begin(frame)
        elif kind == "weights_chunk":
            self.add(frame)
        elif kind == "model_commit":
            self.commit()
        elif kind == "infer":
            self.take_infer(frame)
        elif kind == "prompt":
            self.take_prompt(frame)
        else:
            self.fail(f"unknown type: {kind}")

    def begin(self, frame: Frame) -> None:
        length = frame.get("weights_len", 0)
        self.upload = Upload(length)
        self.is_mounted = False
        if self.mode != "model_push":
            self.refuse("model_push not enabled on this node")
        elif not 0 < length <= MAX_WEIGHTS_BYTES:
            self.refuse("bad weights_len")

    def add(self, frame: Frame) -> None:
        upload = self.upload = self.upload or Upload(0)
        if upload.is_refused:
            return
        if self.mode != "model_push":
            self.refuse("model_push not enabled on this node")
            return
        try:
            text = frame.get("data_b64", "")
            weights = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.refuse("weights b64 decode")
            return
        if upload.received + len(weights) > upload.expected:
            self.refuse("weights overflow")
            return
        upload.received += len(weights)
        upload.digest.update(weights)

    def commit(self) -> None:
        upload, self.upload = self.upload, None
        if upload is not None and upload.is_refused:
            return
        if self.mode != "model_push":
            self.upload = upload or Upload(0)
            self.refuse("model_push not enabled on this node")
            return
        if upload is None:
            self.send({**model_status(False), "message": "no config"})
            return
        got, expected = upload.received, upload.expected
        if got != expected:
            fault = f"weights size mismatch: got {got} expect {expected}"
            self.send({**model_status(False), "message": fault})
            return
        self.is_mounted = True
        sha256 = upload.digest.hexdigest()
        say(event="mounted", client=self.number, bytes=got, sha256=sha256)
        self.send({**model_status(True), "message": "mounted"})

    def take_infer(self, frame: Frame) -> None:
        if self.mode != "model_push":
            self.fail("this node is local_lm; send prompt, not infer")
        elif not self.is_mounted:
            self.fail("model not mounted")
        else:
            self.enqueue(frame)

    def take_prompt(self, frame: Frame) -> None:
        if self.mode == "local_lm":
            self.enqueue(frame)
        else:
            self.fail("this node is model_push; mount model and send infer")

    def enqueue(self, frame: Frame) -> None:
        try:
            self.server.jobs.put_nowait((self, frame))
        except asyncio.QueueFull:
            self.fail("queue full")

    def refuse(self, fault: str) -> None:
        """Reports an upload's first error. Later chunks are dropped."""
        if self.upload is not None:
            self.upload.is_refused = True
        self.fail(fault)

    def fail(self, fault: str) -> None:
        self.send({"type": "error", "error": fault})

    def send(self, frame: Frame) -> None:
        if self.writer.is_closing():
            return
        body = json.dumps({"v": 1, **frame}, ensure_ascii=False).encode()
        self.writer.write(struct.pack("<I", len(body)) + body)


def infer(job: Frame) -> Frame:
    answer = {"type": "infer_result", "job_id": job.get("job_id", "")}
    ids = job.get("input_ids")
    if not ids:
        return {**answer, "ok": False, "error": "input_ids is empty"}
    count = job.get("max_tokens") or DEFAULT_NEW_TOKENS
    output_ids = [*ids, *range(ids[-1] + 1, ids[-1] + 1 + count)]
    return {**answer, "ok": True, "output_ids": output_ids}


def prompt(job: Frame) -> Frame:
    answer = {"type": "prompt_result", "job_id": job.get("job_id", "")}
    return {**answer, "ok": True, "text": f"echo: {job.get('prompt', '')}"}


def model_status(ok: bool) -> Frame:
    return {"type": "model_status", "ok": ok}


def parse(body: bytes) -> Frame | None:
    try:
        frame = json.loads(body)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) and has_types(frame) else None


def has_types(frame: Frame) -> bool:
    return all(
        isinstance(frame.get(name, kind()), kind)
        for name, kind in FIELD_TYPES.items()
    ) and all(isinstance(id_, int) for id_ in frame.get("input_ids", []))


def brief(frame: Frame) -> Frame:
    if "data_b64" not in frame:
        return frame
    return {**frame, "data_b64": len(frame["data_b64"])}


def say(**document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False), flush=True)


async def main(options: argparse.Namespace) -> None:
    server = Server(options)
    listener = await asyncio.start_server(
        server.accept, options.host, options.port
    )
    host, port = listener.sockets[0].getsockname()[:2]
    say(event="listening", host=host, port=port)
    await server.work()


def end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A Donate compute server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=17001)
    modes = ["model_push", "local_lm"]
    parser.add_argument("--mode", choices=modes, default="model_push")
    parser.add_argument("--local-lm-path")
    parser.add_argument("--queue-capacity", type=int, default=64)
    parser.add_argument("--delay-ms", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    # The parent process has ended.
    threading.Thread(target=end_with_stdin, daemon=True).start()
    asyncio.run(main(arguments))
