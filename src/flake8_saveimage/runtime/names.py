"""The sequence of unique names for one requested path."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import string
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

NAME_LIMIT = 255  # bytes; the limit of nearly every file system in use
_MARK = "user.saveimage.backup"
_REMEMBERED_NAMES = 65_536
_DOUBLE_SUFFIXES = {".tar", ".gz", ".bz2", ".xz", ".zst", ".zip"}
_next_index: OrderedDict[str, int] = OrderedDict()
_next_index_lock = threading.Lock()


def _forget_after_fork() -> None:
    """Replace the lock: one held by another thread at the fork would never be released."""
    global _next_index_lock
    _next_index_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix: ``a.png``, ``a.pth.tar`` as one suffix, none for ``v1.5`` (a number)."""
    path = Path(name)
    if not path.suffix or path.suffix[1:].isdigit():
        return name, ""
    inner = Path(path.stem)
    if path.suffix.lower() in _DOUBLE_SUFFIXES and re.fullmatch(r"\.[A-Za-z]{1,5}", inner.suffix):
        return inner.stem, inner.suffix + path.suffix
    return path.stem, path.suffix


def _shorten(stem: str, surplus: int) -> str:
    """The stem without its last `surplus` bytes, cut between characters."""
    raw = os.fsencode(stem)
    keep = max(len(raw) - surplus, 1)
    while keep < len(raw) and raw[keep] & 0xC0 == 0x80:
        keep -= 1
    return os.fsdecode(raw[: max(keep, 1)])


class Names:
    """The sequence of names for one requested path: itself, then numbered ones.

    Index 0 is the path as given. With a rank, index 1 is ``{stem}_rank{r}{suffix}`` and numbering
    goes on from there, so names of different ranks never meet.
    """

    def __init__(self, path: Path, template: str, rank: int | None) -> None:
        self.path = path
        self.folder = path.parent
        self.template = template
        self.stem, self.suffix = split_suffix(path.name)
        self.rank = rank
        folder = str(self.folder.absolute())
        self.key = "\0".join((folder, path.name, template, "" if rank is None else str(rank)))

    def at(self, index: int) -> Path:
        if index == 0:
            return self.path
        stem = self.stem
        tail = ""
        if self.rank is not None:
            tail = f"_rank{self.rank}"
            index -= 1
        name = self._format(stem + tail, index)
        surplus = len(os.fsencode(name)) - NAME_LIMIT
        if surplus > 0:
            name = self._format(_shorten(stem, surplus) + tail, index)
        return self.folder / name

    def _format(self, stem: str, number: int) -> str:
        if number == 0:
            return stem + self.suffix
        return self.template.format(stem=stem, n=number, suffix=self.suffix)

    def is_taken(self, index: int) -> bool:
        return os.path.lexists(self.at(index))

    def listed(self) -> list[str]:
        """The names of all files in the folder."""
        return [path.name for path in self.folder.iterdir()]

    def remove(self, index: int) -> None:
        """Remove a backup; raise FileNotFoundError for a file that no backup has made."""
        if not self._is_backup(index):
            raise FileNotFoundError(
                errno.ENOENT, "is no backup of this helper's", str(self.at(index))
            )
        self.at(index).unlink()

    def mark(self, index: int) -> None:
        """Note in an attribute of the file itself that a backup has given it this number."""
        if hasattr(os, "setxattr"):
            path = self.at(index)
            with contextlib.suppress(OSError):
                os.setxattr(path, _MARK, self._mark_of(path), follow_symlinks=False)

    def _is_backup(self, index: int) -> bool:
        """Whether the file was marked; where there are no attributes, every number counts."""
        if not hasattr(os, "getxattr"):
            return True
        path = self.at(index)
        try:
            return os.getxattr(path, _MARK, follow_symlinks=False) == self._mark_of(path)
        except OSError as problem:
            return problem.errno in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)

    def _mark_of(self, path: Path) -> bytes:
        """Not that of a copy, even one with attributes, nor that of a file that was renamed."""
        return os.fsencode(f"{path.lstat().st_ino} {path.name}")

    def take(self, at_least: int = 0) -> int:
        """Return the next index that was not yet taken in this process."""
        with _next_index_lock:
            index = max(_next_index.pop(self.key, 0), at_least)
            _next_index[self.key] = index + 1
            if len(_next_index) > _REMEMBERED_NAMES:
                _next_index.popitem(last=False)
        return index

    def give_back(self, index: int) -> None:
        """Make an index that was not used the next one again, if no later one was taken."""
        with _next_index_lock:
            if _next_index.get(self.key) == index + 1:
                _next_index[self.key] = index

    def take_for(self, use: Callable[[Path], object]) -> int:
        """Use the next number that is free; `use` raises FileExistsError if the name is taken."""
        index = self.take(1)
        while True:
            path = self.at(index)
            try:
                use(path)
            except FileExistsError:
                index = self.take(self.first_free(index))
            except BaseException:
                self.give_back(index)
                raise
            else:
                return index

    def first_free(self, taken: int) -> int:
        """An index that is free while the one before is taken, in O(log n) looks.

        `taken` is known to exist. Strides double until a free name is met; bisection then closes
        in on the border. With gaps between the files any border will do.
        """
        stride = 1
        while self.is_taken(taken + stride):
            taken += stride
            stride *= 2
        free = taken + stride
        while free - taken > 1:
            middle = (taken + free) // 2
            if self.is_taken(middle):
                taken = middle
            else:
                free = middle
        return free

    def index_of(self, status: os.stat_result) -> int | None:
        """The number of this very file, if it is the last one that is taken."""
        with _next_index_lock:
            known = _next_index.get(self.key, 0)
        for start in (1, max(known - 1, 1)):
            if self.is_taken(start):
                last = self.first_free(start) - 1
                with contextlib.suppress(OSError):
                    if os.path.samestat(self.at(last).lstat(), status):
                        return last
        return None

    def numbers(self) -> list[int]:
        """The numbers that are taken, ascending. Lists the folder."""
        found = set()
        for name in self.listed():
            for number in {int(text) for text in re.findall(r"\d+", name)}:
                if number > 0 and self.at(number).name == name:
                    found.add(number)
        return sorted(found)

    def continue_highest(self) -> list[int]:
        """Go on after the highest number, where lower ones were removed or others went on.

        Returns the numbers that are taken if the folder had to be listed, else nothing.
        """
        with _next_index_lock:
            known = _next_index.get(self.key, 0)
        if known > 1 and self.is_taken(known - 1) and not self.is_taken(known):
            return []
        taken = self.numbers()
        with _next_index_lock:
            _next_index[self.key] = max(_next_index.get(self.key, 0), taken[-1] + 1 if taken else 1)
        return taken

    def prune(self, highest: int, taken: list[int]) -> None:
        """Remove the files up to this number: those in `taken`, and down to the first missing.

        What cannot be removed now is tried again at the next save.
        """
        for number in taken:
            if number <= highest:
                with contextlib.suppress(OSError):
                    self.remove(number)
        with contextlib.suppress(OSError):
            for number in range(highest, 0, -1):
                self.remove(number)


def check_template(template: str) -> str:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        first, second = (template.format(stem="s", n=n, suffix=".x") for n in (1, 2))
    except (AttributeError, IndexError, KeyError, ValueError) as problem:
        raise ValueError(
            f"unique_name={template!r} is no usable pattern ({problem}); "
            "it may hold {stem}, {n} (also {n:05d}) and {suffix}"
        ) from None
    if not names <= {"stem", "n", "suffix"} or first == second:
        raise ValueError(
            f"unique_name={template!r} must hold {{n}}, and besides it only {{stem}} and {{suffix}}"
        )
    if os.sep in first or (os.altsep and os.altsep in first):
        raise ValueError(f"unique_name={template!r} must be a file name without folders")
    return template
