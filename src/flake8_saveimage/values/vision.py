"""Transfer functions for torchvision: reading, converting, normalising and tiling images.

The functional forms stand in the same table as torch's. A transform object is a ``Transform``: a
name and the arguments it was built with, applied to a value by ``applied``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flake8_saveimage.values import spans
from flake8_saveimage.values.calls import OPERATIONS, Arguments, Described, operation, parts
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Origin,
    Thing,
    Values,
    as_values,
    emit,
    excess,
    join,
    join_parts,
    number,
    numbers,
    pointwise,
    tensor,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, each, within
from flake8_saveimage.values.scaling import handled
from flake8_saveimage.values.spans import UNIT, Span
from flake8_saveimage.values.transfer import cast_to, interpolate, standardised, unmoved

BYTES = Span(0.0, 255.0)
IMAGE = Values(kind="image")
FUNCTIONAL = (
    "torchvision.transforms.functional",
    "torchvision.transforms.v2.functional",
    "torchvision.transforms.functional_tensor",
)


def functional(*names: str, parameters: str = "input") -> Callable[[Described], Described]:
    """Register a function of ``torchvision.transforms(.v2).functional``."""
    return operation(*(f"{m}.{n}" for m in FUNCTIONAL for n in names), parameters=parameters)


@operation("torchvision.io.read_image", "torchvision.io.image.read_image", parameters="path mode")
@operation("torchvision.io.decode_image", "torchvision.io.decode_png", parameters="path mode")
@operation("torchvision.io.decode_jpeg", "torchvision.io.image.decode_image", parameters="path")
def read_image(a: Arguments) -> Values:
    return tensor(BYTES, DTypes.UINT8, origin=Origin("read_image"))


@operation("PIL.Image.open", "PIL.Image.new", "PIL.Image.fromarray", parameters="path")
@functional("to_pil_image", parameters="path")
def pil_image(a: Arguments) -> Values:
    return IMAGE


@functional("to_tensor")
def to_tensor(a: Arguments) -> Values:
    """PIL images and uint8 arrays are divided by 255; other arrays keep their values."""
    value = a.values("input")
    if value.kind in ("image", "unknown") or within(value.dtypes, DTypes.UINT8):
        return tensor(UNIT, DTypes.FLOAT)
    return dataclasses.replace(value, kind="tensor", ranks=Ranks.DIMENSIONS)


@functional("pil_to_tensor", "to_image")
def to_image(a: Arguments) -> Values:
    value = a.values("input")
    if value.kind in ("image", "unknown"):
        return tensor(BYTES, DTypes.UINT8, origin=Origin("an 8-bit image"))
    return dataclasses.replace(value, kind="tensor")


@functional("convert_image_dtype", parameters="input dtype")
def convert_image_dtype(a: Arguments) -> Values:
    return scaled_to(a.values("input"), a.dtypes(DTypes.FLOAT))


@functional("to_dtype", parameters="input dtype scale")
def to_dtype(a: Arguments) -> Values:
    dtypes, scale = a.dtypes(DTypes.FLOAT), a.truth("scale", False)
    if scale is None:
        return dataclasses.replace(a.values("input"), dtypes=dtypes, span=spans.WHOLE, reach=None)
    return scaled_to(a.values("input"), dtypes) if scale else cast_to(a.values("input"), dtypes)


def scaled_to(value: Values, dtypes: DTypes) -> Values:
    """Return an image in other dtypes, rescaled from and to the integers' ranges."""
    if within(value.dtypes, DTypes.FLOATS) and within(dtypes, DTypes.FLOATS):
        return cast_to(value, dtypes)
    if within(value.dtypes, DTypes.UINT8) and within(dtypes, DTypes.FLOATS):
        unit = pointwise(lambda s: spans.divide(s, BYTES_MAX), value, dtypes=dtypes, slack=2)
        reach = UNIT if value.reach == BYTES else unit.reach
        return dataclasses.replace(unit, known=True, reach=reach, origin=None)
    if within(dtypes, DTypes.UINT8):
        origin = Origin("conversion to uint8")
        return tensor(BYTES, dtypes, origin=origin, ranks=Ranks.TENSOR)
    if value.kind == "unknown" and value.dtypes is DTypes.ANY and within(dtypes, DTypes.FLOATS):
        return Values(dtypes=dtypes, kind="tensor", known=True, reach=UNIT)
    return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR, known=value.known)


BYTES_MAX = Span(255.0, 255.0)


@functional("normalize", parameters="input mean std inplace")
def normalize(a: Arguments) -> Values:
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
        return standardised(unseen, "Normalize")
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


def _normalized(value: Values, mean: float, std: float) -> Values:
    shift, scale = (_approximately(number(float(c))) for c in (mean, std))
    return dataclasses.replace(
        pointwise(
            lambda x, m, s: spans.divide(spans.subtract(x, m), s),
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
    span: Span | None = None
    for dtype in each(DTypes.FLOATS):
        wide = emit(constant.span, dtype, slack=0)
        span = wide if span is None else spans.hull(span, wide)
    # the operands' own dtype decides which rounding applies; float32 is taken for the bounds
    return dataclasses.replace(constant, span=emit(constant.span, DTypes.FLOAT, slack=1))


@operation(
    "torchvision.utils.make_grid",
    parameters=("input nrow padding normalize value_range scale_each pad_value"),
)
def make_grid(a: Arguments) -> Values:
    """Tile images; ``normalize=True`` brings them to [0, 1], the padding has its own value."""
    sequence = parts(a.get("input"))
    value = join_parts(sequence) if sequence else a.values("input")
    value = dataclasses.replace(value, kind="tensor", ranks=Ranks.TENSOR)
    normalized = a.truth("normalize", False)
    if normalized:
        value = dataclasses.replace(
            handled(value),
            span=Span(0.0, 1.0, value.span.nan or not value.span.bounded),
            reach=UNIT,
            scale=(1.0, 0.0),
        )
    elif normalized is None:
        value = dataclasses.replace(
            value, known=True, reach=None, span=spans.hull(value.span, UNIT)
        )
    fill = as_values(a.get("pad_value") or number(0.0))
    padded = spans.hull(value.span, _stored(fill, value))
    return dataclasses.replace(value, span=padded)


def _stored(fill: Values, value: Values) -> Span:
    return cast_to(fill, value.dtypes).span


def _resized(a: Arguments) -> Values:
    value = a.values("input")
    if value.kind == "image":
        return value
    wide = interpolate(Arguments({"input": value, "mode": NOTHING}, complete=False))
    return dataclasses.replace(wide, reach=value.reach)


functional("resize", "resized_crop", "rotate", "affine", "perspective", "elastic", "gaussian_blur")(
    _resized
)


@functional("hflip", "vflip", "center_crop", "crop", "five_crop", "ten_crop", "horizontal_flip")
@functional("vertical_flip", "rgb_to_grayscale", "to_grayscale")
def moved(a: Arguments) -> Values:
    # what a crop adds at the border is zero
    value = a.values("input")
    return unmoved(dataclasses.replace(value, span=spans.hull(value.span, Span(0.0, 0.0))))


@functional(
    "adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue", "adjust_gamma"
)
@functional("autocontrast", "equalize", "posterize", "solarize", "adjust_sharpness", "invert")
def adjusted(a: Arguments) -> Values:
    """Colour adjustments clamp to the image's range; only values inside it stay inside."""
    value = a.values("input")
    inside = value.span.low >= 0 and value.span.high <= 1 and within(value.dtypes, DTypes.FLOATS)
    if inside:
        span = emit(Span(0.0, 1.0, nan=True), value.dtypes, slack=8)
        return dataclasses.replace(value, span=span, reach=UNIT)
    return dataclasses.replace(value, span=spans.WHOLE, reach=None)


# --- transform objects ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Transform(Thing):
    """A transform of ``torchvision.transforms``: its name and constructor's arguments."""

    name: str
    arguments: Arguments
    node: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Thing):
    """``Compose`` of transforms; ``complete`` is false if some of them are not visible."""

    steps: tuple[Abstract, ...]
    complete: bool = True


PARAMETERS: Mapping[str, str] = {
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
# torchvision's classes that hold other transforms
COMPOSE = ("Compose", "Sequential")


def applied(
    transform: Abstract | None,
    value: Values,
    enter: Callable[[Abstract, Sequence[Abstract]], Abstract],
) -> Values:
    """Return what a transform makes of a value.

    ``enter`` calls what is no transform of torchvision: a function, lambda or class of the file.
    """
    if transform is None or transform == NOTHING:
        return value
    if isinstance(transform, Chain):
        for step in transform.steps:
            result = applied(step, value, enter)
            if value.known and not result.known:  # the range was visible before this step
                result = dataclasses.replace(result, known=True)
            value = result
        if not transform.complete:
            return dataclasses.replace(UNKNOWN, known=value.known and excess(value.reach) <= 0)
        return value
    if isinstance(transform, Transform):
        return _applied(transform, value, enter)
    return as_values(enter(transform, (value,)))


def _applied(
    transform: Transform,
    value: Values,
    enter: Callable[[Abstract, Sequence[Abstract]], Abstract],
) -> Values:
    arguments = transform.arguments
    if transform.name == "Lambda":
        return as_values(enter(arguments.given.get("function", UNKNOWN), (value,)))
    if transform.name in ("RandomApply", "RandomChoice", "RandomOrder"):
        inner = arguments.get("transforms")
        if not isinstance(inner, Items):
            return UNKNOWN
        result = value
        for step in inner.parts:
            result = join(result, applied(step, result, enter))
        return result
    function = _FUNCTIONS.get(transform.name)
    if function is None:
        return UNKNOWN
    described = OPERATIONS[f"{FUNCTIONAL[0]}.{function}"]
    given = {**arguments.given, "input": value}
    image = as_values(described.transfer(Arguments(given, complete=arguments.complete)))
    if image.origin is not None and image.origin.node is None:
        image = dataclasses.replace(
            image, origin=dataclasses.replace(image.origin, node=transform.node)
        )
    return image
