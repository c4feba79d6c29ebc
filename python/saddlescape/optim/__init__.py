"""Update rules: fused steps over a list of arrays, in place, the same bits everywhere.

Equations, argument names and defaults are those of ``torch.optim`` where it has the rule;
`convention` asks for another library's equation. Parameters and gradients are NumPy arrays, PyTorch
tensors on the CPU, or arrays of any library that speaks ``__array_interface__`` or DLPack.
"""

from saddlescape.optim.adadelta import Adadelta
from saddlescape.optim.adagrad import Adagrad
from saddlescape.optim.adam import Adam
from saddlescape.optim.adamax import Adamax
from saddlescape.optim.adamw import AdamW
from saddlescape.optim.adan import Adan
from saddlescape.optim.ademamix import AdEMAMix
from saddlescape.optim.asgd import ASGD
from saddlescape.optim.lion import Lion
from saddlescape.optim.nadam import NAdam
from saddlescape.optim.names import create, names
from saddlescape.optim.optimizer import Optimizer
from saddlescape.optim.radam import RAdam
from saddlescape.optim.rmsprop import RMSprop
from saddlescape.optim.rprop import Rprop
from saddlescape.optim.sgd import SGD

__all__ = [
    "ASGD",
    "SGD",
    "AdEMAMix",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "create",
    "names",
]
