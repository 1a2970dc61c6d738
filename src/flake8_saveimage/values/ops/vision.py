"""Transfer functions for torchvision: reading, converting, normalising and tiling images.

A transform object is a name and the arguments of its constructor; applying it applies the function
of ``torchvision.transforms.functional`` that it stands for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from flake8_saveimage.syntax.arguments import Arguments, bind
from flake8_saveimage.values import intervals
from flake8_saveimage.values.arrays import BYTES
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Order,
    Origin,
    Values,
    as_values,
    excess,
    is_in_range,
    join,
    join_parts,
    number,
    numbers,
    placed,
    tensor,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, within
from flake8_saveimage.values.elementwise import emit, pointwise
from flake8_saveimage.values.intervals import UNIT, Interval
from flake8_saveimage.values.layout import channels_first, with_layout, without_orders
from flake8_saveimage.values.objects import Chain, Frame, Transform
from flake8_saveimage.values.operations import (
    Operands,
    Passed,
    converted,
    operation,
    tensors_of,
    transferred,
)
from flake8_saveimage.values.ops.arithmetic import standardised
from flake8_saveimage.values.ops.conversion import cast_to
from flake8_saveimage.values.ops.nn import interpolate
from flake8_saveimage.values.ops.pillow import IMAGE, other_pixels
from flake8_saveimage.values.scaling import handled

_FUNCTIONAL = "torchvision.transforms.{functional v2.functional functional_tensor}"


@operation("torchvision.io.{read_image image.read_image decode_image image.decode_image}")
@operation("torchvision.io.{decode_png decode_jpeg}")
def read_image(a: Operands) -> Values:
    found = tensor(BYTES, DTypes.UINT8, origin=Origin(a.name))
    channels = Order("RGB", Origin(a.name, "assumed"))
    return dataclasses.replace(found, layout=Order("CHW", Origin(a.name)), channels=channels)


@operation(f"{_FUNCTIONAL}.to_pil_image")
def to_pil_image(a: Operands) -> Values:
    """A float tensor is multiplied by 255 and cast: values outside of [0, 1] wrap around."""
    value = a.values("input")
    found = dataclasses.replace(IMAGE, channels=value.channels, wrapped=value.wrapped)
    if value.kind != "tensor":
        return found
    if within(value.dtypes, DTypes.FLOATS):
        scaled = pointwise(lambda s: intervals.multiply(s, BYTES_MAX), value, dtypes=value.dtypes)
        value = cast_to(scaled, DTypes.UINT8, a.name)
    if not within(value.dtypes, DTypes.UINT8):
        return found
    return dataclasses.replace(
        found, dtypes=value.dtypes, interval=value.interval, wrapped=value.wrapped
    )


@operation(f"{_FUNCTIONAL}.to_tensor")
def to_tensor(a: Operands) -> Values:
    """PIL images and uint8 arrays are divided by 255; other arrays keep their values."""
    value = a.values("input")
    result = dataclasses.replace(value, kind="tensor", ranks=Ranks.DIMENSIONS)
    if value.kind == "unknown":  # most likely an image
        result = Values(kind="tensor", ranks=Ranks.DIMENSIONS, reach=UNIT, known=True)
    elif value.kind == "image" or within(value.dtypes, DTypes.UINT8):
        result = dataclasses.replace(tensor(UNIT, DTypes.FLOAT), channels=value.channels)
    elif value.dtypes & DTypes.UINT8:
        interval = intervals.hull(value.interval, UNIT)
        dtypes = value.dtypes | DTypes.FLOAT
        decoded = "decoded" in value.marks  # most likely bytes
        reach, known = (UNIT, True) if decoded else (None, value.known)
        result = dataclasses.replace(
            result, interval=interval, dtypes=dtypes, reach=reach, known=known
        )
    return _channels_first(result, value, "ToTensor")


def _channels_first(result: Values, source: Values, what: str) -> Values:
    """Return a tensor made of an image or of an array of shape (H, W, C)."""
    result = dataclasses.replace(result, wrapped=source.wrapped)
    if source.kind == "image":
        return with_layout(result, "CHW", Origin(what))
    if source.layout is None:  # an array is most likely (H, W, C)
        return with_layout(result, "CHW", Origin(what, "assumed"))
    if source.layout.name != "HWC":
        return without_orders(result)
    return with_layout(result, "CHW", Origin(what, source.layout.origin.proof))


@operation(f"{_FUNCTIONAL}.{{pil_to_tensor to_image}}")
def to_image(a: Operands) -> Values:
    value = a.values("input")
    of_any_mode = value.kind == "image" and "decoded" not in value.marks
    if of_any_mode and not within(value.dtypes, DTypes.UINT8):  # grey integers or floats
        found = Values(kind="tensor", ranks=Ranks.DIMENSIONS, wrapped=value.wrapped)
        return _channels_first(found, value, a.name)
    if value.kind in ("image", "unknown"):
        found = tensor(BYTES, DTypes.UINT8, origin=Origin("an 8-bit image"))
        found = dataclasses.replace(found, channels=value.channels)
        return _channels_first(found, value, a.name)
    result = dataclasses.replace(value, kind="tensor")
    return _channels_first(result, value, a.name) if value.kind == "array" else result


@operation(f"{_FUNCTIONAL}.convert_image_dtype", parameters="input dtype")
def convert_image_dtype(a: Operands) -> Values:
    return scaled_to(a.values("input"), a.dtypes(DTypes.FLOAT))


@operation(f"{_FUNCTIONAL}.to_dtype", parameters="input dtype scale")
def to_dtype(a: Operands) -> Values:
    dtypes, scale = a.dtypes(DTypes.FLOAT), a.truth("scale", False)
    if scale is None:
        return dataclasses.replace(
            a.values("input"), dtypes=dtypes, interval=intervals.WHOLE, reach=None
        )
    value = a.values("input")
    return scaled_to(value, dtypes) if scale else cast_to(value, dtypes, "to_dtype")


def scaled_to(value: Values, dtypes: DTypes) -> Values:
    """Return an image in other dtypes, rescaled from and to the integers' ranges."""
    if within(value.dtypes, DTypes.FLOATS) and within(dtypes, DTypes.FLOATS):
        return cast_to(value, dtypes, "convert_image_dtype")
    if within(value.dtypes, DTypes.UINT8) and within(dtypes, DTypes.FLOATS):
        unit = pointwise(lambda s: intervals.divide(s, BYTES_MAX), value, dtypes=dtypes, slack=2)
        reach = UNIT if value.reach == BYTES else unit.reach
        return dataclasses.replace(unit, known=True, reach=reach, origin=None)
    if within(dtypes, DTypes.UINT8):
        origin = Origin("conversion to uint8")
        return tensor(BYTES, dtypes, origin=origin, ranks=Ranks.TENSOR)
    if value.kind == "unknown" and value.dtypes is DTypes.ANY and within(dtypes, DTypes.FLOATS):
        return Values(dtypes=dtypes, kind="tensor", known=True, reach=UNIT)
    return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR, known=value.known)


BYTES_MAX = Interval(255.0, 255.0)


@operation(f"{_FUNCTIONAL}.normalize", parameters="input mean std inplace")
def normalize(a: Operands) -> Values:
    """(x - mean) / std for each channel.

    An inverse normalisation (``mean=-m / s, std=1 / s``) brings values back to [0, 1].
    """
    value = a.values("input")
    means, stds = numbers(a.get("mean")), numbers(a.get("std"))
    origin = Origin("Normalize", "exact")
    unseen = dataclasses.replace(
        UNKNOWN, dtypes=value.dtypes & DTypes.FLOATS, kind="tensor", ranks=Ranks.TENSOR
    )
    if not means or not stds or 0.0 in stds:
        return _by_hidden_constants(a, unseen)
    width = max(len(means), len(stds))
    if len(means) not in (1, width) or len(stds) not in (1, width):
        return unseen
    pairs = list(zip(means * (width // len(means)), stds * (width // len(stds)), strict=True))
    channels = [_normalized(value, mean, std) for mean, std in pairs]
    result = dataclasses.replace(join_parts(channels), origin=origin, known=True)
    if all(std > 1.5 or (mean <= 0 and std >= 1) for mean, std in pairs) and means != [0.0]:
        return handled(result)
    if any(mean == -1.0 and std == 2.0 for mean, std in pairs):
        return handled(result)
    if value.reach is None:
        # of an image whose range is not visible: it was one, so it is shifted now
        return standardised(result, "Normalize") if pairs != [(0.0, 1.0)] else value
    proof = "channels" if len(set(pairs)) > 1 else value.origin.proof if value.origin else "exact"
    if value.reach != UNIT and excess(value.reach):
        proof = "assumed"
    return dataclasses.replace(result, origin=Origin("Normalize", proof))


def _by_hidden_constants(a: Operands, unseen: Values) -> Values:
    """Return what ``Normalize`` makes by constants of which only the names are visible."""
    value, mean, std = a.values("input"), a.get("mean"), a.get("std")
    if value.origin is not None and value.origin.what == "Normalize":
        return handled(unseen)  # the second one undoes the first
    named = isinstance(mean, Values) and isinstance(std, Values)
    if named and "mean" in as_values(mean).marks and "std" in as_values(std).marks:
        return standardised(unseen, "Normalize")
    return unseen


def _normalized(value: Values, mean: float, std: float) -> Values:
    shift, scale = (_approximately(number(float(c))) for c in (mean, std))
    return dataclasses.replace(
        pointwise(
            lambda x, m, s: intervals.divide(intervals.subtract(x, m), s),
            value,
            shift,
            scale,
            dtypes=value.dtypes & DTypes.FLOATS,
            slack=6,
        ),
        kind="tensor",
    )


def _approximately(constant: Values) -> Values:
    """Mean and std become tensors of the image's dtype first."""
    return dataclasses.replace(constant, interval=emit(constant.interval, DTypes.FLOAT, slack=1))


@operation(
    "torchvision.utils.make_grid",
    parameters="input nrow padding normalize value_range scale_each pad_value",
)
def make_grid(a: Operands) -> Values:
    """Tile images; ``normalize=True`` brings them to [0, 1], the padding has its own value."""
    sequence = tensors_of(a.get("input"))
    value = join_parts(sequence) if sequence else a.values("input")
    value = dataclasses.replace(value, kind="tensor", ranks=Ranks.TENSOR)
    normalized = a.truth("normalize", False)
    if normalized:
        value = dataclasses.replace(
            handled(value),
            interval=Interval(0.0, 1.0, value.interval.nan or not value.interval.bounded),
            reach=UNIT,
            scale=(1.0, 0.0),
        )
    elif normalized is None:
        value = dataclasses.replace(
            value, known=True, reach=None, interval=intervals.hull(value.interval, UNIT)
        )
    fill = as_values(a.get("pad_value") or number(0.0))
    padded = intervals.hull(value.interval, _stored(fill, value))
    batch = value.layout is not None and value.layout.name in ("NCHW", "CHW")
    return with_layout(dataclasses.replace(value, interval=padded), "CHW" if batch else None)


def _stored(fill: Values, value: Values) -> Interval:
    return converted(fill, value.dtypes).interval


@operation(f"{_FUNCTIONAL}.{{resize resized_crop rotate affine}}")
@operation(f"{_FUNCTIONAL}.{{perspective elastic gaussian_blur}}")
def resized(a: Operands) -> Values:
    value = a.values("input")
    if value.kind == "image":
        return other_pixels(a)
    wide = interpolate(Operands({"input": value, "mode": NOTHING}, complete=False))
    return dataclasses.replace(wide, reach=value.reach)


@operation(f"{_FUNCTIONAL}.{{hflip vflip horizontal_flip vertical_flip rgb_to_grayscale}}")
@operation(f"{_FUNCTIONAL}.{{center_crop crop five_crop ten_crop to_grayscale}}")
def moved(a: Operands) -> Values:
    # what a crop adds at the border is zero
    value = channels_first(a.values("input"))
    interval = intervals.hull(value.interval, Interval(0.0, 0.0))
    channels = None if a.name.endswith("grayscale") else value.channels
    return dataclasses.replace(
        value, interval=interval, ranks=value.ranks | Ranks.TENSOR, channels=channels
    )


@operation(f"{_FUNCTIONAL}.adjust_{{brightness contrast saturation hue gamma sharpness}}")
@operation(f"{_FUNCTIONAL}.{{autocontrast equalize posterize solarize invert}}")
def adjusted(a: Operands) -> Values:
    """Colour adjustments clamp to the image's range; only values inside it stay inside."""
    value = a.values("input")
    inside = (
        value.interval.low >= 0 and value.interval.high <= 1 and within(value.dtypes, DTypes.FLOATS)
    )
    if inside:
        interval = emit(Interval(0.0, 1.0, nan=True), value.dtypes, slack=8)
        return dataclasses.replace(value, interval=interval, reach=UNIT)
    reach = UNIT if value.reach == UNIT else None
    return dataclasses.replace(value, interval=intervals.WHOLE, reach=reach)


# --- transform objects ----------------------------------------------------------------------


_PARAMETERS: Mapping[str, str] = {
    "Normalize": "mean std inplace",
    "ToDtype": "dtype scale",
    "ConvertImageDtype": "dtype",
    "ConvertDtype": "dtype",
    "Lambda": "function",
    "RandomApply": "transforms p",
}
_FUNCTIONS: Mapping[str, str] = {
    "ToTensor": "to_tensor",
    "ToImage": "to_image",
    "ToImageTensor": "to_image",
    "PILToTensor": "pil_to_tensor",
    "ToPILImage": "to_pil_image",
    "ConvertImageDtype": "convert_image_dtype",
    "ConvertDtype": "convert_image_dtype",
    "ToDtype": "to_dtype",
    "Normalize": "normalize",
    "Resize": "resize",
    "CenterCrop": "center_crop",
    "RandomCrop": "crop",
    "RandomResizedCrop": "resized_crop",
    "RandomHorizontalFlip": "hflip",
    "RandomVerticalFlip": "vflip",
    "RandomRotation": "rotate",
    "RandomAffine": "affine",
    "RandomPerspective": "perspective",
    "GaussianBlur": "gaussian_blur",
    "Grayscale": "rgb_to_grayscale",
    "RandomGrayscale": "rgb_to_grayscale",
    "ColorJitter": "adjust_brightness",
    "Pad": "crop",
    "RandomInvert": "invert",
    "RandomErasing": "crop",
    "CenterCropOrPad": "crop",
}
# classes that hold other transforms
_COMPOSE = ("Compose", "Sequential")


def build_transform(name: str, arguments: Passed, node: object) -> Abstract:
    """Return what the constructor of a class of ``torchvision.transforms`` returns."""
    bound = bind(_PARAMETERS.get(name, "").split(), arguments)
    if name in _COMPOSE:
        first = arguments.positional[0] if arguments.positional else bound.given.get("transforms")
        if isinstance(first, Items):
            return Chain(first.parts, first.complete and arguments.complete)
        return Chain((), complete=False)
    return Transform(name, bound, node)


def apply_transform(
    transform: Abstract | None, value: Values, context: Context, frame: Frame
) -> Values:
    """Return what a transform, or any other callable, makes of a value."""
    if transform is None or transform == NOTHING:
        return value
    if isinstance(transform, Chain):
        return _apply_chain(transform, value, context, frame)
    if isinstance(transform, Transform):
        return _apply_named(transform, value, context, frame)
    return as_values(context.invoke(transform, Arguments((value,)), frame))


def _apply_chain(chain: Chain, value: Values, context: Context, frame: Frame) -> Values:
    for step in chain.steps:
        result = apply_transform(step, value, context, frame)
        if value.known and not result.known:  # the range was visible before this step
            result = dataclasses.replace(result, known=True)
        value = result
    if not chain.complete:
        return dataclasses.replace(UNKNOWN, known=is_in_range(value))
    return value


def _apply_named(transform: Transform, value: Values, context: Context, frame: Frame) -> Values:
    arguments = transform.arguments
    if transform.name == "Lambda":
        function = arguments.given.get("function", UNKNOWN)
        return as_values(context.invoke(function, Arguments((value,)), frame))
    if transform.name in ("RandomApply", "RandomChoice", "RandomOrder"):
        inner = arguments.given.get("transforms")
        if not isinstance(inner, Items):
            return UNKNOWN
        result = value
        for step in inner.parts:
            result = join(result, apply_transform(step, result, context, frame))
        return result
    function_name = _FUNCTIONS.get(transform.name)
    if function_name is None:
        return UNKNOWN
    operands = Operands({**arguments.given, "input": value}, complete=arguments.complete)
    image = transferred(f"torchvision.transforms.functional.{function_name}", operands)
    return as_values(placed(image, transform.node))
