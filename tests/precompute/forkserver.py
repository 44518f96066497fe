"""Run ``python -m precompute …`` many times for the price of importing torch once.

Everything is imported here, and nothing computed: every request forks a child that is then a process of its own, with its own
arguments, output files and signals, exactly as if the interpreter had just started. One JSON request a line on stdin
({"arguments", "out", "err", "largest_file"} or {"wait": pid}), one JSON answer a line on stdout.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import runpy
import signal
import sys
from typing import Any


def serve() -> dict[str, Any] | None:
    """Answer requests; in a child, return what it has to run."""
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            return request
        print(json.dumps(answer), flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    if request.get("largest_file"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], resource.RLIM_INFINITY))
    signal.alarm(240)  # nothing here may hang for ever
    sys.argv = ["precompute", *request["arguments"]]
    try:
        runpy.run_module("precompute", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else bool(end.code))  # taking torch down would cost half a second


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the tests, not this
    gc.freeze()  # or every child would copy what it inherited, only to throw it away at its end
    if asked := serve():
        become(asked)
