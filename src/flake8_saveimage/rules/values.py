"""How messages describe values: the proof, what will happen, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Where
from flake8_saveimage.rules.describe import written_by

if TYPE_CHECKING:
    from flake8_saveimage.knowledge.writer import Writer
    from flake8_saveimage.rules.base import Parts
    from flake8_saveimage.rules.save import Save
    from flake8_saveimage.values.domain import Order

_UNIT = (0.0, 1.0)
_UNDO = "undo the normalization (x * std + mean) before saving"


def bounds_text(bounds: tuple[float, float]) -> str:
    """Write bounds as in ``value_range=(-1, 1)``."""
    return f"({bounds[0]:.4g}, {bounds[1]:.4g})"


def interval_text(bounds: tuple[float, float]) -> str:
    """Write bounds as an interval: ``[-1, 1]``."""
    return f"[{bounds[0]:.4g}, {bounds[1]:.4g}]"


def range_text(writer: Writer) -> str:
    """Return the interval that a writer of images expects."""
    return interval_text(_limits(writer))


def unknown_range(save: Save) -> Parts:
    """Return the message about values whose range is not known, or which have none."""
    writer, origin = save.site.writer, save.values.values.unbounded
    what: Parts = ("the value range is unknown",)
    if origin is not None:
        last = f"{origin.owner} ends in " if origin.owner else "they come from "
        what = (
            "values are unbounded: ",
            last,
            origin.what,
            *_in_brackets(origin.what, origin.node),
        )
    scale = "clamp or rescale them"
    if writer.normalizer is not None:
        switch, bounds = writer.normalizer
        scale += f", or pass {switch}=True, {bounds}=(low, high)"
    separator = ":" if origin is None else ";"
    clips = f"{separator} {writer.leaf} silently clips values outside {range_text(writer)}; {scale}"
    return (*what, *written_by(save, "saves them"), clips)


def out_of_range(save: Save) -> Parts:
    """Return "values lie in [-1, 1] (tanh at line 88): ...": the proof, the loss, the advice."""
    fact, writer = save.values, save.site.writer
    bounds, origin = fact.bounds, fact.values.origin
    limits = _limits(writer)
    if bounds is None or origin is None:
        return (f"values leave {interval_text(limits)} and are clipped; rescale them first",)
    interval = interval_text(bounds)
    proof = _at(origin.what, origin.node)
    rest = (f"): {_loss(*bounds, writer)}", *written_by(save, "saves them"))
    if origin.proof == "noise":
        advice = f"rescale it to {interval_text(limits)} to show it"
        return ("the image is normally distributed noise (", *proof, *rest, f"; {advice}")
    if origin.proof == "assumed":
        what = f"values are no longer in {interval_text(limits)} ("
        return (what, *proof, *rest, f"; {_UNDO}")
    if origin.proof == "channels":
        return (f"values lie in {interval} (", *proof, *rest, f"; {_UNDO}")
    return (f"values lie in {interval} (", *proof, *rest, f"; {_rescaling(save, bounds)}")


def _limits(writer: Writer) -> tuple[float, float]:
    return (writer.accepts and writer.accepts.range) or _UNIT


def _rescaling(save: Save, bounds: tuple[float, float]) -> str:
    keywords = save.site.writer.normalizer
    low, high = bounds
    if low >= 0 and high >= 254:
        return "divide by 255"
    if keywords is None:
        return f"rescale them to {range_text(save.site.writer)}"
    given = bounds_text(save.values.value_range or _UNIT)
    return f"pass {keywords.switch}=True, {keywords.bounds}={given}"


def _loss(low: float, high: float, writer: Writer) -> str:
    limits = _limits(writer)
    if writer.accepts is not None and writer.accepts.outside == "raises":
        return f"{writer.leaf} raises {writer.accepts.error}"
    below = f"values below {limits[0]:.4g} are saved as black"
    above = f"values above {limits[1]:.4g}"
    if low < limits[0] and high <= limits[1] * 1.01:
        return below
    if low < limits[0]:
        return f"{below}, {above} as white"
    return f"{above} are saved as white"


def not_floating(save: Save) -> Parts:
    """Return "the tensor is uint8: save_image raises RuntimeError; ..."."""
    from flake8_saveimage.values.dtypes import dtype_class  # libcst

    values, writer = save.values.values, save.site.writer
    kind = dtype_class(values.dtypes)
    holds = {"uint8": "is uint8", "bool": "is bool"}.get(kind, "holds integers")
    advice = "convert it with .float()"
    if writer.accepts is not None and "float" not in writer.accepts.dtypes:
        advice = f"convert it with {_to_bytes(save, kind == 'bool')}"
    elif 1 < values.interval.high <= 65535:
        advice = f"convert it with .float() / {values.interval.high:.6g}"
    elif kind == "int":
        advice = f"convert it to float and scale it to {range_text(writer)}"
    return (
        f"{_noun(save)} {holds}: {_refusal(writer)}",
        *written_by(save, "saves it"),
        f"; {advice}",
    )


def nearly_black(save: Save) -> Parts:
    """Return "values lie in [0, 1] (sigmoid at line 7): imwrite saves 255 as white ..."."""
    origin, reach = save.values.values.origin, save.values.values.reach
    proof: Parts = (" (", *_at(origin.what, origin.node), ")") if origin is not None else ()
    interval = interval_text((reach.low, reach.high) if reach is not None else _UNIT)
    what = f": {save.site.writer.leaf} saves 255 as white, so that the image is nearly black"
    advice = "multiply by 255"
    if reach is not None and reach.low < 0:
        advice = "rescale them to [0, 255]"
    return (f"values lie in {interval}", *proof, what, *written_by(save), f"; {advice}")


def not_bytes(save: Save) -> Parts:
    """Return "the tensor is float: write_png raises RuntimeError; ..."."""
    reach = save.values.values.reach
    advice = _to_bytes(save, is_unit=reach is None or reach.high <= 1)
    fails = f"{_noun(save)} is float: {_refusal(save.site.writer)}"
    return (fails, *written_by(save, "saves it"), f"; convert it with {advice}")


def _noun(save: Save) -> str:
    return {"array": "the array", "image": "the image"}.get(save.values.values.kind, "the tensor")


def _refusal(writer: Writer) -> str:
    """Return "imwrite raises TypeError since imageio 2.28"."""
    accepts = writer.accepts
    if accepts is None:
        return ""
    since = f" since {accepts.since}" if accepts.since else ""
    return f"{accepts.refused_by or writer.leaf} raises {accepts.error}{since}"


def _to_bytes(save: Save, is_unit: bool) -> str:
    """Return the calls that make bytes of values in [0, 1], or in [0, 255]."""
    if save.values.values.kind == "tensor":
        return f"{'.mul(255)' * is_unit}.round().clamp(0, 255).to(torch.uint8)"
    scaled = "(x * 255)" if is_unit else "x"
    return f"{scaled}.round().clip(0, 255).astype(np.uint8)"


def order_of(save: Save, order: Order, name: str, what: str, taken: str) -> Parts:
    """Return "the channels are in the order BGR (cv2.imread at line 7): imwrite takes RGB"."""
    return (
        f"the {what} are in the order {name} (",
        *_at(order.origin.what, order.origin.node),
        f"): {save.site.writer.leaf} takes {taken}",
        *written_by(save, "saves them"),
    )


def _at(what: str, node: object) -> Parts:
    import libcst as cst

    if not isinstance(node, cst.CSTNode):
        return (what,)
    return (f"{what} ", Where(node, what, preposition=True))


def _in_brackets(what: str, node: object) -> Parts:
    import libcst as cst

    return (" (", Where(node, what), ")") if isinstance(node, cst.CSTNode) else ()
