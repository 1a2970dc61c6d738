"""A copy of the one-file runtime helper in the user's own repository."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from flake8_saveimage.source.writing import WriteError, write_new

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
    stem = _stem(vendor)
    home, importer = Path(vendor).resolve().parent, Path(filename).resolve()
    folder = importer.parent
    root, home_root = _package_root(folder), _package_root(home)
    if root is not None and root == home_root:
        return _relative(folder, home, stem)
    if home_root is not None:
        return ".".join([*home.relative_to(home_root.parent).parts, stem])
    start = root.parent if root is not None else folder
    if home.is_relative_to(start):
        below = home.relative_to(start).parts
        if all(part.isidentifier() for part in below):
            return ".".join([*below, stem])
    elif root is None and start.is_relative_to(home) and not _is_script(importer):
        return stem  # a module in a folder below the one from which the program is started
    raise VendorError(
        f"the helper vendored at {vendor} cannot be imported from here; vendor it into this file's"
        " package, beside this file, or into a package that is installed"
    )


def install(vendor: str) -> Literal["created", "updated", "unchanged"]:
    """Write the helper to ``vendor``, or bring the copy there up to date.

    Raises :class:`VendorError` if something else is there or the path is no module's.
    """
    _stem(vendor)
    content = helper_source()
    there: bytes | None = None
    try:
        there = Path(vendor).read_bytes()
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
    path = Path(vendor)
    if path.suffix != ".py" or not path.stem.isidentifier() or path.stem == "__init__":
        raise VendorError(f"{vendor!r} cannot be imported: give the name of a module, NAME.py")
    return path.stem


def _package_root(folder: Path) -> Path | None:
    """Return the outermost folder of the package that ``folder`` belongs to."""
    root = None
    while (folder / "__init__.py").is_file():
        root, folder = folder, folder.parent
    return root


def _relative(folder: Path, home: Path, stem: str) -> str:
    dots, common = ".", folder
    while not home.is_relative_to(common):
        dots, common = dots + ".", common.parent
    return dots + ".".join([*home.relative_to(common).parts, stem])


def _is_script(path: Path) -> bool:
    try:
        return b"__main__" in path.read_bytes()
    except OSError:
        return False
