"""One save with its arguments checked: what the functions and the queue carry out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import torch

from .arguments import Look, Placing, Ranks, Saving, Writing, is_file
from .clipping import judge
from .destinations import destination_for
from .encoding import Writer, writer_for
from .files import Destination
from .objects import lean
from .pictures import Picture
from .space import bytes_of, write_with_space
from .warning import Site, warnings_after


@dataclass(frozen=True)
class Job:
    """One save, as asked for: checked arguments, nothing done yet."""

    site: Site
    target: Any  # a path or a file
    place: Destination | None  # None for a file
    ranks: Ranks | None

    def early(self) -> Path | None:
        return None if self.place is None else self.place.early()

    @property
    def label(self) -> str:
        return "the file" if self.place is None else self.place.label

    def put(self, write: Callable[[IO[bytes]], object], index: int | None) -> Path:
        if self.place is None:
            write(self.target)
            return cast("Path", self.target)
        return self.place.put(write, index)


@dataclass(frozen=True)
class ImageJob(Job):
    look: Look
    writer: Writer

    def finish(self, picture: Picture, index: int | None = None) -> Path:
        """Judge, encode and write a picture that is on the host."""
        with warnings_after():
            return self.put_pieces(self.encode(picture), index)

    def encode(self, picture: Picture) -> list[bytes]:
        """Judge a picture that is on the host; its file, in pieces."""
        judge(picture, self.look, self.site, self.label)
        return self.writer.encode(picture.pixels, self.look.grayscale)

    def put_pieces(self, pieces: list[bytes], index: int | None = None) -> Path:
        return self.put(partial(_write_pieces, pieces), index)


@dataclass(frozen=True)
class ObjectJob(Job):
    saving: Saving

    def finish(self, obj: Any) -> Path:
        with warnings_after():
            return self.write(lean(obj, self.saving.compact, self.site, self.label))

    def write(self, obj: Any, index: int | None = None) -> Path:
        # No closures: the traceback of an error would keep them, and they the object.
        write = partial(self._write, obj, index)
        if self.place is None or not self.place.has_disk:
            return write()
        return write_with_space(write, bytes_of(obj), self.place.path, self.saving.if_full)

    def _write(self, obj: Any, index: int | None) -> Path:
        with warnings_after():
            return self.put(partial(torch.save, obj, **self.saving.for_torch()), index)


def _write_pieces(pieces: list[bytes], handle: IO[bytes]) -> None:
    for piece in pieces:
        handle.write(piece)


def _place(site: Site, target: Any, placing: Placing) -> Destination | None:
    return None if is_file(target) else destination_for(target, placing, site)


def image_job(site: Site, target: Any, look: Look, writing: Writing, placing: Placing) -> ImageJob:
    """Check all arguments of an image save before any work is done."""
    look.check()
    name = getattr(target, "name", "") if is_file(target) else target
    writer = writer_for(name, writing)
    return ImageJob(site, target, _place(site, target, placing), placing.ranks, look, writer)


def object_job(site: Site, target: Any, saving: Saving, placing: Placing) -> ObjectJob:
    """Check all arguments of an object save before any work is done."""
    saving.check()
    return ObjectJob(site, target, _place(site, target, placing), placing.ranks, saving)
