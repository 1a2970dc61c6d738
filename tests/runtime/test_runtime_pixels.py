"""The pixels: torchvision's, bit for bit, where it has an answer; stated ones elsewhere."""

from __future__ import annotations

import contextlib
import io
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image, read_file
from torchvision.utils import save_image

from flake8_saveimage import runtime
from flake8_saveimage.runtime import SaveImageWarning, SaveQueue, safe_save_image, safe_save_images
from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.pixels import picture_of


def pixels(source: Any) -> np.ndarray:
    with Image.open(source) as image:
        return np.array(image)


def ours(tensor: Any, **options: Any) -> np.ndarray:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert safe_save_image(tensor, file, format="png", **options) is file
    return pixels(file)


def theirs(tensor: Any, **options: Any) -> np.ndarray:
    file = io.BytesIO()
    save_image(tensor, file, format="png", **options)
    return pixels(file)


SHAPES = [
    (5, 7),
    (1, 5, 7),
    (2, 5, 7),
    (3, 5, 7),
    (4, 5, 7),
    (1, 1, 5, 7),
    (1, 3, 5, 7),
    (5, 3, 6, 4),
    (7, 1, 6, 4),
    (3, 4, 5, 5),
    (2, 2, 5, 5),
    (17, 3, 3, 2),
    (9, 3, 1, 1),
    (2, 3, 300, 301),
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"nrow": 1},
    {"nrow": 3},
    {"nrow": 100},
    {"padding": 0},
    {"padding": 5, "pad_value": 0.5},
    {"pad_value": 1},
    {"pad_value": -3.0},
    {"normalize": True},
    {"normalize": True, "scale_each": True},
    {"scale_each": True},
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_valid_floats_give_torchvisions_pixels(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(sum(shape))
    tensor = torch.rand(shape, dtype=dtype, generator=generator)
    for options in OPTIONS:
        expected = theirs(tensor, **options)
        found = ours(tensor, **options)
        assert found.shape == expected.shape
        assert (found == expected).all(), options


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("scale_each", [False, True])
def test_normalize_gives_torchvisions_pixels_for_any_values(
    dtype: torch.dtype, scale_each: bool
) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        tensor = torch.randn((4, 3, 31, 17), dtype=dtype, generator=generator) * 10 ** (seed - 10)
        options = {"normalize": True, "scale_each": scale_each}
        assert (ours(tensor, **options) == theirs(tensor, **options)).all()
        bounds = (float(tensor.min()), float(tensor.max()) + 1e-3)
        assert (
            ours(tensor, value_range=bounds, **options)
            == theirs(tensor, value_range=bounds, **options)
        ).all()


def test_every_float_around_every_level_rounds_as_torchvision_does() -> None:
    levels = torch.arange(0, 256, dtype=torch.float32)
    borders = (levels[:-1] + 0.5) / 255
    up, down = torch.tensor(2.0), torch.tensor(-1.0)
    near = torch.cat([borders, torch.nextafter(borders, up), torch.nextafter(borders, down)])
    near = torch.cat([near, levels / 255, torch.nextafter(levels / 255, down).clamp(0, 1)])
    image = near.view(1, 1, -1).repeat(3, 2, 1)
    assert (ours(image) == theirs(image)).all()


def test_lists_and_tuples_give_torchvisions_pixels() -> None:
    images = [torch.rand(3, 6, 5) for _ in range(5)]
    assert (ours(images, nrow=2) == theirs(images, nrow=2)).all()
    assert (ours(tuple(images), nrow=2) == theirs(images, nrow=2)).all()
    assert (ours(images[:1]) == theirs(images[:1])).all()


def test_other_memory_layouts_give_the_same_pixels_and_stay_untouched() -> None:
    tensor = torch.rand(4, 3, 8, 6)
    expected = theirs(tensor)
    strided = torch.rand(4, 3, 16, 12)
    strided[:, :, ::2, ::2] = tensor
    for variant in (
        tensor.clone().requires_grad_(),
        tensor.to(memory_format=torch.channels_last),
        tensor.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1),
        strided[:, :, ::2, ::2],
        tensor.to_sparse(),
        torch.nn.Parameter(tensor.clone()),
    ):
        before = variant.detach().clone()
        assert (ours(variant) == expected).all()
        after = variant.detach()
        assert (after.to_dense() == before.to_dense()).all() if after.is_sparse else True
        if not after.is_sparse:
            assert torch.equal(after, before)
            assert after.stride() == before.stride() or not after.is_contiguous()


@pytest.mark.parametrize("options", [{}, {"normalize": True}, {"value_range": (-1, 1)}], ids=str)
def test_the_input_is_not_modified(options: dict[str, Any]) -> None:
    tensor = torch.rand(2, 3, 4, 4)
    version, before = tensor._version, tensor.clone()
    ours(tensor, **options)
    assert tensor._version == version
    assert torch.equal(tensor, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_exact_through_float32(dtype: torch.dtype) -> None:
    levels = torch.arange(256, dtype=torch.float32) / 255
    image = levels.to(dtype).view(1, 16, 16).repeat(3, 1, 1)
    assert (ours(image) == theirs(image.float())).all()
    if dtype is torch.bfloat16:
        assert (ours(image) != theirs(image)).any(), "torchvision computes in bfloat16"


def test_value_range_without_normalize_is_that_range() -> None:
    tensor = torch.rand(3, 3, 9, 9) * 2 - 1
    expected = theirs(tensor, normalize=True, value_range=(-1, 1))
    assert (ours(tensor, value_range=(-1, 1)) == expected).all()
    assert (ours(tensor * 0 + 1, value_range=(-1, 1))[2:-2, 2:11] == 255).all()


def test_mean_and_std_undo_a_normalize() -> None:
    from torchvision.transforms.v2.functional import normalize

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    levels = torch.randint(0, 256, (2, 3, 20, 20)).float() / 255
    expected = theirs(levels)
    shifted = normalize(levels, mean, std)
    assert (ours(shifted, mean=mean, std=std) == expected).all()
    assert (ours(shifted, mean=torch.tensor(mean), std=torch.tensor(std)) == expected).all()
    assert (ours(levels * 2 - 1, mean=0.5, std=0.5) == expected).all()


def test_integers_and_bool_follow_the_stated_rule() -> None:
    grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    assert (ours(grey)[..., 0] == grey[0].numpy()).all()
    for dtype in (torch.int16, torch.int32, torch.int64):
        assert (ours(grey.to(dtype)) == ours(grey)).all()
    mask = grey > 100
    assert set(np.unique(ours(mask))) == {0, 255}
    assert (ours(mask)[..., 0] == 255 * mask[0].numpy()).all()
    assert (ours(mask.long(), value_range=(0, 1)) == ours(mask)).all()
    batch = grey.repeat(3, 1, 1, 1)
    assert (ours(batch, pad_value=7)[0] == 7).all()


def test_integers_outside_the_levels_are_clipped_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(SaveImageWarning, match=r"44 of 300 values .* \[0, 255\]"):
        path = safe_save_image(torch.arange(300).view(1, 15, 20), tmp_path / "x.png")
    assert pixels(path)[-1, -1, 0] == 255


def test_one_channel_is_rgb_unless_asked(tmp_path: Path) -> None:
    tensor = torch.rand(1, 4, 4)
    with Image.open(safe_save_image(tensor, tmp_path / "x.png")) as image:
        assert image.mode == "RGB"
    with Image.open(safe_save_image(tensor, tmp_path / "x.png", grayscale=True)) as image:
        assert image.mode == "L"
        assert (np.array(image) == ours(tensor)[..., 0]).all()


def test_sixteen_bits(tmp_path: Path) -> None:
    levels = torch.arange(65536, dtype=torch.int32).view(1, 256, 256)
    for tensor in (levels, levels.double() / 65535):
        path = safe_save_image(tensor, tmp_path / "x.png", bits=16)
        with Image.open(path) as image:
            assert image.mode == "I;16"
            assert (np.array(image) == levels[0].numpy()).all()
    grid = pixels(safe_save_image(levels.repeat(2, 1, 1, 1), tmp_path / "x.png", bits=16))
    assert grid.shape == (260, 518)


@pytest.mark.skipif(not hasattr(torch, "uint16"), reason="torch 2.3 brought uint16")
def test_uint16_is_sixteen_bits(tmp_path: Path) -> None:
    levels = torch.arange(65536, dtype=torch.int32).view(1, 256, 256)
    for bits in (None, 16):
        path = safe_save_image(levels.to(torch.uint16), tmp_path / "x.png", bits=bits)
        with Image.open(path) as image:
            assert image.mode == "I;16"
            assert (np.array(image) == levels[0].numpy()).all()


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bits_of_colour(channels: int, tmp_path: Path) -> None:
    levels = torch.randint(0, 65536, (channels, 33, 40))
    path = safe_save_image(levels, tmp_path / "x.png", bits=16)
    file = read_file(str(path))
    try:
        found = decode_image(file, ImageReadMode.UNCHANGED)
    except RuntimeError:  # an older torchvision
        pytest.skip("this torchvision cannot read 16-bit PNG")
    assert torch.equal(found.to(torch.int64), levels)
    grid = safe_save_image(levels.repeat(4, 1, 1, 1) / 65535, tmp_path / "grid.png", bits=16)
    found = decode_image(read_file(str(grid)), ImageReadMode.UNCHANGED)
    assert torch.equal(found[:, 2:35, 2:42].to(torch.int64), levels)


def test_a_float_tiff_holds_the_values(tmp_path: Path) -> None:
    depth = torch.randn(2, 1, 7, 5, dtype=torch.float64) * 1000
    found = pixels(safe_save_image(depth, tmp_path / "x.tiff", bits=32, pad_value=-1.5))
    assert found.dtype == np.float32
    assert (found[2:9, 2:7] == depth[0, 0].float().numpy()).all()
    assert (found[0] == -1.5).all()
    with pytest.raises(ValueError, match="1 NaN"):
        safe_save_image(
            depth[0].index_fill(2, torch.tensor(0), float("nan"))[:, :1],
            tmp_path / "x.tiff",
            bits=32,
        )


def test_metadata_is_read_back_by_pillow(tmp_path: Path) -> None:
    metadata = {"prompt": "a cheese (K\u00e4se) \u2603", "seed": 42}
    for options in ({}, {"compress_level": 6}, {"bits": 16}):
        path = safe_save_image(
            torch.rand(1, 90, 90), tmp_path / "x.png", metadata=metadata, **options
        )
        with Image.open(path) as image:
            image.load()
            assert image.text == {"prompt": metadata["prompt"], "seed": "42"}


def test_a_batch_becomes_one_file_an_image(tmp_path: Path) -> None:
    batch = torch.rand(12, 3, 5, 6)
    paths = safe_save_images(batch, tmp_path / "out" / "{i:03}.png", start=5)
    assert [path.name for path in paths] == [f"{i:03}.png" for i in range(5, 17)]
    for image, path in zip(batch, paths, strict=True):
        assert (pixels(path) == ours(image)).all()
    assert safe_save_images([batch[0, 0]], f"{tmp_path}/one{{i}}.png")[0].name == "one0.png"
    for wrong in ("out/x.png", "out/{n}.png", "out/{}.png", "out/{i"):
        with pytest.raises(ValueError, match=r"needs \{i\}|is no pattern"):
            safe_save_images(batch, tmp_path / wrong)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        safe_save_images(batch * 3, tmp_path / "bright{i}.png")
    assert [Path(warning.filename).name for warning in seen] == [Path(__file__).name]
    batch[3] = float("nan")
    with pytest.raises(ValueError, match=r"nan3\.png: 90 NaN"):
        safe_save_images(batch, tmp_path / "nan{i}.png")
    assert len(list(tmp_path.glob("nan*.png"))) == 11


def test_alpha_survives(tmp_path: Path) -> None:
    tensor = torch.rand(4, 5, 6)
    with Image.open(safe_save_image(tensor, tmp_path / "x.png")) as image:
        assert image.mode == "RGBA"
        assert (np.array(image) == theirs(tensor)).all()


def test_writer_options_reach_the_writer(tmp_path: Path) -> None:
    safe_save_image = partial(runtime.safe_save_image, if_exists="unique")
    tensor = torch.rand(3, 64, 64)
    small = safe_save_image(tensor, tmp_path / "x.jpg", quality=10)
    large = safe_save_image(tensor, tmp_path / "x.jpg", quality=95)
    assert small.stat().st_size < large.stat().st_size
    small = safe_save_image(tensor, tmp_path / "x.webp", quality=10)
    large = safe_save_image(tensor, tmp_path / "x.webp", quality=95)
    assert small.stat().st_size < large.stat().st_size
    packing = {"compression": "jpeg"}
    small = safe_save_image(tensor, tmp_path / "x.tiff", quality=10, save_options=packing)
    large = safe_save_image(tensor, tmp_path / "x.tiff", quality=95, save_options=packing)
    assert small.stat().st_size < large.stat().st_size
    stored = safe_save_image(tensor, tmp_path / "x.png", compress_level=0)
    packed = safe_save_image(tensor * 0, tmp_path / "x.png", compress_level=9)
    assert stored.stat().st_size > 64 * 64 * 3 > packed.stat().st_size
    smooth = torch.linspace(0, 1, 256).expand(3, 256, 256)
    quick, default, better = (
        safe_save_image(smooth, tmp_path / "smooth.png", **level).read_bytes()
        for level in ({"compress_level": 1}, {}, {"compress_level": 2})
    )
    assert quick == default != better
    path = safe_save_image(tensor, tmp_path / "x.png", save_options={"dpi": (300, 300)})
    with Image.open(path) as image:
        assert round(image.info["dpi"][0]) == 300


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "webp", "tiff", "gif", "PNG"])
def test_formats_by_suffix_are_those_of_torchvision(suffix: str, tmp_path: Path) -> None:
    tensor = torch.rand(3, 16, 16)
    path = safe_save_image(tensor, tmp_path / f"x.{suffix}")
    save_image(tensor, tmp_path / f"tv.{suffix}")
    with Image.open(path) as found, Image.open(tmp_path / f"tv.{suffix}") as expected:
        assert found.format == expected.format
    assert (pixels(path) == pixels(tmp_path / f"tv.{suffix}")).all()


def test_format_names(tmp_path: Path) -> None:
    for format in ("png", "PNG", "jpg", "JPEG"):
        path = safe_save_image(torch.rand(3, 4, 4), tmp_path / "no_suffix", format=format)
        with Image.open(path) as image:
            assert image.format == ("PNG" if format.lower() == "png" else "JPEG")


def test_file_objects_are_written_to_and_returned(tmp_path: Path) -> None:
    with (tmp_path / "open.png").open("wb") as file:  # the format comes from its name
        assert safe_save_image(torch.rand(3, 4, 4), file) is file
    assert pixels(tmp_path / "open.png").shape == (4, 4, 3)
    buffer = io.BytesIO()
    assert safe_save_image(torch.rand(3, 4, 4), fp=buffer, format="png") is buffer


@pytest.mark.skipif(not hasattr(torch, "uint32"), reason="torch 2.3 brought uint32")
@pytest.mark.parametrize("name", ["uint32", "uint64", "int64", "int32"])
def test_wide_integers_lose_nothing(name: str) -> None:
    dtype = getattr(torch, name)
    levels = torch.arange(16, dtype=torch.int64).view(1, 4, 4).to(dtype)
    assert (ours(levels)[..., 0] == np.arange(16).reshape(4, 4)).all()
    low = 2**30 + 1  # float32 would round these to multiples of 128
    near = (torch.arange(16, dtype=torch.int64) + low).view(1, 4, 4).to(dtype)
    spread = ours(near, value_range=(low, low + 15))[..., 0]
    assert (spread == 17 * np.arange(16).reshape(4, 4)).all()


def test_a_distributed_tensor_says_what_to_pass(tmp_path: Path) -> None:
    dist = torch.distributed
    distributed = pytest.importorskip("torch.distributed.tensor")
    if not hasattr(distributed, "distribute_tensor"):
        pytest.skip("torch 2.5 made it public")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = dist.init_device_mesh("cpu", (1,))
        tensor = distributed.distribute_tensor(torch.rand(3, 4, 4), mesh, [distributed.Replicate()])
        with pytest.raises(TypeError, match=r"distributed tensor .*pass tensor\.full_tensor\(\)"):
            safe_save_image(tensor, tmp_path / "x.png")
        safe_save_image(tensor.full_tensor(), tmp_path / "x.png")
    finally:
        dist.destroy_process_group()


def test_clipping_is_said_once_per_call_site_with_numbers(tmp_path: Path) -> None:
    tensor = torch.zeros(3, 10, 10)
    tensor[0, 0, :5] = 3.0
    tensor[1, 0, 0] = -2.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            safe_save_image(tensor, tmp_path / "x.png")
        safe_save_image(tensor, tmp_path / "x.png")
    assert len(seen) == 2, "one for each of two call sites"
    first = seen[0]
    assert issubclass(first.category, SaveImageWarning)
    assert first.filename == __file__
    text = str(first.message)
    assert "6 of 300 values (2 %)" in text
    assert "lowest -2" in text
    assert "highest 3" in text
    assert (pixels(tmp_path / "x.png") == theirs(tensor)).all()


def test_the_warning_is_that_of_the_callers_module(tmp_path: Path) -> None:
    tensor = torch.full((3, 4, 4), 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", module=__name__)
        with pytest.raises(SaveImageWarning, match="outside"):
            safe_save_image(tensor, tmp_path / "x.png")


def test_out_of_range_can_raise_or_be_silent(tmp_path: Path) -> None:
    tensor = torch.full((3, 4, 4), 1.5)
    with pytest.raises(ValueError, match=r"48 of 48 values \(100 %\).*outside \[0, 1\]"):
        safe_save_image(tensor, tmp_path / "x.png", out_of_range="raise")
    assert not list(tmp_path.iterdir())
    assert (ours(tensor, out_of_range="clamp") == 255).all()
    with pytest.warns(SaveImageWarning, match=r"outside \[-1, 1\]"):
        safe_save_image(tensor, tmp_path / "x.png", value_range=(-1, 1))
    with pytest.warns(SaveImageWarning, match=r"outside \[-1, 1\]"):
        safe_save_image(tensor, tmp_path / "x.png", normalize=True, value_range=(-1, 1))


def test_less_than_half_a_level_is_rounding_not_clipping() -> None:
    tensor = torch.tensor([-0.0019, 1.0019]).repeat(3, 2, 1)
    assert (ours(tensor) == theirs(tensor)).all()  # `ours` turns warnings into errors


@pytest.mark.parametrize(
    ("scale", "advice"),
    [
        (lambda x: x * 2 - 1, r"value_range=\(-1, 1\)"),
        (lambda x: x * 255, r"value_range=\(0, 255\)"),
    ],
)
def test_the_warning_names_the_likely_way_out(scale: Any, advice: str, tmp_path: Path) -> None:
    tensor = scale(torch.rand(3, 20, 20))
    with pytest.warns(SaveImageWarning, match=advice):
        safe_save_image(tensor, tmp_path / "x.png")


def test_a_call_that_has_warned_can_still_raise(tmp_path: Path) -> None:
    tensor = torch.full((3, 4, 4), 1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for out_of_range in ("warn", "warn", "raise"):
            raises = pytest.raises(ValueError, match="outside") if out_of_range == "raise" else None
            with raises or contextlib.nullcontext():
                safe_save_image(tensor, tmp_path / "x.png", out_of_range=out_of_range)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_non_finite_values_raise_or_become_zero(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.full((3, 4, 4), 0.5, dtype=dtype)
    tensor[0, 0, 0], tensor[1, 1, 1], tensor[2, 2, 2] = float("nan"), float("inf"), -float("inf")
    advice = r', or pass non_finite="zero" to'
    with pytest.raises(ValueError, match=f"1 NaN and 2 infinite of 48 values; .*{advice}"):
        safe_save_image(tensor, tmp_path / "x.png")
    with pytest.raises(ValueError, match="NaN"):
        safe_save_image(tensor, tmp_path / "x.png", normalize=True)
    assert not list(tmp_path.iterdir())
    found = ours(tensor, non_finite="zero")
    assert found[0, 0, 0] == found[1, 1, 1] == found[2, 2, 2] == 0
    assert (found == 128).sum() == 45


@pytest.mark.parametrize(
    ("tensor", "problem", "advice"),
    [
        (torch.rand(4, 4, dtype=torch.complex64), TypeError, r"tensor\.abs\(\)"),
        (torch.empty(3, 4, 4, device="meta"), TypeError, "meta"),
        (torch.rand(0, 3, 4, 4), ValueError, "empty"),
        (torch.rand(3, 0, 4), ValueError, "empty"),
        ([], ValueError, "empty"),
        (torch.rand(8, 8, 3), ValueError, r"permute\(2, 0, 1\)"),
        (torch.rand(2, 8, 8, 3), ValueError, r"permute\(0, 3, 1, 2\)"),
        (torch.rand(1, 3, 2, 8, 8), ValueError, r"transpose\(1, 2\)\.flatten\(0, 1\)"),
        (torch.rand(9, 8, 8), ValueError, r"unsqueeze\(1\)"),
        (torch.rand(5), ValueError, r"\(C, H, W\)"),
        (torch.tensor(1.0), ValueError, r"\(C, H, W\)"),
        ([torch.rand(3, 4, 4), torch.rand(3, 5, 4)], ValueError, "item 1 is 3x5x4"),
        ([torch.rand(3, 4, 4), "x"], TypeError, "item 1"),
        (np.zeros((3, 4, 4)), TypeError, "from_numpy"),
        ("x.png", TypeError, "not str"),
        (torch.nested.nested_tensor([torch.rand(3, 4, 4)]), TypeError, "unbind"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_what_is_no_image_says_what_to_pass(
    tensor: Any, problem: type[Exception], advice: str, tmp_path: Path
) -> None:
    with pytest.raises(problem, match=advice):
        safe_save_image(tensor, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"quality": 3}, "quality has no meaning for PNG"),
        ({"compress_level": 11}, "between 0 and 9"),
        ({"out_of_range": "x"}, "'warn', 'raise', 'clamp'"),
        ({"non_finite": "x"}, "'raise', 'zero'"),
        ({"if_exists": "x"}, "'backup', 'unique', 'error', 'replace', 'skip'"),
        ({"ranks": "x"}, "'each', 'zero'"),
        ({"bits": 12}, "8, 16, 32"),
        ({"bits": 16, "format": "tiff"}, "16 bits need one channel"),
        ({"bits": 16, "compress_level": 6}, "not for PNG of 16-bit colours"),
        ({"bits": 32}, "bits=32 is for TIFF, not for PNG"),
        ({"bits": 32, "value_range": (0, 1), "format": "tiff"}, "values as they are"),
        ({"metadata": {"a": 1}, "format": "jpeg"}, "metadata is for PNG, not for JPEG"),
        ({"metadata": {80 * "a": 1}}, "1 to 79 characters"),
        ({"nrow": 0}, "nrow=0"),
        ({"padding": -1}, "padding=-1"),
        ({"value_range": (1, 0)}, "increasing"),
        ({"value_range": (1, 1)}, "increasing"),
        ({"mean": [1, 2], "std": 1}, "2 values, the image has 3 channels"),
        ({"format": "foo"}, "format='foo'"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        safe_save_image(torch.rand(3, 4, 4), tmp_path / "x.png", **options)
    assert not list(tmp_path.iterdir())


def test_a_mode_that_the_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="drop the alpha channel"):
        safe_save_image(torch.rand(4, 8, 8), tmp_path / "x.jpg")
    assert not list(tmp_path.iterdir())


def test_a_default_device_changes_nothing(tmp_path: Path) -> None:
    with torch.device("meta"):
        tensor = torch.rand(2, 3, 4, 4, device="cpu")
        path = safe_save_image(tensor, tmp_path / "x.png", mean=0.0, std=1.0, normalize=True)
    assert pixels(path).shape == (8, 14, 3)


def test_thousands_of_value_ranges_end_in_black_and_white() -> None:
    """An end that float32 rounds to beyond the range must not become black."""
    width = torch.rand(2000, dtype=torch.float64).mul(10).add(0.01)
    low = torch.rand(2000, dtype=torch.float64).sub(0.5).mul(20_000) * width
    for bits, white in ((8, 255), (16, 65535)):
        for bounds in zip(low.tolist(), (low + width).tolist(), strict=True):
            image = torch.tensor(bounds, dtype=torch.float32).view(1, 1, 2)
            found = picture_of(image, Look(value_range=bounds, bits=bits)).pixels
            first, last = found.flatten().tolist()
            assert 0 <= first < 0.01 * white, bounds
            assert 0.99 * white < last <= white, bounds


@pytest.mark.parametrize("options", [{}, {"normalize": True}, {"value_range": (0, 1)}], ids=str)
def test_the_rounding_slack_does_not_wrap(options: dict[str, Any]) -> None:
    bright = torch.tensor([0.0, 1.0019607543945312]).repeat(3, 2, 1)
    assert (ours(bright, **options)[:, 1] == 255).all()


@pytest.mark.parametrize(
    "name",
    ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"],
)
def test_float8_is_exact_through_float32(name: str, tmp_path: Path) -> None:
    if not hasattr(torch, name):
        pytest.skip(f"this torch has no {name}")
    dtype = getattr(torch, name)
    image = torch.rand(3, 6, 6).add_(0.1).clamp_(max=1).to(dtype)
    assert (ours(image) == ours(image.float())).all()
    with pytest.warns(SaveImageWarning, match=r"108 of 108 values \(100 %\)"):
        safe_save_image(torch.full((3, 6, 6), 4.0).to(dtype), tmp_path / "x.png")
    with SaveQueue() as queue:
        path = queue.save_image(image, tmp_path / "y.png")
    assert (pixels(path.result()) == ours(image)).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_a_list_of_greyscale_images_is_a_grid(count: int) -> None:
    images = [torch.rand(5, 4) for _ in range(count)]
    expected = ours(torch.stack(images).unsqueeze(1))
    assert (ours(images) == expected).all()
    assert expected.shape[2] == 3
