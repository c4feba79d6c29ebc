"""Optimizers in processes that fork, run threads, or choose an instruction set."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from saddlescape import _core, optim


def python(script, **environment):
    """Run a script in a fresh interpreter; a hang is a failure."""
    return subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, "-W", "error::RuntimeWarning", "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FORK = """
import os
import numpy as np
import saddlescape as ss
from saddlescape import optim

ss.set_threads(2)
rng = np.random.default_rng(0)
start = rng.normal(size=200_000)
grads = rng.normal(size=(3, 200_000))

def run():
    theta = start.copy()
    opt = optim.Adam(theta)
    for g in grads:
        opt.step(g)
    return theta.tobytes()

before = run()  # OpenMP's threads are awake from here on
child = os.fork()
if child == 0:
    os._exit(0 if run() == before else 3)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert status == 0, status
assert run() == before
print("same")
"""


def test_a_forked_child_does_not_hang_and_gives_the_same_bits():
    result = python(FORK)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "same\n"


def test_threads_with_an_optimizer_each():
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=50_021), rng.normal(size=(20, 50_021))
    names = ["adam", "nesterov", "rmsprop", "adam"]

    def run(name, results, i):
        theta = start.copy()
        opt = optim.create(name, theta)
        for g in grads:
            opt.step(g)
        results[i] = theta.tobytes()

    alone, together = [None] * 4, [None] * 4
    for i, name in enumerate(names):
        run(name, alone, i)
    threads = [
        threading.Thread(target=run, args=(name, together, i)) for i, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_one_optimizer_on_two_threads_steps_whole_or_is_refused():
    theta = np.zeros(400_000)
    gradient = np.ones(400_000)
    opt = optim.SGD(theta, lr=1.0)
    refused = []

    def attempt():
        try:
            opt.step(gradient)
        except RuntimeError as error:
            refused.append(str(error))

    def run():
        for _ in range(50):
            attempt()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opt.steps == 100 - len(refused)
    assert (theta == -opt.steps).all()
    assert set(refused) <= {
        "this optimizer is in a step on another thread; give each thread its own optimizer, "
        "or take turns"
    }


ISA = """
import numpy as np
from saddlescape import _core, optim
theta = np.linspace(-1, 1, 1001, dtype=np.float32)
opt = optim.Adam(theta)
for t in range(20):
    opt.step(np.sin(theta + np.float32(t)))
import hashlib
print(_core.isa(), hashlib.sha256(theta).hexdigest())
"""


def test_the_environment_chooses_the_instruction_set():
    hashes = set()
    for isa in _core.available_isas():
        result = python(ISA, SADDLESCAPE_ISA=isa)
        assert result.returncode == 0, result.stderr
        used, digest = result.stdout.split()
        assert used == isa
        hashes.add(digest)
    assert len(hashes) == 1


def test_an_unknown_instruction_set_is_refused_at_import():
    result = python("import saddlescape", SADDLESCAPE_ISA="x86-64-v9")
    assert result.returncode != 0
    assert "SADDLESCAPE_ISA: 'x86-64-v9' is not an instruction set" in result.stderr


@pytest.mark.parametrize("n", [10, 100_000])
def test_threads_from_the_environment_give_the_same_bits(n):
    script = f"""
import hashlib
import numpy as np
from saddlescape import optim
theta = np.linspace(-1, 1, {n})
opt = optim.Adadelta([theta])
for t in range(5):
    opt.step([np.cos(theta * t)])
print(hashlib.sha256(theta).hexdigest())
"""
    runs = [python(script, OMP_NUM_THREADS=threads) for threads in ("1", "2")]
    assert all(run.returncode == 0 for run in runs), [run.stderr for run in runs]
    assert runs[0].stdout == runs[1].stdout


EXIT = """
import threading, time
import numpy as np
from saddlescape import eig, optim

def steps():
    opt, grads = optim.Adam(np.zeros(500_000)), np.ones(500_000)
    while True:
        opt.step(grads)

def products():
    A = np.diag(np.arange(200.0))
    while True:
        eig.lanczos(A, low=3, high=3, callback=lambda *_: None)

for work in {work}:
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
"""


@pytest.mark.parametrize("work", ["[steps, steps]", "[products, products]"])
def test_a_program_may_end_while_daemon_threads_compute(work):
    """Python up to 3.13 ends such threads by unwinding them; that met a noexcept destructor."""
    for _ in range(5):  # each abort was likely, none certain
        result = python(EXIT.replace("{work}", work))
        assert (result.returncode, result.stderr) == (0, "")
