"""Pillow: images, before they become tensors or arrays."""

from __future__ import annotations

from flake8_saveimage.values.domain import Abstract, Values
from flake8_saveimage.values.operations import Operands, operation

IMAGE = Values(kind="image")


@operation("PIL.Image.{open new fromarray}")
def opened(a: Operands) -> Values:
    return IMAGE


@operation("Image.{convert resize crop rotate transpose filter copy thumbnail}")
def still_an_image(a: Operands) -> Abstract:
    return IMAGE
