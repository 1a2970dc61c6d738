"""How messages speak of values: the proof, what will happen, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.values import RangeFact

Parts = tuple["str | cst.CSTNode", ...]


def bounds_text(bounds: tuple[float, float]) -> str:
    """Write bounds as in ``value_range=(-1, 1)``."""
    return f"({bounds[0]:.4g}, {bounds[1]:.4g})"


def out_of_range(fact: RangeFact) -> Parts:
    """Return "values lie in [-1, 1] (tanh at line 88): negative half is saved as black; ..."."""
    bounds, origin = fact.bounds, fact.values.origin
    if bounds is None or origin is None:
        return ("values leave [0, 1]: they are clipped; bring them to [0, 1] first",)
    low, high = bounds
    interval = f"[{low:.4g}, {high:.4g}]"
    proof = _at(origin.what, origin.node)
    loss = _loss(low, high)
    if origin.proof == "noise":
        return (
            "values are normal noise (",
            *proof,
            f"): {loss}; rescale them to [0, 1] to show them",
        )
    if origin.proof == "assumed":
        return ("values are no longer in [0, 1] (", *proof, f"): {loss}; {_UNDO}")
    if origin.proof == "channels":
        return (f"values lie in {interval} (", *proof, f"): {loss}; {_UNDO}")
    advice = f"pass normalize=True, value_range={bounds_text(fact.value_range or (0.0, 1.0))}"
    if low >= 0 and high >= 254:
        advice = "divide by 255"
    return (f"values lie in {interval} (", *proof, f"): {loss}; {advice}")


_UNDO = "undo it (x * std + mean) before saving"


def _loss(low: float, high: float) -> str:
    if low < 0 < high and high <= 1.01:
        return "negative half is saved as black" if low <= -0.99 else "negatives are saved as black"
    if low < 0:
        return "what is below 0 is saved black, what is above 1 white"
    return "what is above 1 is saved as white"


def not_floating(fact: RangeFact) -> Parts:
    """Return "uint8 tensor (byte at line 9): save_image raises RuntimeError; ..."."""
    from flake8_saveimage.values.dtypes import dtype_class

    values = fact.values
    kind = dtype_class(values.dtypes)
    name = {"uint8": "a uint8", "bool": "a bool", "int": "an integer"}.get(kind, "an integer")
    advice = "save .float() of it"
    if 1 < values.interval.high <= 65535:
        advice = f"save .float() / {values.interval.high:.6g} of it"
    elif kind == "int":
        advice = "scale it to [0, 1] as a float first"
    return (f"{name} tensor: save_image raises RuntimeError when it gets here; {advice}",)


def _at(what: str, node: object) -> Parts:
    import libcst as cst

    return (f"{what} at line ", node) if isinstance(node, cst.CSTNode) else (what,)
