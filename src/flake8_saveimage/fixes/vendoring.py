"""A copy of the runtime helper, a folder of modules, in the user's own repository."""

from __future__ import annotations

import ast
import hashlib
import keyword
import sys
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from flake8_saveimage.knowledge.writers import PACKAGES
from flake8_saveimage.source.writing import WriteError, write_new

MARK = b"# flake8-saveimage runtime "
PYTHON = "3.10"  # the oldest that runs the helper
_INIT = "__init__.py"
_DIGESTS = b"\n# The modules as they were copied:\n"
_PACKAGING = ("setup.py", "setup.cfg", "pyproject.toml")
_TAKEN = PACKAGES | {"PIL", "numpy"}


class VendorError(Exception):
    """A place for the vendored helper that cannot work; the message says why and what can."""


class ModuleChange(NamedTuple):
    """One module of the copy that is missing (``before`` is None) or differs."""

    path: str
    before: bytes | None
    after: bytes


def helper_files() -> dict[str, bytes]:
    """Return the modules of the copy by file name, ``__init__.py`` first.

    It ends with a digest of each module, which tells an edited copy from one of another version.
    """
    folder = files("flake8_saveimage") / "runtime"
    modules = [file for file in folder.iterdir() if file.name.endswith(".py")]
    contents = {f.name: f.read_bytes() for f in sorted(modules, key=lambda file: file.name)}
    digests = [f"# {name} {_digest(content)}\n" for name, content in contents.items()]
    contents[_INIT] += _DIGESTS + "".join(digests).encode()
    return contents


def folder_of(vendor: str) -> str:
    """Return the folder of the copy; ``src/saving.py``, an earlier form, means ``src/saving``.

    Raises :class:`VendorError` if it could not be imported under its name.
    """
    path = Path(vendor)
    folder = path.with_suffix("") if path.suffix == ".py" else path
    name = folder.name
    if not name.isidentifier() or keyword.iskeyword(name) or name == "__init__":
        raise VendorError(f"{vendor!r} cannot be imported: give the name of a folder, PATH/NAME")
    if name in sys.stdlib_module_names or name in _TAKEN:
        raise VendorError(f"{vendor!r} would hide the module {name!r}; choose another name")
    return str(folder)


def import_path(vendor: str, filename: str) -> str:
    """Return what a file has to import to get the helper vendored at ``vendor``.

    Follows the imports that the file has; without any, it is a relative module (``..tools.saving``)
    inside one package, and a plain one for scripts. Raises :class:`VendorError` if the copy cannot
    be imported from there.
    """
    name = Path(folder_of(vendor)).name
    home, importer = Path(vendor).resolve().parent, Path(filename).resolve()
    folder = importer.parent
    root, home_root = _package_root(folder), _package_root(home)
    imported = _imported(importer)
    in_package = root is not None and root == home_root
    if in_package and "." in imported:
        return _relative(folder, home, name)
    base = _base_of(home, importer, imported - {name})
    if base is None and root is not None and in_package:
        if not _is_script(importer):
            return _relative(folder, home, name)
        is_installed = any((root.parent / name).is_file() for name in _PACKAGING)
        base = home if home == folder and not is_installed else root.parent
    if base is not None:
        return ".".join([*home.relative_to(base).parts, name])
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


def _imported(importer: Path) -> frozenset[str]:
    """Return the top-level modules that a file imports; ``.`` for relative imports."""
    try:
        tree = ast.parse(importer.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
    return frozenset(found)


def _base_of(home: Path, importer: Path, imported: Collection[str]) -> Path | None:
    """Return the folder above the copy from which a file imports other modules, if one is known."""
    own = [module for module in imported if module not in sys.stdlib_module_names | {"."}]
    for folder in (home, *home.parents):
        is_around = importer.is_relative_to(folder) and folder != folder.parent
        if is_around and any((folder / f"{m}.py").is_file() or (folder / m).is_dir() for m in own):
            return folder
    return None


def changes(vendor: str, *, force: bool = False) -> list[ModuleChange]:
    """Return what has to be written to create the copy, or to bring it up to date.

    Raises :class:`VendorError` if something else is there or would be hidden by the copy, or if the
    copy was edited, unless ``force`` is given.
    """
    folder = Path(folder_of(vendor))
    _check_place(folder)
    edited = [] if force else _edited(folder)
    if edited:
        raise VendorError(f"{folder / edited[0]} was edited; --force replaces the copy")
    modules = {str(folder / name): content for name, content in helper_files().items()}
    there = {path: _content(Path(path)) for path in modules}
    return [ModuleChange(p, there[p], after) for p, after in modules.items() if there[p] != after]


def install(vendor: str, *, force: bool = False) -> Literal["created", "updated", "unchanged"]:
    """Write the helper to ``vendor``, or bring the copy there up to date.

    Raises :class:`VendorError` like :func:`changes`, or if a file cannot be written.
    """
    to_write = changes(vendor, force=force)
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


def _edited(folder: Path) -> list[str]:
    """Return the modules of a copy that are no longer as they were copied."""
    init = _content(folder / _INIT) or b""
    current = helper_files()
    listed = init.rpartition(_DIGESTS)[2].decode("utf-8", "replace").splitlines()
    digests = dict(line[2:].rpartition(" ")[::2] for line in listed if line.startswith("# "))
    found = []
    for name in {**current, **digests}:
        content = _content(folder / name)
        if content is None or content == current.get(name):
            continue
        if name == _INIT:
            content = content.partition(_DIGESTS)[0]
        if _digest(content) != digests.get(name):
            found.append(name)
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


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
