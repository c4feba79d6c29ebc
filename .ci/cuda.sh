#!/usr/bin/env bash
# Compiles and links the CUDA backend, every warning an error, and imports it: without a device it has to say
# why it is of no use. In a virtual environment that holds pytest and what saddlescape needs; $1: an empty
# folder. Without nvcc on this machine it takes NVIDIA's own wheels of it.
set -euo pipefail
work=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -z "${CUDACXX:-}" ] && ! command -v nvcc >/dev/null; then
  python -m pip install -q --target "$work/toolkit" 'nvidia-cuda-nvcc==13.0.88' 'nvidia-cuda-crt==13.0.88' \
    'nvidia-nvvm==13.0.88' 'nvidia-cuda-runtime==13.0.96' 'nvidia-cuda-cccl==13.0.85'
  export CUDACXX="$work/toolkit/nvidia/cu13/bin/nvcc"
  ln -s lib "$work/toolkit/nvidia/cu13/lib64"  # where nvcc looks; wheels hold no links
  chmod -R u+x "$work"/toolkit/nvidia/cu13/bin "$work"/toolkit/nvidia/cu13/nvvm/bin
fi
python -m pip install -q --no-deps --target "$work/site" . \
  -C cmake.define.SADDLESCAPE_CUDA=ON -C cmake.define.SADDLESCAPE_WARNINGS_AS_ERRORS=ON
# Libraries of NVIDIA's that the backend loads when it needs them: beside the package, as pip puts them.
case "$("${CUDACXX:-nvcc}" --version)" in
  *'release 12.'*) libraries=('nvidia-cublas-cu12>=12.8' nvidia-cusolver-cu12) ;;
  *) mapfile -t libraries < <(python -c 'import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*extras["cuda"], sep="\n")') ;;
esac
python -m pip install -q --target "$work/site" "${libraries[@]}"
for name in cublas cusolver; do
  PYTHONPATH="$work/site" python -c "from saddlescape import _cuda; print(*_cuda.library('$name'))"
done
PYTHONPATH="$work/site" python -c 'import saddlescape as ss; cuda = ss.info()["cuda"]; print(cuda); assert cuda["built"]'
PYTHONPATH="$work/site" python -m pytest -q -p no:cacheprovider tests/test_cuda_info.py
