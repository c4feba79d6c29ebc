"""Update rules: fused steps over a list of arrays, in place, the same bits everywhere.

Equations, argument names and defaults are those of ``torch.optim``.
"""

from saddlescape.optim.adadelta import Adadelta
from saddlescape.optim.adagrad import Adagrad
from saddlescape.optim.adam import Adam
from saddlescape.optim.names import create, names
from saddlescape.optim.optimizer import Optimizer
from saddlescape.optim.rmsprop import RMSprop
from saddlescape.optim.sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Optimizer", "RMSprop", "create", "names"]
