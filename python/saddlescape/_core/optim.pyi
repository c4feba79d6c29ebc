from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

class Options:
    lr: float
    lr_decay: float
    momentum: float
    dampening: float
    alpha: float
    rho: float
    beta1: float
    beta2: float
    beta3: float
    momentum_decay: float
    threshold: float
    eta_minus: float
    eta_plus: float
    step_min: float
    step_max: float
    lambd: float
    t0: float
    warmup: float
    weight_lr_power: float
    weight_step_power: float
    eps: float
    eps_root: float
    eps_hat: float
    hessian_power: float
    weight_decay: float
    trust_coefficient: float
    beta2_decay: float
    clip_threshold: float
    parameter_floor: float
    ns_a: float
    ns_b: float
    ns_c: float
    ns_steps: float
    use_nesterov: bool
    match_rms: bool
    decoupled: bool
    maximize: bool
    lr_inside: bool
    mean: bool
    first_gradient: bool
    max_corrected: bool
    uncorrected: bool
    refresh: bool

class Around:
    unscale: float
    clip_value: float
    clip_norm: float
    norm_is_known: bool  # clip by norm_of_all, not by these gradients' own
    norm_of_all: float
    average_weight: float
    statistics: bool
    dithered_parameters: bool

class Layout:
    def __init__(
        self, state_dtype: str = "", master_weights: bool = False, average: bool = False
    ) -> None: ...

class Seen:
    @property
    def non_finite(self) -> int: ...  # the first tensor, or -1

def norm_of_all(seen: Sequence[Seen], order: Sequence[tuple[int, int]]) -> float: ...
def norm_of_norms(norms: Sequence[float]) -> float: ...

class Stepper:
    # rules and fills: for each group; group, labels: for each of params, or empty
    def __init__(
        self,
        rules: Sequence[str],
        params: Any,
        fills: Sequence[float],
        group: Sequence[int],
        labels: Sequence[str],
        layout: Layout,
    ) -> None: ...
    def step(
        self, grads: Any, check_finite: bool = True, skip: bool = False, stream: object = None
    ) -> bool: ...
    def look(
        self, grads: Any, check_finite: bool = True, skip: bool = False, stream: object = None
    ) -> Seen: ...
    def load(
        self,
        state: dict[str, Any],
        steps: Sequence[int],
        carried: Sequence[Sequence[float]],
        calls: int,
        as_left: bool = False,  # the numbers are a run's own, infinite ones too
    ) -> None: ...
    def put(self, buffer: str, rows: list[Any], argument: str) -> None: ...
    def measured(
        self, norms: Sequence[Sequence[float]], gradient_norm: float, clip: float
    ) -> None: ...
    def options(self, group: int) -> Options: ...
    def numbers(self) -> list[Array]: ...
    @property
    def around(self) -> Around: ...
    @property
    def params(self) -> Any: ...
    @property
    def buffer_names(self) -> list[str]: ...
    @property
    def buffers(self) -> list[list[Array]]: ...
    @property
    def steps(self) -> list[int]: ...
    @property
    def carried(self) -> list[list[float]]: ...  # two for each of params
    @property
    def carries(self) -> bool: ...
    @property
    def norms(self) -> npt.NDArray[np.float64]: ...
    @property
    def gradient_norm(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def calls(self) -> int: ...

# rule, hyper-parameters, name of the list of parameters, parameters, gradients (None: left out;
# PyTorch's sparse ones too), for each parameter its states and "step" by name, the steps taken
# where there is no "step", and what the rule carries: two numbers for each, which the step changes
Part = tuple[
    str,
    Options,
    str,
    list[Any],
    list[Any],
    list[dict[str, Any] | None],
    list[int] | None,
    list[list[float]] | None,
]

class Batch:
    def check(
        self,
        parts: list[Part],
        unscale: float = 1.0,
        stream: object = None,
        check_finite: bool = True,
    ) -> None: ...
    def step(
        self,
        parts: list[Part],
        check_finite: bool = True,
        unscale: float = 1.0,
        stream: object = None,
    ) -> None: ...

def rules() -> list[str]: ...
def state_names(rule: str) -> list[str]: ...
def check_parameter(array: object, name: str) -> None: ...
