"""PyTorch's optimizers with Saddlescape's steps: change the import and nothing else.

Each class takes the arguments of its namesake in ``torch.optim``, keeps the same state under the
same names, and is one: parameter groups, closures, hooks, schedulers, ``state_dict``, deepcopy and
pickling are PyTorch's own. What changes is `step`: one pass over all groups in C++, in place, the
same bits for any number of threads. `Lion`, `Adan`, `AdEMAMix`, `LARS`, `LAMB` and
`ScheduleFreeAdamW` are not in PyTorch.

For float32, float64, bfloat16 and float16 parameters on the CPU and, with the optional backend
(docs/cuda.md), on CUDA devices; `SGD`, `Adagrad` and `Adam` take sparse gradients on the CPU.
States have the type of their parameter, as in PyTorch; what is narrower than float32 is computed in
float32 and rounded once. Importing this needs PyTorch.
"""

from saddlescape._extras import require

require("torch", "torch")

from saddlescape.torch.optimizers import (  # noqa: E402 - after the word on how to get PyTorch
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
    SparseAdam,
)
from saddlescape.torch.others import LAMB, LARS, Adan, AdEMAMix, Lion  # noqa: E402
from saddlescape.torch.schedule_free import ScheduleFreeAdamW  # noqa: E402

__all__ = [
    "ASGD",
    "LAMB",
    "LARS",
    "SGD",
    "AdEMAMix",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Lion",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "SparseAdam",
]
