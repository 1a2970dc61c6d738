"""Write to object stores and other file systems that fsspec knows: ``s3://``, ``gs://``, ..."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from .arguments import Placing
from .files import Destination, write_watched
from .names import Names
from .ranks import rank_and_world
from .warning import Site


@dataclass(frozen=True)
class Remote(Destination):
    """An object of a store: written whole at the end; between processes nothing is exclusive."""

    url: str = ""
    store: Any = field(default=None, compare=False)
    names: Names = field(default=cast("Names", None), compare=False)

    @classmethod
    def at(cls, target: str, placing: Placing, site: Site) -> Remote:
        """Open the store of a URL.

        Raises:
            ImportError: fsspec, or its part for this kind of URL, is not installed.
            ValueError: fsspec does not know this kind of URL.
        """
        store, key = _open_store(target)
        rank, world = rank_and_world()
        names = _StoreNames(store, key, placing.unique_name)
        if world > 1 and placing.ranks == "each":
            own = Names(names.path, placing.unique_name, rank).at(1)
            target = target.removesuffix(names.path.name) + own.name
            names = _StoreNames(store, own.as_posix(), placing.unique_name)
        return cls(Path(target), placing, site, url=target, store=store, names=names)

    @property
    def label(self) -> str:
        return self.url

    @property
    def has_disk(self) -> bool:
        return False

    def early(self) -> Path | None:
        if self.if_exists in ("error", "skip") and self.names.is_taken(0):
            if self.if_exists == "skip":
                return cast("Path", self.url)
            raise self._exists()
        return None

    def reserve(self) -> int | None:
        return None

    def put(self, write: Callable[[IO[bytes]], object], index: int | None = None) -> Path:
        with tempfile.NamedTemporaryFile() as handle:
            write_watched(handle, write)
            handle.flush()
            shown = self._number_for()
            with self.store.open(shown.as_posix(), "wb") as target:
                handle.seek(0)
                shutil.copyfileobj(handle, target, 1 << 22)
        written = self.url.removesuffix(self.names.path.name) + shown.name
        return cast("Path", written)

    def _number_for(self) -> Path:
        """The name to write, after the object that has it was copied if it has to stay."""
        names = self.names
        if self.if_exists not in ("backup", "unique") or not names.is_taken(0):
            return names.path
        taken = [] if self.placing.keep is None else names.continue_highest()
        index = names.take(1)
        if names.is_taken(index):
            index = names.take(names.first_free(index))
        if self.if_exists == "unique":
            return names.at(index)
        self.store.copy(names.path.as_posix(), names.at(index).as_posix())
        if self.placing.keep is not None:
            names.prune(index - self.placing.keep, taken)
        return names.path


class _StoreNames(Names):
    """The sequence of names of an object."""

    def __init__(self, store: Any, key: str, template: str) -> None:
        super().__init__(Path(key), template, None)
        self.store = store
        self.key = f"{store.protocol}\0{self.key}"
        self.store.makedirs(self.folder.as_posix(), exist_ok=True)

    def is_taken(self, index: int) -> bool:
        return bool(self.store.exists(self.at(index).as_posix()))

    def listed(self) -> list[str]:
        entries = self.store.ls(self.folder.as_posix(), detail=False, refresh=True)
        return [str(entry).rpartition("/")[2] for entry in entries]

    def remove(self, index: int) -> None:
        self.store.rm_file(self.at(index).as_posix())


def _open_store(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise ImportError(
            f"{url} is no local path; install fsspec (and its part for this kind of URL) to save "
            "there, or save to a local file"
        ) from None
    store, key = url_to_fs(url)
    if key.endswith("/") or not Path(key).name:
        raise ValueError(f"path {url!r} names no file")
    return store, key
