"""Packages that only some parts need: one line that says what to install when one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["require"]

# Where the name to install is not the name to import.
_INSTALLED_AS = {"sklearn": "scikit-learn"}


def require(module: str, extra: str) -> ModuleType:
    """Import a package of an extra, or say in one line how to get it.

    Parameters
    ----------
    module : str
        What to import; may be dotted: ``"sklearn.model_selection"``.
    extra : str
        The extra of saddlescape that installs it: ``"app"``, ``"torch"``, ``"jax"``.

    Returns
    -------
    module
        The imported module itself, not its top package.

    Raises
    ------
    ImportError
        If the package is not installed. A package that is there but broken (one of *its* needs is
        missing) raises its own error: installing the extra again would not mend it.

    Examples
    --------
    >>> require("json", "app").dumps([1])
    '[1]'
    >>> require("no_such_package", "app")
    Traceback (most recent call last):
    ImportError: no_such_package is needed for this: pip install 'saddlescape[app]'
    """
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        name = _INSTALLED_AS.get(package, package)
        raise ImportError(
            f"{name} is needed for this: pip install 'saddlescape[{extra}]'", name=package
        ) from None
    return importlib.import_module(module)
