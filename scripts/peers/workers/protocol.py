"""A contender's side of the line protocol: it stays alive, and computes only when it is asked to.

    ready                   the first line of the worker, as JSON, once it is loaded
    case NAME               makes ready for a case and warms up
    run K                   K iterations of the case; the answer holds the seconds of each
    output PATH             the result of one iteration as 32-bit floats
    quit

Every answer is one line of JSON on standard output; {"error": TEXT} is the end of the worker.
"""

import json
import os
import sys
import time


def serve(load):
    """Answers until the end. `load` gives the contender: `about` (a dict), `case(name)`, `step()`, and
    `output()` (floats of one step)."""
    # A library that prints may not get between the lines.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        contender = load()
        answer({"ready": contender.about})
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            if command == "case":
                contender.case(argument)
                for _ in range(2):
                    contender.step()
                answer({})
            elif command == "run":
                seconds = []
                for _ in range(int(argument)):
                    start = time.perf_counter()
                    contender.step()
                    seconds.append(time.perf_counter() - start)
                answer({"seconds": seconds})
            elif command == "output":
                floats = contender.output()
                floats.astype("<f4").tofile(argument)
                answer({"shape": list(floats.shape)})
            elif command == "quit":
                return
            else:
                raise ValueError(f"no command {command!r}")
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise
