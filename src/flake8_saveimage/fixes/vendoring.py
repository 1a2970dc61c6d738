"""A copy of the one-file runtime helper in the user's own repository."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import Literal

MARK = b"# flake8-saveimage runtime "


class VendorError(Exception):
    """A place for the vendored helper that cannot work; the message says why and what can."""


def helper_source() -> bytes:
    """Return the runtime helper as it is shipped: one file, with its version and licence."""
    return (files("flake8_saveimage") / "runtime.py").read_bytes()


def import_path(vendor: str, filename: str) -> str:
    """Return what a file has to import to get the helper vendored at ``vendor``.

    A relative module (``..tools.saving``) inside one package, a plain one for scripts. Raises
    :class:`VendorError` if the copy cannot be imported from there.
    """
    target = os.path.realpath(vendor)
    stem = _stem(vendor)
    importer = os.path.realpath(filename)
    folder, home = os.path.dirname(importer), os.path.dirname(target)
    root, target_root = _package_root(folder), _package_root(home)
    if root is not None and root == target_root:
        return _relative(folder, home, stem)
    if target_root is not None:
        inside = os.path.relpath(home, os.path.dirname(target_root)).split(os.sep)
        return ".".join([*inside, stem])
    start = os.path.dirname(root) if root is not None else folder
    below = os.path.relpath(home, start).split(os.sep)
    if below == [os.curdir]:
        return stem
    if os.pardir not in below and all(part.isidentifier() for part in below):
        return ".".join([*below, stem])
    if root is None and set(below) == {os.pardir} and not _is_script(importer):
        return stem  # a module in a folder below the one from which the program is started
    raise VendorError(
        f"the helper vendored at {vendor} cannot be imported from here; vendor it into this file's"
        " package, beside this file, or into a package that is installed"
    )


def install(vendor: str) -> Literal["created", "updated", "unchanged"]:
    """Write the helper to ``vendor``, or bring the copy there up to date.

    Raises :class:`VendorError` if something else is there or the path is no module's.
    """
    from flake8_saveimage.writing import WriteError, write_new

    _stem(vendor)
    content = helper_source()
    there: bytes | None = None
    try:
        with open(vendor, "rb") as file:
            there = file.read()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise VendorError(f"{vendor} cannot be read: {error.strerror or error}") from error
    if there is not None and not there.startswith(MARK):
        raise VendorError(f"{vendor} is there and is no copy of the helper; choose another name")
    if there == content:
        return "unchanged"
    try:
        write_new(vendor, content)
    except WriteError as error:
        raise VendorError(f"{vendor} {error}") from error
    return "created" if there is None else "updated"


def _stem(vendor: str) -> str:
    stem, extension = os.path.splitext(os.path.basename(vendor))
    if extension != ".py" or not stem.isidentifier() or stem == "__init__":
        raise VendorError(f"{vendor!r} cannot be imported: give the name of a module, NAME.py")
    return stem


def _package_root(folder: str) -> str | None:
    """Return the outermost folder of the package that ``folder`` belongs to."""
    root = None
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        root = folder
        folder = os.path.dirname(folder)
    return root


def _relative(folder: str, home: str, stem: str) -> str:
    common = os.path.commonpath([folder, home])
    up = len(os.path.relpath(folder, common).split(os.sep)) if folder != common else 0
    down = os.path.relpath(home, common).split(os.sep) if home != common else []
    return "." * (up + 1) + ".".join([*down, stem])


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"__main__" in file.read()
    except OSError:
        return False
