"""Runs a command in a pseudo-terminal. For each step, types the keys once the output contains the text, behind what the step
before it waited for. Prints the output, and exits with the exit code of the command.

    python3 type_at_terminal.py '[["TEXT", "KEYS"], ...]' COMMAND...
"""

import json
import os
import pty
import sys

steps = [(text.encode(), keys.encode()) for text, keys in json.loads(sys.argv[1])]
command = sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

output = b""
seen = 0
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    output += piece
    while steps and (found := output.find(steps[0][0], seen)) >= 0:
        text, keys = steps.pop(0)
        seen = found + len(text)
        os.write(terminal, keys)
sys.stdout.buffer.write(output)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
