from typing import Any

__version__: str

def device() -> dict[str, Any]: ...
def library(name: str) -> tuple[str, str]: ...  # its file and version
def need_device(what: str) -> None: ...
