"""The optimizers that PyTorch does not have, in its form."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import optim
from saddlescape.torch.stepped import Stepped

__all__ = ["LAMB", "LARS", "AdEMAMix", "Adan", "Lion"]


class Lion(Stepped, torch.optim.Optimizer):
    """Lion for PyTorch: see `saddlescape.optim.Lion` for equations and arguments.

    Examples
    --------
    >>> import torch
    >>> from saddlescape.torch import Lion
    >>> weight = torch.ones(2, requires_grad=True)
    >>> opt = Lion([weight], lr=0.5)
    >>> (weight * weight).sum().backward()
    >>> opt.step()
    >>> weight.tolist()
    [0.5, 0.5]
    """

    rule = optim.Lion

    def __init__(
        self,
        params: Any,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults, check_finite=check_finite)


class Adan(Stepped, torch.optim.Optimizer):
    """Adan for PyTorch: see `saddlescape.optim.Adan` for equations and arguments."""

    rule = optim.Adan

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0,
        no_prox: bool = False,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "no_prox": no_prox,
            "maximize": maximize,
        }
        super().__init__(params, defaults, check_finite=check_finite)


class AdEMAMix(Stepped, torch.optim.Optimizer):
    """AdEMAMix for PyTorch: see `saddlescape.optim.AdEMAMix` for equations and arguments."""

    rule = optim.AdEMAMix

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        alpha: float = 5.0,
        warmup: float = 0,
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "alpha": alpha,
            "warmup": warmup,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, check_finite=check_finite)


class LARS(Stepped, torch.optim.Optimizer):
    """LARS for PyTorch: see `saddlescape.optim.Lars` for equations and arguments."""

    rule = optim.Lars

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0,
        trust_coefficient: float = 1e-3,
        eps: float = 0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "trust_coefficient": trust_coefficient,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults, check_finite=check_finite)


class LAMB(Stepped, torch.optim.Optimizer):
    """LAMB for PyTorch: see `saddlescape.optim.Lamb` for equations and arguments."""

    rule = optim.Lamb

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, check_finite=check_finite)
