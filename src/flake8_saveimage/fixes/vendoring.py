"""A copy of the runtime helper, a folder of modules, in the user's own repository."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from flake8_saveimage.source.writing import WriteError, write_new

MARK = b"# flake8-saveimage runtime "


class VendorError(Exception):
    """A place for the vendored helper that cannot work; the message says why and what can."""


class Change(NamedTuple):
    """One module of the copy that is missing (``before`` is None) or differs."""

    path: str
    before: bytes | None
    after: bytes


def helper_files() -> dict[str, bytes]:
    """Return the modules of the runtime helper by file name, ``__init__.py`` first."""
    folder = files("flake8_saveimage") / "runtime"
    modules = [file for file in folder.iterdir() if file.name.endswith(".py")]
    return {file.name: file.read_bytes() for file in sorted(modules, key=lambda file: file.name)}


def folder_of(vendor: str) -> str:
    """Return the folder of the copy; ``src/saving.py``, an earlier form, means ``src/saving``.

    Raises :class:`VendorError` if it could not be imported under its name.
    """
    path = Path(vendor)
    folder = path.with_suffix("") if path.suffix == ".py" else path
    if not folder.name.isidentifier() or folder.name == "__init__":
        raise VendorError(f"{vendor!r} cannot be imported: give the name of a folder, PATH/NAME")
    return str(folder)


def import_path(vendor: str, filename: str) -> str:
    """Return what a file has to import to get the helper vendored at ``vendor``.

    A relative module (``..tools.saving``) inside one package, a plain one for scripts. Raises
    :class:`VendorError` if the copy cannot be imported from there.
    """
    name = Path(folder_of(vendor)).name
    home, importer = Path(vendor).resolve().parent, Path(filename).resolve()
    folder = importer.parent
    root, home_root = _package_root(folder), _package_root(home)
    if root is not None and root == home_root:
        return _relative(folder, home, name)
    if home_root is not None:
        return ".".join([*home.relative_to(home_root.parent).parts, name])
    start = root.parent if root is not None else folder
    if home.is_relative_to(start):
        below = home.relative_to(start).parts
        if all(part.isidentifier() for part in below):
            return ".".join([*below, name])
    elif root is None and start.is_relative_to(home) and not _is_script(importer):
        return name  # a module in a folder below the one from which the program is started
    raise VendorError(
        f"the helper vendored at {vendor} cannot be imported from here; vendor it into this file's"
        " package, beside this file, or into a package that is installed"
    )


def changes(vendor: str) -> list[Change]:
    """Return what has to be written to create the copy, or to bring it up to date.

    Raises :class:`VendorError` if something else is there or would be hidden by the copy.
    """
    folder = Path(folder_of(vendor))
    _check_place(folder)
    modules = {str(folder / name): content for name, content in helper_files().items()}
    there = {path: _content(Path(path)) for path in modules}
    return [Change(p, there[p], after) for p, after in modules.items() if there[p] != after]


def install(vendor: str) -> Literal["created", "updated", "unchanged"]:
    """Write the helper to ``vendor``, or bring the copy there up to date.

    Raises :class:`VendorError` like :func:`changes`, or if a file cannot be written.
    """
    to_write = changes(vendor)
    if not to_write:
        return "unchanged"
    folder = Path(folder_of(vendor))
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        for change in to_write:  # the marked __init__.py first, so that a second run can finish
            write_new(change.path, change.after)
    except WriteError as error:
        raise VendorError(f"{change.path} {error}") from error
    except OSError as error:
        raise VendorError(f"{folder} cannot be created: {error.strerror or error}") from error
    return "created" if is_new else "updated"


def _check_place(folder: Path) -> None:
    """Refuse a place that holds something else, or a module that the folder would hide."""
    module = folder.with_suffix(".py")
    content = _content(module)
    if content is not None and content.startswith(MARK):
        raise VendorError(
            f"{module} is a copy of the helper as one file, which still works; to replace it by"
            f" the folder {folder}, delete it and run this again (no import changes)"
        )
    if content is not None:
        raise VendorError(f"{module} is there and would be hidden by {folder}; choose another name")
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise VendorError(f"{folder} cannot be read: {error.strerror or error}") from error
    if not is_empty and not (_content(folder / "__init__.py") or b"").startswith(MARK):
        raise VendorError(f"{folder} is there and is no copy of the helper; choose another name")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VendorError(f"{path} cannot be read: {error.strerror or error}") from error


def _package_root(folder: Path) -> Path | None:
    """Return the outermost folder of the package that ``folder`` belongs to."""
    root = None
    while (folder / "__init__.py").is_file():
        root, folder = folder, folder.parent
    return root


def _relative(folder: Path, home: Path, name: str) -> str:
    dots, common = ".", folder
    while not home.is_relative_to(common):
        dots, common = dots + ".", common.parent
    return dots + ".".join([*home.relative_to(common).parts, name])


def _is_script(path: Path) -> bool:
    try:
        return b"__main__" in path.read_bytes()
    except OSError:
        return False
