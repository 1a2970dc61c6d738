"""Is an object of one of the project's own network classes?"""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.writers import NETWORKS
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Scope

_MAX_BASES = 8


def saved_module(site: SaveCall) -> Scope | None:
    """Return the project's class whose object is saved whole, if it is a network's."""
    node = site.saved
    if not isinstance(node, cst.Name | cst.Attribute | cst.Call):
        return None
    owner = site.flow.class_of(node, site.place)
    return owner if owner is not None and _is_network(owner, site.flow) else None


def _is_network(owner: Scope, flow: Flow) -> bool:
    """Say whether a class is derived from torch's Module or one of its containers."""
    queue = [owner]
    for _ in range(_MAX_BASES):
        if not queue:
            return False
        current = queue.pop()
        if isinstance(current.node, cst.ClassDef) and current.outer is not None:
            names = [flow.resolve(base.value, current.outer) for base in current.node.bases]
            if any(name is not None and name.startswith(NETWORKS) for name in names):
                return True
            queue += flow.bases(current)
    return False
