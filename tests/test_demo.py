"""The demonstration as a program, and training in forked processes and in threads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import demo


def test_the_two_weight_story():
    states = []
    story = demo.two_weight_network(lambda progress: states.append(progress.state))
    assert story.diagnosis.verdict == "degenerate_minimum"
    assert story.escapes[0][1].loss_after < 1e-12
    assert "escaping" in states


@pytest.mark.slow
def test_the_demo_writes_its_report_and_figures(tmp_path):
    for package in ("matplotlib", "plotly", "rich", "sklearn"):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-m", "saddlescape", "demo", "--out", "here"], cwd=tmp_path,
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) < 30
    assert not set(done.stdout + done.stderr) & set("\x1b\r\b")
    assert "VERDICT      saddle (left), then degenerate minimum" in done.stdout
    assert "of 1,210 directions" in done.stdout or "of 1210" in done.stdout
    assert "153 / 144 / 913" in done.stdout
    accuracy = re.search(r"test accuracy +([\d.]+) %", done.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) > 95
    assert done.stdout.endswith("report: here/report.html\n")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert "report.html" in names
    stems = {name.rpartition(".")[0] for name in names if name.endswith((".png", ".svg"))}
    assert len(stems) >= 6
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")} <= names


FORK = """
import os, sys
import numpy as np, saddlescape as ss
rng = np.random.default_rng(0)
X, y = rng.standard_normal((2000, 64)), rng.integers(0, 10, 2000)

def train():
    net = ss.MLP((64, 128, 10), seed=1)
    ss.train(net, X, y, batch_size=500, epochs=2)
    return net.theta.tobytes()

before = train()
ss.eig.eigvalsh(np.cov(X.T))
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        same = train() == before and len(ss.eig.eigvalsh(np.cov(X.T))) == 64
        os._exit(0 if same else 1)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
print(codes, train() == before)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_train_as_their_parent_does():
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "[0, 0, 0] True\n", done.stderr


def test_threads_train_their_networks_to_the_same_bits_as_alone():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 20)), rng.integers(0, 3, 300)

    def train(seed, ends):
        net = ss.MLP((20, 32, 3), seed=seed)
        run = ss.train(net, X, y, batch_size=16, epochs=4, seed=seed)
        ends[seed] = (net.theta.tobytes(), run.history.loss.tobytes())

    alone, together = {}, {}
    for seed in range(4):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert together == alone
    assert len({theta for theta, _ in alone.values()}) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "kernel"), [("1", "Nehalem"), ("2", "Haswell"), ("3", "")])
def test_the_digits_are_learnt_with_every_kernel_and_number_of_threads(threads, kernel):
    """The way out of a 16-fold saddle is no solver's choice, so neither is where it leads."""
    code = (
        "from saddlescape import demo; story = demo.digits(); "
        "print(story.metrics[1].value.split()[0], f'{story.escapes[0][1].loss_after:.9f}')"
    )
    environment = {
        **os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_THREAD_TIMEOUT": "4",  # sleep soon: three threads spin on two cores for 20 s
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    accuracy, loss = done.stdout.split()
    assert float(accuracy) > 95
    assert loss == "1.906442404"
