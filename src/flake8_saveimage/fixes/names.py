"""What stands around each node of a file, and which names and texts it holds.

Fixes ask what findings never do: what contains this node, is this name free? One walk, made only
for files that have something to fix, answers all of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.syntax.nodes import child_nodes


class Names:
    """The parent of each node that holds code, all identifiers and texts of a module."""

    def __init__(self, module: cst.Module) -> None:
        self.parents: dict[int, cst.CSTNode] = {}
        self.strings: list[cst.SimpleString | cst.FormattedStringText] = []
        self.identifiers: set[str] = set()
        stack: list[cst.CSTNode] = [module]
        while stack:
            node = stack.pop()
            if isinstance(node, cst.Name):
                self._note(node)
            elif isinstance(node, cst.SimpleString | cst.FormattedStringText):
                self.strings.append(node)
            children = child_nodes(node)
            self.parents.update((id(child), node) for child in children)
            stack.extend(reversed(children))

    def _note(self, name: cst.Name) -> None:
        """Note an identifier; keywords and attributes are none."""
        outer = self.parents[id(name)]
        is_label = isinstance(outer, cst.Arg) and name is outer.keyword
        if not is_label and not (isinstance(outer, cst.Attribute) and name is outer.attr):
            self.identifiers.add(name.value)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, innermost first."""
        parent = self.parents.get(id(node))
        while parent is not None:
            yield parent
            parent = self.parents.get(id(parent))

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """Return the innermost function around a node."""
        return next((n for n in self.ancestors(node) if isinstance(n, cst.FunctionDef)), None)
