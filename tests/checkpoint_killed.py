"""A program that kills training runs at random moments and lets them go on.

    python checkpoint_killed.py FOLDER KILLS SEED

It imports everything once; each attempt is a fork of it, killed with SIGKILL after a random time.
What came of it is printed as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from checkpoint_samples import LAYERED, Case
from saddlescape import optim, schedule

EPOCHS = 120


def runs():
    return {
        "plain": Case(
            rule=lambda theta: optim.AdamW(
                theta, lr=schedule.cosine(0.02, 1000), average=optim.EMA(0.9)
            ),
            epochs=EPOCHS,
        ),
        "layered": Case(net=LAYERED["all"], optimizer="nesterov", lr=0.05, epochs=EPOCHS),
        "8bit": Case(
            rule=lambda theta: optim.Adam(theta, state_dtype="8bit"), epochs=EPOCHS, batch_size=5
        ),
    }


def in_a_child(work, *arguments):
    """Fork; the child works and is gone."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid):
    """Wait; whether it was killed."""
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, status
    return False


def go_on(case, path):
    if path.exists():
        case.resume(path)
    else:
        case.train(path, checkpoint_every=2)


def main(folder, kills, seed):
    rng = np.random.default_rng(seed)
    found = {"kills": 0, "half-written": 0, "resumed": 0, "finished": 0, "different": []}
    cases = runs()
    wholes = {}
    for name, case in cases.items():
        wholes[name] = folder / f"{name}, whole"
        start = time.monotonic()
        assert not ended(in_a_child(go_on, case, wholes[name]))
        found[f"seconds of {name}"] = round(time.monotonic() - start, 3)
    while found["kills"] < kills:
        for name, case in cases.items():
            path = folder / f"{name} {found['finished']}"
            while True:
                found["resumed"] += path.exists()
                pid = in_a_child(go_on, case, path)
                if found["kills"] < kills:
                    time.sleep(rng.uniform(0, 0.1))
                    os.kill(pid, signal.SIGKILL)
                if not ended(pid):
                    break
                found["kills"] += 1
                found["half-written"] += any(folder.glob(f".{path.name}.*.tmp"))
            found["finished"] += 1
            if path.read_bytes() != wholes[name].read_bytes():
                found["different"].append(path.name)
    found["left"] = sorted(p.name for p in folder.iterdir() if p.name.endswith(".tmp"))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
