"""Runs a command in a pseudo-terminal. When its output contains a text, presses Ctrl-C once. Prints the output, and exits
with the exit code of the command.

    python3 press_ctrl_c.py TEXT COMMAND...
"""

import os
import pty
import sys

wanted, command = sys.argv[1].encode(), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

output = b""
pressed = False
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    output += piece
    if not pressed and wanted in output:
        pressed = True
        os.write(terminal, b"\x03")
sys.stdout.buffer.write(output)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
