"""The operations of torch, torchvision, NumPy, OpenCV and Pillow, by topic.

A transfer function maps abstract arguments to an abstract result that contains whatever the library
computes from concrete ones; ``benchmarks/ranges_soundness.py`` checks this against the libraries.
"""

from __future__ import annotations

from flake8_saveimage.values.ops import (
    arithmetic,
    conversion,
    creation,
    nn,
    numpy,
    opencv,
    pillow,
    reduction,
    shape,
    vision,
)

__all__ = [
    "arithmetic",
    "conversion",
    "creation",
    "nn",
    "numpy",
    "opencv",
    "pillow",
    "reduction",
    "shape",
    "vision",
]
