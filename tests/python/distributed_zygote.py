"""Forks processes that run programs: one that has imported everything starts a rank in milliseconds.

Reads a line of JSON for each: program, arguments, environment, files for what it prints. Answers with the process's
number, and with the exit code where it is asked to wait for one.
"""

import json
import os
import sys


def main() -> None:
    import numpy  # noqa: F401
    import plait.distributed
    import plait.futures
    import plait.nn.parallel
    import plait.optim  # noqa: F401
    import pytest  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            continue
        os.environ.clear()
        os.environ.update(order["environment"])
        for number, path in ((1, order["stdout"]), (2, order["stderr"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = order["argv"]
        with open(sys.argv[0]) as file:
            code = compile(file.read(), sys.argv[0], "exec")
        exec(code, {"__name__": "__main__"})
        return


main()
