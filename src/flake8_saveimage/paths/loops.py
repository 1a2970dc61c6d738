"""What a loop is called by, and what numbers its iterations."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.calls import NUMBERING, PAIRING
from flake8_saveimage.knowledge.words import is_index_name
from flake8_saveimage.paths.labels import on_one_line
from flake8_saveimage.syntax.nodes import code_of, last_name
from flake8_saveimage.syntax.scopes import Loop


def loop_variable(loop: Loop) -> str:
    """Return the target of a loop as the source writes it (``"i, batch"``), or ``""``."""
    target = loop.target
    if target is None:
        return ""
    if isinstance(target, cst.Tuple):
        target = target.with_changes(lpar=(), rpar=())
    return on_one_line(" ".join(code_of(target).split()))


def index_of(loop: Loop) -> str | None:
    """Return the variable that numbers or names the iterations of a loop, if there is one.

    A batch of data must not end up in a file name: only what a counting function yields, what is
    counted in the body, or what is called like an index or a name, is returned.
    """
    target, iterable = loop.target, loop.iter
    if isinstance(target, cst.Tuple) and len(target.elements) > 1:
        first = target.elements[0].value
        paired = isinstance(iterable, cst.Call) and last_name(iterable.func) in PAIRING
        if paired or (isinstance(first, cst.Name) and is_index_name(first.value)):
            return _usable(first)
    elif isinstance(target, cst.Name) and (
        is_index_name(target.value) or (iterable is not None and yields_numbers(iterable))
    ):
        return _usable(target) or _counter(loop)
    return _counter(loop)


def _usable(target: cst.BaseExpression) -> str | None:
    return target.value if isinstance(target, cst.Name) and target.value != "_" else None


def _counter(loop: Loop) -> str | None:
    """Return a variable to which each iteration adds a whole number."""
    for name, bindings in loop.block.scope.bindings.items():
        for binding in bindings:
            node = binding.node
            if (
                isinstance(node, cst.AugAssign)
                and isinstance(node.operator, cst.AddAssign)
                and isinstance(node.value, cst.Integer)
                and binding.place.block.anchor is loop.block
                and name.isidentifier()
            ):
                return name
    return None


def yields_numbers(iterable: cst.BaseExpression) -> bool:
    """Say whether an iterable is known to yield numbers or literals: ``tqdm(range(n))``."""
    while isinstance(iterable, cst.Call):
        if last_name(iterable.func) in NUMBERING:
            return True
        if not iterable.args:
            return False
        iterable = iterable.args[0].value
    return isinstance(iterable, cst.Tuple | cst.List)
