"""PyTorch's optimizers with Saddlescape's steps: change the import and nothing else.

Each class takes the arguments of its namesake in ``torch.optim``, keeps the same state under the
same names, and is one: parameter groups, closures, hooks, schedulers, ``state_dict``, deepcopy and
pickling are PyTorch's own. What changes is `step`: one pass over all groups in C++, in place, the
same bits for any number of threads. `Lion`, `Adan` and `AdEMAMix` are not in PyTorch.

For float32 and float64 parameters on the CPU. Importing this needs PyTorch.
"""

from saddlescape._extras import require

require("torch", "torch")

from saddlescape.torch.optimizers import (  # noqa: E402 - after the word on how to get PyTorch
    ASGD,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from saddlescape.torch.others import Adan, AdEMAMix, Lion  # noqa: E402

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
    "RAdam",
    "RMSprop",
    "Rprop",
]
