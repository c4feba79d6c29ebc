"""The C interface from Python: its structs as the header has them, optimizers of any storage."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np

from saddlescape import optim

HEADER = (Path(__file__).parents[1] / "cpp" / "capi" / "saddlescape.h").read_text()


def struct(name: str) -> type[ctypes.Structure]:
    """The struct as the header has it, so that there is no second list of its fields."""
    (body,) = re.findall(rf"typedef struct {name} \{{(.*?)\}} {name};", HEADER, re.DOTALL)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    kinds = {
        "size_t": ctypes.c_size_t, "double": ctypes.c_double, "int32_t": ctypes.c_int32,
        "int64_t": ctypes.c_int64, "void*": ctypes.c_void_p,
    }  # fmt: skip
    fields = re.findall(r"(size_t|double|int32_t|int64_t|void\*|const \w+\*)\s*(\w+);", body)
    assert len(fields) == body.count(";")
    typed = [(n, kinds.get(k, ctypes.c_void_p)) for k, n in fields]
    return type(name, (ctypes.Structure,), {"_fields_": typed})


Options = struct("saddlescape_options")
Tensor = struct("saddlescape_tensor")
Group = struct("saddlescape_group")
Settings = struct("saddlescape_settings")


def pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


REALS = {"float32": 1, "float64": 2, "bfloat16": 3, "float16": 4}
EMA = {"average": 1, "average_decay": 0.9, "average_start": 2, "average_every": 3}
# The rule, the parameters' and the gradients' type, Python's arguments, C's settings.
STORED: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("sgd", "float32", "float32", {"clip_norm": 0.5, "clip_value": 0.3},
     {"clip_norm": 0.5, "clip_value": 0.3}),
    ("adam", "float32", "bfloat16", {"state_dtype": "8bit"}, {"states": 2}),
    ("adamw", "float32", "float16", {"state_dtype": "bfloat16"}, {"states": 1}),
    ("adagrad", "float32", "float32", {"state_dtype": "8bit", "initial_accumulator_value": 0.1},
     {"states": 2}),
    ("adagrad", "float32", "float32", {"state_dtype": "bfloat16",
                                       "initial_accumulator_value": 0.1}, {"states": 1}),
    ("momentum", "bfloat16", "float32",
     {"master_weights": True, "average": optim.EMA(0.9, start=2, every=3)},
     {"master_weights": 1, **EMA}),
    ("adam", "bfloat16", "bfloat16", {"stochastic_rounding": True, "state_dtype": "8bit"},
     {"stochastic_rounding": 1, "states": 2}),
    ("adam", "float16", "float16", {"master_weights": True, "clip_norm": 1.0},
     {"master_weights": 1, "clip_norm": 1.0}),
    ("lamb", "float32", "float32", {"average": optim.SWA(start=1), "clip_norm": 1.0},
     {"average": 2, "average_start": 1, "clip_norm": 1.0}),
    ("lars", "bfloat16", "float32", {"master_weights": True, "state_dtype": "bfloat16"},
     {"master_weights": 1, "states": 1}),
    ("lamb", "float64", "float64", {"average": optim.EMA(0.9, start=2, every=3)}, EMA),
    ("rprop", "float64", "float64", {"clip_value": 0.3}, {"clip_value": 0.3}),
]  # fmt: skip


def cast(x: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        import ml_dtypes

        return x.astype(ml_dtypes.bfloat16)
    return x.astype(dtype)


class Twin:
    """The optimizer in C over two groups: of two arrays and of one."""

    def __init__(
        self, library: ctypes.CDLL, rule: str, arrays: list[np.ndarray], own: dict[str, float],
        settings: dict[str, Any],
    ) -> None:  # fmt: skip
        self.library, self.handle, self.count = library, ctypes.c_void_p(), len(arrays)
        options, given = (Options * 2)(), Settings()
        size = ctypes.c_size_t(ctypes.sizeof(Options))
        for k in range(2):
            self.call("options_init", rule.encode(), ctypes.byref(options, k * size.value), size)
            for name, value in own.items():
                setattr(options[k], name, value)
        options[1].lr = 0.02
        self.call("settings_init", ctypes.byref(given), ctypes.c_size_t(ctypes.sizeof(given)))
        for name, value in settings.items():
            setattr(given, name, value)
        tensors = (Tensor * len(arrays))(*((a.ctypes.data, a.size) for a in arrays))
        start, width = ctypes.addressof(tensors), ctypes.sizeof(Tensor)
        groups = (Group * 2)(
            (ctypes.addressof(options), start, len(arrays) - 1),
            (ctypes.addressof(options) + size.value, start + (len(arrays) - 1) * width, 1),
        )
        self.call(
            "create_groups", rule.encode(), groups, ctypes.c_int64(2), ctypes.byref(given),
            ctypes.byref(self.handle),
        )  # fmt: skip

    def call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, f"saddlescape_{name}")(*arguments)
        assert status == 0, self.library.saddlescape_last_error()

    def step(self, grads: list[np.ndarray], scale: float, found_inf: bool) -> None:
        self.call(
            "step_scaled", self.handle, pointers(grads), ctypes.c_int64(self.count),
            ctypes.c_double(scale), ctypes.c_int32(found_inf),
        )  # fmt: skip

    def numbers(self, name: str, *where: int, width: int) -> bytes:
        data, size = ctypes.c_void_p(), ctypes.c_int64()
        place = [ctypes.c_int64(i) for i in where]
        self.call(name, self.handle, *place, ctypes.byref(data), ctypes.byref(size))
        return ctypes.string_at(data, size.value * width)

    def kept(self, name: str, rule_states: list[str], i: int, like: np.ndarray) -> bytes:
        """What Python has in its state under a name."""
        if name == "master":
            return self.numbers("master_weights", i, width=4)
        if name == "average":
            return self.numbers("average", i, width=like.itemsize)
        if name.endswith("_scale"):
            state = rule_states.index(name.removesuffix("_scale"))
            return self.numbers("state_scales", i, state, width=4)
        return self.numbers("state", i, rule_states.index(name), width=like.itemsize)
