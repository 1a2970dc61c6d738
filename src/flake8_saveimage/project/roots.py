"""Where a project ends, and from which folders its absolute imports start."""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_MARKS = (".git", "pyproject.toml", "setup.cfg", "tox.ini", ".flake8")
_PATH_CALLS = {"append": 0, "insert": 1}


class Layout(NamedTuple):
    """Where a project is: its root, and the folders that the configuration adds to ``sys.path``."""

    root: str
    source_folders: tuple[str, ...] = ()


def layout_of(path: str, fallback: str, source_folders: Sequence[str] = ()) -> Layout:
    """Return the layout of the project of a file.

    ``fallback`` bounds the project where there is no repository; ``source_folders`` are the
    configured folders in which absolute imports start.
    """
    return Layout(project_root(path, fallback), tuple(map(os.path.realpath, source_folders)))


def project_root(path: str, fallback: str = ".") -> str:
    """Return the folder that bounds the project of a file.

    That is the nearest folder above it with a ``.git`` or a configuration; or else ``fallback``,
    the working folder, if the file is in it and it is neither the home nor the root of the disk;
    or else the file's own folder.
    """
    folder = os.path.dirname(os.path.realpath(path))
    above = _marked(folder)
    if above is not None:
        return above
    fallback = os.path.realpath(fallback)
    too_high = fallback in (os.path.realpath(os.path.expanduser("~")), os.path.abspath(os.sep))
    return fallback if is_inside(folder, fallback) and not too_high else folder


@functools.lru_cache(maxsize=4096)
def _marked(folder: str) -> str | None:
    if any(os.path.exists(os.path.join(folder, mark)) for mark in _MARKS):
        return folder
    above = os.path.dirname(folder)
    return None if above == folder else _marked(above)


def forget_roots() -> None:
    """Look for the marks of projects anew."""
    _marked.cache_clear()


def is_inside(path: str, folder: str) -> bool:
    """Say whether a real path is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def import_folders(path: str, layout: Layout) -> Iterator[str]:
    """Yield the folders in which absolute imports of a file start, as ``sys.path`` would.

    A script's own folder; for a file of a package the folder that holds the outermost package;
    the configured ones; the project's root.
    """
    own, root = os.path.dirname(path), layout.root
    outside = own
    while is_inside(outside, root) and os.path.isfile(os.path.join(outside, "__init__.py")):
        outside = os.path.dirname(outside)
    order = (outside, own) if outside != own else (own,)
    for folder in (*order, *layout.source_folders, root):
        if is_inside(folder, root):
            yield folder


def added_folders(tree: ast.Module, path: str) -> Iterator[str]:
    """Yield the folders that ``sys.path.append`` and ``insert`` add by what the text shows.

    A relative folder starts at the working folder, which is not known: it is tried from the
    file's own folder and from the one above.
    """
    own = os.path.dirname(path)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        index = _PATH_CALLS.get(node.func.attr)
        if index is None or ast.unparse(node.func.value) != "sys.path" or len(node.args) <= index:
            continue
        folder = _folder(node.args[index], path)
        if folder is not None:
            yield os.path.normpath(os.path.join(own, folder))
            if not os.path.isabs(folder):
                yield os.path.normpath(os.path.join(os.path.dirname(own), folder))


def _folder(node: ast.expr, path: str) -> str | None:
    """Return the folder that a path expression made of ``__file__`` and literals stands for."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return path if node.id == "__file__" else None
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        base = _folder(node.value, path)
        return os.path.dirname(base) if base is not None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([_folder(node.left, path), _folder(node.right, path)])
    if not isinstance(node, ast.Call) or node.keywords:
        return None
    parts = [_folder(argument, path) for argument in node.args]
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if name == "join":
        return _joined(parts)
    if name == "dirname" and len(parts) == 1 and parts[0] is not None:
        return os.path.dirname(parts[0])
    if name in ("resolve", "absolute") and isinstance(node.func, ast.Attribute):
        return _folder(node.func.value, path)
    if name in ("abspath", "realpath", "normpath", "Path", "str", "expanduser") and parts:
        return parts[0]
    return None


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return os.path.join(*known) if known and len(known) == len(parts) else None
