"""Learning-rate schedules: functions of the step, taken wherever `lr` is.

A schedule is called with the step's number, from 0 on, and returns the learning rate of that step.
Each is a small immutable object that prints as it was made and equals another that was made alike;
calling it changes nothing. Past its last step it holds its final value. A function of your own is
as good: where a schedule is taken, so is every function of the step, and a plain number.

Two follow what is measured instead of the step alone, and are told by ``observe``: `warmup_until`
and `reduce_on_plateau`.
"""

from saddlescape.schedule.chain import chain
from saddlescape.schedule.clip import clip
from saddlescape.schedule.constant import constant
from saddlescape.schedule.cosine import cosine
from saddlescape.schedule.cosine_restarts import cosine_restarts
from saddlescape.schedule.exponential import exponential
from saddlescape.schedule.one_cycle import one_cycle
from saddlescape.schedule.polynomial import polynomial
from saddlescape.schedule.reduce_on_plateau import reduce_on_plateau
from saddlescape.schedule.scale import scale
from saddlescape.schedule.step import step
from saddlescape.schedule.transformer import noam, transformer
from saddlescape.schedule.warmup import warmup
from saddlescape.schedule.warmup_stable_decay import warmup_stable_decay
from saddlescape.schedule.warmup_until import warmup_until

__all__ = [
    "chain",
    "clip",
    "constant",
    "cosine",
    "cosine_restarts",
    "exponential",
    "noam",
    "one_cycle",
    "polynomial",
    "reduce_on_plateau",
    "scale",
    "step",
    "transformer",
    "warmup",
    "warmup_stable_decay",
    "warmup_until",
]
