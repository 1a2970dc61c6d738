"""Save the images of a batch one by one, in threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import Images, Look, Placing, StrPath, Writing, check_known, select
from .batches import batch_of
from .entry import entry_point
from .jobs import image_job
from .pixels import picture_of
from .warning import call_site, give_warnings, held_warnings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .arguments import ImageOptions


@entry_point
def safe_save_images(
    tensor: Images,
    path: StrPath,
    format: str | None = None,
    *,
    start: int = 0,
    **options: Unpack[ImageOptions],
) -> list[Path]:
    """Save each image of a batch to a file of its own, and return the paths in their order.

    Args:
        tensor: (B, C, H, W), or a list of images of one size.
        path: with ``{i}``, the number of the image, for example ``"out/{i:05}.png"``.
        format: Pillow's name of a format, where the suffix does not say it.
        start: the number of the first image.
        options: the keywords of :func:`safe_save_image`, which hold for each image alone.

    Raises:
        ValueError: `path` does not give each image a name of its own, ``ranks="zero"``, or what
            :func:`safe_save_image` raises. All images that can be saved are saved before that.
    """
    given: dict[str, Any] = {**options, "format": format}
    check_known("safe_save_images", given, Look, Writing, Placing)
    site = call_site("safe_save_images")
    batch = batch_of(tensor)
    targets = [_numbered(os.fspath(path), start + i) for i in range(len(batch))]
    if len({*targets, _numbered(os.fspath(path), start + len(batch))}) <= len(batch):
        raise ValueError(f"path {os.fspath(path)!r} needs {{i}}, the number of the image")
    if given.get("ranks") == "zero":
        raise ValueError('ranks="zero" is for single files; call safe_save_images on rank 0 only')
    look, writing, placing = select(Look, given), select(Writing, given), select(Placing, given)
    jobs = [image_job(site, target, look, writing, placing) for target in targets]
    waiting: list[Any] = []

    def save(i: int) -> Path:
        with held_warnings(waiting):
            if (done := jobs[i].early()) is not None:
                return done
            picture = picture_of(batch[i : i + 1], look).on_host()
            return jobs[i].finish(picture)

    with ThreadPoolExecutor(min(len(jobs), os.cpu_count() or 1, 8)) as threads:
        futures = [threads.submit(save, i) for i in range(len(jobs))]
    paths = [future.result() for future in futures]
    give_warnings(waiting)
    return paths


def _numbered(path: str, number: int) -> str:
    try:
        return path.format(i=number)
    except (LookupError, ValueError) as problem:
        raise ValueError(
            f"path {path!r} is no pattern ({problem}); it may hold {{i}}, for example {{i:05}}"
        ) from None
