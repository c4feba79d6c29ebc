"""Update rules: fused steps over a list of arrays, in place, the same bits everywhere.

Equations, argument names and defaults are those of ``torch.optim`` where it has the rule;
`convention` asks for another library's equation. Parameters and gradients are NumPy arrays, PyTorch
tensors, or arrays of any library that speaks ``__array_interface__``,
``__cuda_array_interface__`` or DLPack, on the CPU or on a CUDA device.
"""

from saddlescape.optim.adadelta import Adadelta
from saddlescape.optim.adafactor import Adafactor
from saddlescape.optim.adagrad import Adagrad
from saddlescape.optim.adahessian import AdaHessian
from saddlescape.optim.adam import Adam
from saddlescape.optim.adamax import Adamax
from saddlescape.optim.adamw import AdamW
from saddlescape.optim.adan import Adan
from saddlescape.optim.ademamix import AdEMAMix
from saddlescape.optim.asgd import ASGD
from saddlescape.optim.averages import EMA, SWA
from saddlescape.optim.captured import CapturedStep, capture
from saddlescape.optim.common import Statistics
from saddlescape.optim.curved import Curved
from saddlescape.optim.groups import Group
from saddlescape.optim.lamb import Lamb
from saddlescape.optim.lars import Lars
from saddlescape.optim.lion import Lion
from saddlescape.optim.muon import Muon
from saddlescape.optim.nadam import NAdam
from saddlescape.optim.names import create, names
from saddlescape.optim.optimizer import Optimizer
from saddlescape.optim.radam import RAdam
from saddlescape.optim.rmsprop import RMSprop
from saddlescape.optim.rows import Rows
from saddlescape.optim.rprop import Rprop
from saddlescape.optim.saddle_free_newton import NewtonStep, SaddleFreeNewton
from saddlescape.optim.schedule_free_adamw import ScheduleFreeAdamW
from saddlescape.optim.sgd import SGD
from saddlescape.optim.sophia import Sophia

__all__ = [
    "ASGD",
    "EMA",
    "SGD",
    "SWA",
    "AdEMAMix",
    "AdaHessian",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "CapturedStep",
    "Curved",
    "Group",
    "Lamb",
    "Lars",
    "Lion",
    "Muon",
    "NAdam",
    "NewtonStep",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rows",
    "Rprop",
    "SaddleFreeNewton",
    "ScheduleFreeAdamW",
    "Sophia",
    "Statistics",
    "capture",
    "create",
    "names",
]
