"""The two functions that save at once."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar, overload

from .arguments import (
    IfExists,
    IfFull,
    ImageOptions,
    Images,
    Look,
    NonFinite,
    Numbers,
    ObjectOptions,
    OutOfRange,
    Placing,
    Ranks,
    Saving,
    StrPath,
    Writing,
    one_of,
    target_of,
)
from .entry import entry_point
from .jobs import ImageJob, ObjectJob, image_job, object_job
from .pixels import picture_of
from .ranks import check_sharable, on_rank_zero
from .warning import call_site, warnings_after

if TYPE_CHECKING:
    from typing_extensions import Unpack

_File = TypeVar("_File", bound=IO[bytes])


@overload
def safe_save_image(
    tensor: Images, path: StrPath, format: str | None = ..., **options: Unpack[ImageOptions]
) -> Path: ...
@overload
def safe_save_image(
    tensor: Images, path: _File, format: str | None = ..., **options: Unpack[ImageOptions]
) -> _File: ...
@overload
def safe_save_image(
    tensor: Images, *, fp: StrPath, format: str | None = ..., **options: Unpack[ImageOptions]
) -> Path: ...
@overload
def safe_save_image(
    tensor: Images, *, fp: _File, format: str | None = ..., **options: Unpack[ImageOptions]
) -> _File: ...
@entry_point
def safe_save_image(
    tensor: Images,
    path: StrPath | IO[bytes] | None = None,
    format: str | None = None,
    *,
    fp: StrPath | IO[bytes] | None = None,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    out_of_range: OutOfRange = "warn",
    non_finite: NonFinite = "raise",
    grayscale: bool = False,
    bits: Literal[8, 16, 32] | None = None,
    quality: int | None = None,
    compress_level: int | None = None,
    save_options: Mapping[str, Any] | None = None,
    metadata: Mapping[str, object] | None = None,
    if_exists: IfExists = "backup",
    keep: int | None = None,
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> Path | IO[bytes]:
    """Save an image, or a grid of images, and return the path of the file that was written.

    A drop-in for :func:`torchvision.utils.save_image` (torchvision/utils.py), whose arguments keep
    their meaning and whose pixels come out bit for bit for float32 and float64 in [0, 1].

    Args:
        tensor: (H, W), (C, H, W) or (B, C, H, W) with 1 to 4 channels, or a list of images of one
            size. Floats are expected in [0, 1] (float16 and bfloat16 are computed in float32),
            uint8 is saved as it is, bool as black and white, other integers as grey levels 0 to
            255 (0 to 65535 with 16 bits). The tensor is not modified.
        path: where to: a path or a URL that fsspec opens. Missing folders are made. A file object
            is written to and returned. ``fp=``, torchvision's name, works as well.
        format: Pillow's name of a format, where the suffix does not say it.
        nrow: images in a row of the grid.
        padding: pixels between images.
        normalize: map the lowest value to 0 and the highest to 1, or, with `value_range`, that.
        value_range: (lowest, highest), mapped to [0, 1] (torchvision: only with `normalize`).
        scale_each: with `normalize`, each image by its own lowest and highest value.
        pad_value: between the images, on the scale of the result: [0, 1], of integers their own.
        mean: with `std`, undoes ``Normalize(mean, std)``: ``tensor * std + mean`` per channel.
        std: see `mean`.
        out_of_range: values that are more than half a grey level outside the range are clipped
            with a warning once per call site (``"warn"``), refused (``"raise"``) or clipped
            silently (``"clamp"``).
        non_finite: NaN and infinity are refused (``"raise"``) or become 0 (``"zero"``).
        grayscale: keep one channel as a greyscale file instead of three equal channels.
        bits: 16 for a PNG, or a greyscale TIFF, of 16 bits; 32 for a greyscale TIFF of float32,
            whose values are saved as they are. The default is 16 for uint16, else 8.
        quality: for JPEG, WebP and others with loss.
        compress_level: for PNG, 0 to 9; the default 1 takes a fifth of the time of Pillow's 6.
        save_options: further options for Pillow's writer of the format.
        metadata: text of a PNG, such as ``{"prompt": text, "seed": 1}``; Pillow reads it back as
            ``image.text``.
        if_exists: ``"backup"`` moves the file that is there to the next free number, so that
            `path` always names the newest; ``"unique"`` leaves it and takes the next free name;
            ``"error"`` raises; ``"replace"`` replaces it in one step; ``"skip"`` leaves it and
            returns its path.
        keep: how many backups stay, the newest; the default is all.
        unique_name: pattern of the numbered names, of ``{stem}``, ``{n}`` and ``{suffix}``.
        durable: wait until file and folder are on the disk; the default for ``"replace"``.
        ranks: with torch.distributed, ``"zero"``: rank 0 writes and every rank gets the path (all
            ranks must call); ``"each"``: every rank writes a file with its number in the name. By
            default each rank that calls writes, and a ``"unique"`` name that is taken gets the rank
            (rank 0: a plain number).

    Returns:
        The path of the file (of a URL its text), or the file object that was passed.

    Raises:
        TypeError: the tensor is complex, meta, nested or no tensor at all.
        ValueError: a shape that is no image, no values, NaN or infinity, values out of range with
            ``out_of_range="raise"``, an unknown format or option.
        FileExistsError: with ``if_exists="error"``.
        PermissionError: the file that is there is write-protected.
        OSError: the file could not be written; nothing is left behind, an old file is intact.
    """
    look = Look(
        nrow=nrow,
        padding=padding,
        normalize=normalize,
        value_range=value_range,
        scale_each=scale_each,
        pad_value=pad_value,
        mean=mean,
        std=std,
        out_of_range=out_of_range,
        non_finite=non_finite,
        grayscale=grayscale,
        bits=bits,
    )
    writing = Writing(format, quality, compress_level, save_options, metadata)
    placing = Placing(if_exists, unique_name, durable, ranks, keep)
    site = call_site("safe_save_image")
    one_of("ranks", ranks, (None, "each", "zero"))

    def prepare() -> ImageJob:
        target = target_of("safe_save_image", path, "fp", fp)
        if ranks == "zero":
            check_sharable(target)
        return image_job(site, target, look, writing, placing)

    def work() -> Path:
        with warnings_after():
            job = prepare()
            if (done := job.early()) is not None:
                return done
            return job.finish(picture_of(tensor, job.look).on_host())

    return on_rank_zero(work, prepare) if ranks == "zero" else work()


@overload
def safe_save(
    obj: object,
    path: StrPath,
    pickle_module: Any = ...,
    pickle_protocol: int = ...,
    **options: Unpack[ObjectOptions],
) -> Path: ...
@overload
def safe_save(
    obj: object,
    path: _File,
    pickle_module: Any = ...,
    pickle_protocol: int = ...,
    **options: Unpack[ObjectOptions],
) -> _File: ...
@overload
def safe_save(
    obj: object,
    *,
    f: StrPath,
    pickle_module: Any = ...,
    pickle_protocol: int = ...,
    **options: Unpack[ObjectOptions],
) -> Path: ...
@overload
def safe_save(
    obj: object,
    *,
    f: _File,
    pickle_module: Any = ...,
    pickle_protocol: int = ...,
    **options: Unpack[ObjectOptions],
) -> _File: ...
@entry_point
def safe_save(
    obj: object,
    path: StrPath | IO[bytes] | None = None,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    *,
    f: StrPath | IO[bytes] | None = None,
    compact: bool = False,
    if_full: IfFull | None = "raise",
    if_exists: IfExists = "backup",
    keep: int | None = None,
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> Path | IO[bytes]:
    """Save an object as :func:`torch.save` does and return the path of the file.

    Args:
        obj: what torch.save takes. Views that use less than half of their storage are warned
            about, because torch.save writes the whole storage.
        path: where to: a path or a URL that fsspec opens. Missing folders are made. A file object
            is written to and returned. ``f=``, torch's name, works as well.
        pickle_module: as for torch.save, like the three that follow.
        pickle_protocol: see there.
        _use_new_zipfile_serialization: see there.
        _disable_byteorder_record: see there.
        compact: save such views as copies of their own. Tensors that shared a storage of which
            little is used no longer share it when they are loaded.
        if_full: free space is looked at before anything is written. Too little raises
            (``"raise"``) or is waited for (``"wait"``); None does not look.
        if_exists: as for :func:`safe_save_image`, like the four that follow.
        keep: see there.
        unique_name: see there.
        durable: see there.
        ranks: see there.

    Returns:
        The path of the file (of a URL its text), or the file object that was passed.

    Raises:
        FileExistsError: with ``if_exists="error"``.
        PermissionError: the file that is there is write-protected.
        OSError: the file could not be written; nothing is left behind, an old file is intact.
    """
    saving = Saving(
        compact,
        pickle_module,
        pickle_protocol,
        _use_new_zipfile_serialization,
        _disable_byteorder_record,
        if_full,
    )
    placing = Placing(if_exists, unique_name, durable, ranks, keep)
    site = call_site("safe_save")
    one_of("ranks", ranks, (None, "each", "zero"))

    def prepare() -> ObjectJob:
        target = target_of("safe_save", path, "f", f)
        if ranks == "zero":
            check_sharable(target)
        return object_job(site, target, saving, placing)

    def work() -> Path:
        with warnings_after():
            job = prepare()
            if (done := job.early()) is not None:
                return done
            return job.finish(obj)

    return on_rank_zero(work, prepare) if ranks == "zero" else work()
