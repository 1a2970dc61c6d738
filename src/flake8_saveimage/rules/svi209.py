"""Values outside [0, 255] wrap around when they become bytes.

## What it does
Finds values that are visibly below 0 or above 255 and are converted to `uint8` on their way to a
writer: by `.byte()`, `.to(torch.uint8)`, `.astype(np.uint8)`, `np.uint8(x)`, or by the
`to_pil_image` of floats.

## Why is this bad
A byte keeps the remainder by 256: -1 becomes 255, and 256 becomes 0. Dark pixels turn white and
bright ones black, in single spots that look like noise. Nothing raises or warns.

## Example
```python
import torch
from torchvision.io import write_png

def save(model, noise, path):
    image = torch.tanh(model(noise)) * 255
    write_png(image.byte(), path)
```

## Use instead
```python
import torch
from torchvision.io import write_png

def save(model, noise, path):
    image = (torch.tanh(model(noise)) + 1) * 127.5
    write_png(image.clamp(0, 255).byte(), path)
```

## Fix safety
The fix clamps before the conversion (the argument of `to_pil_image` to [0, 1]), where it stands in
the same file. It is unsafe: the colours change, and values that lie far
outside should be rescaled instead.

## How to configure
Silence one line with `# noqa: SVI209`. Turn the rule off with `extend-ignore = SVI209`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Edit, Problem, Rule, Where
from flake8_saveimage.rules.describe import written_by
from flake8_saveimage.rules.values import interval_text

if TYPE_CHECKING:
    from typing import Any

    import libcst as cst

    from flake8_saveimage.rules.base import Parts
    from flake8_saveimage.rules.save import Save

_BLACK, _WHITE = 0, 255


def check(save: Save) -> Problem | None:
    """Report bytes made of values that do not fit."""
    from flake8_saveimage.values.verdict import tidy  # libcst

    wrapped = save.values.values.wrapped
    if wrapped is None:
        return None
    low, high = tidy(wrapped.reach.low), tidy(wrapped.reach.high)
    cast = wrapped.origin
    message: Parts = (
        f"values in {interval_text((low, high))} wrap around in {cast.what}",
        *_at(cast.node),
        f": {_example(low, high)}",
        *written_by(save, "saves them"),
        f"; clamp them to {interval_text((_BLACK, _WHITE))} before",
    )
    return Problem(message)


def _at(node: object) -> Parts:
    import libcst as cst

    return (" (", Where(node, "conversion"), ")") if isinstance(node, cst.CSTNode) else ()


def _example(low: float, high: float) -> str:
    value = int(low) if low <= -1 else int(high)
    return f"{value} becomes {value % 256}"


def fix(save: Save, problem: Problem) -> Edit | None:
    """Clamp what is converted, where the conversion stands in this file."""
    import libcst as cst

    wrapped = save.values.values.wrapped
    node = wrapped.origin.node if wrapped is not None else None
    if save.route or wrapped is None or not isinstance(node, cst.Call):
        return None
    if wrapped.origin.what in ("byte", "to", "type", "astype"):
        change = _clamped
    elif node.args and node.args[0].keyword is None and not node.args[0].star:
        change = _with_limited_argument
    else:
        return None
    name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    is_it = isinstance(name, cst.Name) and name.value == wrapped.origin.what
    qualified = isinstance(node.func, cst.Attribute) or wrapped.origin.what == "to_pil_image"
    return Edit(node, change, "unsafe") if is_it and qualified else None


def _clamped(call: Any) -> cst.CSTNode:
    """Return ``x.clamp(0, 255).byte()``."""
    import libcst as cst

    method: cst.Attribute = call.func
    clamp = "clip" if method.attr.value == "astype" else "clamp"
    limited = cst.Call(cst.Attribute(method.value, cst.Name(clamp)), _numbers(_BLACK, _WHITE))
    changed: cst.Call = call.with_changes(func=method.with_changes(value=limited))
    return changed


def _with_limited_argument(call: Any) -> cst.CSTNode:
    """Return ``np.uint8(np.clip(x, 0, 255))`` or ``to_pil_image(x.clamp(0, 1))``."""
    import libcst as cst

    value = call.args[0].value
    if isinstance(value, cst.BinaryOperation | cst.UnaryOperation) and not value.lpar:
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if name.value == "to_pil_image":
        limited = cst.Call(cst.Attribute(value, cst.Name("clamp")), _numbers(0, 1))
    else:
        clip = cst.Attribute(call.func.value, cst.Name("clip"))
        limited = cst.Call(clip, [cst.Arg(call.args[0].value), *_numbers(_BLACK, _WHITE)])
    changed: cst.Call = call.with_deep_changes(call.args[0], value=limited)
    return changed


def _numbers(*values: int) -> list[cst.Arg]:
    import libcst as cst

    return [cst.Arg(cst.Integer(str(value))) for value in values]


RULE = Rule(
    code="SVI209",
    name="bytes-wrap-around",
    looks_at="value",
    writers=lambda row: row.kind == "image",
    through_helpers=True,
    fix=fix,
    check=check,
)
