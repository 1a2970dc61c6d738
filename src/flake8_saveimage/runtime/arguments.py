"""The arguments of the public functions: their types, their groups and checks of one argument."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, get_args

import torch

from .names import check_template

IfExists: TypeAlias = Literal["backup", "unique", "error", "replace", "skip"]
IfFull: TypeAlias = Literal["raise", "wait"]
Ranks: TypeAlias = Literal["each", "zero"]
OutOfRange: TypeAlias = Literal["warn", "raise", "clamp"]
NonFinite: TypeAlias = Literal["raise", "zero"]
StrPath: TypeAlias = str | os.PathLike[str]
Images: TypeAlias = torch.Tensor | Sequence[torch.Tensor]
Numbers: TypeAlias = float | Sequence[float] | torch.Tensor


@dataclass(frozen=True)
class Placing:
    """Where a file goes and what happens if its name is taken."""

    if_exists: IfExists = "backup"
    unique_name: str = "{stem}_{n}{suffix}"
    durable: bool | None = None
    ranks: Ranks | None = None
    keep: int | None = None

    @property
    def is_durable(self) -> bool:
        """Whether to wait until the file is on the disk."""
        return self.if_exists == "replace" if self.durable is None else self.durable

    def check(self) -> None:
        one_of("if_exists", self.if_exists, get_args(IfExists))
        check_template(self.unique_name)
        if self.keep is None:
            return
        if self.if_exists != "backup":
            raise ValueError(f'keep={self.keep} is for if_exists="backup"')
        if self.keep < 1:
            raise ValueError(
                f'keep={self.keep} must be at least 1; if_exists="replace" keeps no backup'
            )


@dataclass(frozen=True)
class Look:
    """How tensors become a picture: torchvision's make_grid keywords, and ours."""

    nrow: int = 8
    padding: int = 2
    normalize: bool = False
    value_range: tuple[float, float] | None = None
    scale_each: bool = False
    pad_value: float = 0.0
    mean: Numbers | None = None
    std: Numbers | None = None
    out_of_range: OutOfRange = "warn"
    non_finite: NonFinite = "raise"
    grayscale: bool = False
    bits: int | None = None

    def check(self) -> None:
        one_of("out_of_range", self.out_of_range, ("warn", "raise", "clamp"))
        one_of("non_finite", self.non_finite, ("raise", "zero"))
        one_of("bits", self.bits, (None, 8, 16, 32))
        if self.nrow < 1:
            raise ValueError(f"nrow={self.nrow} must be at least 1")
        if self.padding < 0:
            raise ValueError(f"padding={self.padding} must not be negative")
        if self.bits == 32 and (self.normalize or self.value_range is not None):
            raise ValueError(
                "bits=32 saves the values as they are, without normalize=, value_range="
            )
        if self.value_range is None:
            return
        if not isinstance(self.value_range, (tuple, list)) or len(self.value_range) != 2:
            raise TypeError(f"value_range={self.value_range!r} must be a tuple (lowest, highest)")
        low, high = self.value_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"value_range={self.value_range!r} must be finite and increasing")


@dataclass(frozen=True)
class Writing:
    """Which image format is written, and how."""

    format: str | None = None
    quality: int | None = None
    compress_level: int | None = None
    save_options: Mapping[str, Any] | None = None
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Saving:
    """How torch.save writes an object: `compact` and `if_full` are ours, the others torch's."""

    compact: bool = False
    pickle_module: Any = pickle
    pickle_protocol: int = 2
    _use_new_zipfile_serialization: bool = True
    _disable_byteorder_record: bool = False
    if_full: IfFull | None = "raise"

    def check(self) -> None:
        one_of("if_full", self.if_full, (None, *get_args(IfFull)))

    def for_torch(self) -> dict[str, Any]:
        """Return the keyword arguments of torch.save."""
        options = dict(vars(self))
        del options["compact"], options["if_full"]
        if not self._disable_byteorder_record:  # not in every torch
            del options["_disable_byteorder_record"]
        return options


class PlacingOptions(TypedDict, total=False):
    """The keywords of :class:`Placing`."""

    if_exists: IfExists
    keep: int | None
    unique_name: str
    durable: bool | None
    ranks: Ranks | None


class ImageOptions(PlacingOptions, total=False):
    """The keywords of :func:`safe_save_image`, but for tensor, path and format."""

    nrow: int
    padding: int
    normalize: bool
    value_range: tuple[float, float] | None
    scale_each: bool
    pad_value: float
    mean: Numbers | None
    std: Numbers | None
    out_of_range: OutOfRange
    non_finite: NonFinite
    grayscale: bool
    bits: Literal[8, 16, 32] | None
    quality: int | None
    compress_level: int | None
    save_options: Mapping[str, Any] | None
    metadata: Mapping[str, object] | None


class ObjectOptions(PlacingOptions, total=False):
    """The keywords of :func:`safe_save` that are no positional arguments of torch.save's."""

    _use_new_zipfile_serialization: bool
    _disable_byteorder_record: bool
    compact: bool
    if_full: IfFull | None


_Group = TypeVar("_Group", Placing, Look, Writing, Saving)


def select(group: type[_Group], keywords: Mapping[str, Any]) -> _Group:
    """Build a group of arguments from those of the keywords that belong to it."""
    names = {field.name for field in fields(group)}
    return group(**{name: value for name, value in keywords.items() if name in names})


def check_known(function: str, keywords: Mapping[str, Any], *groups: type) -> None:
    """Raise TypeError for a keyword that belongs to none of the groups, as a call would."""
    known = {field.name for group in groups for field in fields(group)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


def one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        choices = ", ".join(repr(a) for a in allowed)
        raise ValueError(f"{name}={value!r} is unknown; choose one of {choices}")


def is_file(path: object) -> bool:
    return hasattr(path, "write") and not isinstance(path, (str, os.PathLike))


def target_of(function: str, path: Any, alias: str, other: Any) -> Any:
    """Return the path or file, given by position or under torchvision's or torch's keyword."""
    if path is not None and other is not None:
        raise TypeError(f"{function} got both a path and {alias}=; pass one")
    chosen = other if path is None else path
    if chosen is None:
        raise TypeError(f"{function} needs a path (or {alias}=)")
    if not is_file(chosen) and not isinstance(chosen, (str, os.PathLike)):
        raise TypeError(f"{function} needs a path or a file, not {type(chosen).__name__}")
    return chosen
