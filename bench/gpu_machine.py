"""What bench/gpu needs, and builds for and with, on a machine: the device's architecture, a BLAS.

Run as a program it prints one word; a reason why there is none goes to the standard error.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

MAJOR, MINOR = 75, 76  # CUdevice_attribute: the compute capability


def architecture() -> str:
    """Return the compute capability of the first device as "90"; raise where there is none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise RuntimeError("no CUDA device: no NVIDIA driver is installed here") from None
    count, device, part = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    for status in (driver.cuInit(0), driver.cuDeviceGetCount(ctypes.byref(count))):
        if status:
            raise RuntimeError(f"no CUDA device: the driver answers with error {status}")
    if count.value == 0:
        raise RuntimeError("no CUDA device: the driver sees none")
    driver.cuDeviceGet(ctypes.byref(device), 0)
    text = ""
    for attribute in (MAJOR, MINOR):
        driver.cuDeviceGetAttribute(ctypes.byref(part), attribute, device)
        text += str(part.value)
    return text


def driver_version() -> str:
    """Return the driver's version as nvidia-smi or the kernel tells it."""
    path = shutil.which("nvidia-smi")
    if path:
        query = [path, "--query-gpu=driver_version", "--format=csv,noheader"]
        told = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603
        if told.returncode == 0 and told.stdout.strip():
            return told.stdout.split()[0]
    kernel = Path("/sys/module/nvidia/version")
    return kernel.read_text().strip() if kernel.exists() else "not told"


def blas(folder: Path) -> str:
    """Return what to build with: "wheel", "scipy" or "system"; put SciPy's copy into the folder.

    SciPy's wheel carries the library of scipy-openblas32 under a name of its own, and beside it
    what that loads. In the folder they look like the wheel that the build asks for.
    """
    if importlib.util.find_spec("scipy_openblas32"):
        return "wheel"
    found = importlib.util.find_spec("scipy")
    if found is None or found.origin is None:
        return "system"
    carried = sorted((Path(found.origin).parents[1] / "scipy.libs").glob("lib*.so*"))
    ours = [path for path in carried if path.name.startswith("libscipy_openblas-")]
    if len(ours) != 1:
        return "system"
    package, beside = folder / "scipy_openblas32", folder / "beside"
    facts = folder / "scipy_openblas32-0.dist-info"
    for made in (package / "lib", beside, facts):
        made.mkdir(parents=True)
    where = package / "lib"
    (package / "__init__.py").write_text(f"def get_lib_dir():\n    return {str(where)!r}\n")
    shutil.copy(ours[0], where / "libscipy_openblas.so")
    files = importlib.metadata.files("scipy") or []
    licence = next(path for path in files if path.name.startswith("LICENSE"))
    shutil.copy(str(licence.locate()), facts / "LICENSE.txt")
    for path in carried:
        if path != ours[0]:
            shutil.copy(path, beside)
    return "scipy"


def libraries() -> str:
    """Return the folders of NVIDIA's wheels in this environment, as LD_LIBRARY_PATH has them.

    The backend looks for cuBLAS and cuSOLVER beside itself, and stands in a folder of its own here.
    """
    found = importlib.util.find_spec("nvidia")
    homes = (found.submodule_search_locations or []) if found else []
    folders = [
        Path(home) / part / "lib" for home in homes for part in ("cu13", "cublas", "cusolver")
    ]
    return ":".join(str(folder) for folder in folders if folder.is_dir())


def needed(*options: str) -> None:
    """Raise unless there are the packages that a run needs, told by its options."""
    names = {"numpy": "numpy", "safetensors": "safetensors", "ml_dtypes": "ml_dtypes"}
    names["pytest"] = "pytest"  # the checks share the tests' tables
    if "--built" not in options:
        names |= {"scikit_build_core": "scikit-build-core", "pybind11": "pybind11", "pip": "pip"}
    if "--hosted" not in options:
        names["torch"] = "torch"  # its events are the clock
    missing = [name for module, name in names.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise RuntimeError(f"not installed in {sys.executable}: {', '.join(missing)}")


def main(what: str, *rest: str) -> int:
    try:
        if what == "needed":
            needed(*rest)
        elif what == "blas":
            print(blas(Path(rest[0])))  # noqa: T201
        else:
            print({"architecture": architecture, "libraries": libraries}[what]())  # noqa: T201
    except RuntimeError as error:
        sys.stderr.write(f"bench/gpu: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
