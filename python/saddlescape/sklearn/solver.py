"""scikit-learn's optimizers in ours, and its units in ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.sklearn.arguments import Settings

__all__ = ["Recipe", "Units", "recipe_of"]


@dataclass(frozen=True)
class Units:
    """What scikit-learn descends is `factor` times the network's loss; it shows `shown` times it.

    Its gradient of the squared error is that of ``1/2 sum_c mean_n (f - y)^2``, ours that of the
    mean over all N*C elements: ``factor = C / 2``. What it shows is ``1/2 mean_n mean_c``.
    """

    factor: float = 1.0
    shown: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """How an optimizer is made for a network: once, and again where it was saved."""

    name: str
    lr: float
    arguments: dict[str, Any]

    def make(self, net: MLP, state: dict[str, Any] | None = None) -> optim.Optimizer:
        """Return the optimizer at work on ``net.theta``, going on from a state."""
        made = optim.create(self.name, net.theta, lr=self.lr, **self.arguments)
        if state is not None:
            made.load_state_dict(state)
        return made


def recipe_of(settings: Settings, units: Units) -> Recipe:
    """Return what scikit-learn would take, for "sgd" and "adam"; ours by their names as they are.

    A step of gradient descent is the learning rate times the gradient: that is in scikit-learn's
    units. Adam's steps have no unit but for epsilon's.
    """
    lr, own = settings.learning_rate_init, dict[str, Any]()
    if settings.solver == "sgd":
        # v_t = mu v_{t-1} - lr g_t, theta += v_t or, Nesterov's, mu v_t - lr g_t: the learning rate
        # stands in the buffer, which PyTorch's does not. Without momentum both are the same.
        own = {
            "momentum": settings.momentum,
            "nesterov": settings.nesterovs_momentum and settings.momentum > 0,
            "convention": "keras",
        }
        lr *= units.factor
    elif settings.solver == "adam":
        # lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t), theta -= lr_t m_t / (sqrt(v_t) + epsilon):
        # epsilon is added before the correction, as in Keras.
        own = {
            "betas": (settings.beta_1, settings.beta_2),
            "eps": settings.epsilon / units.factor,
            "convention": "keras",
        }
    return Recipe(settings.solver, lr, {**own, **settings.solver_params})
