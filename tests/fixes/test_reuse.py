"""A fix is safe only if nobody misses the file under its old name."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from fixing import assert_fixed, dedent, fix

LOOP = """
import glob, os, shutil, torch
from pathlib import Path
from torchvision.utils import save_image

def train(model, out, writer):
    for epoch in range(3):
        image = model().clamp(0, 1)
        {body}
"""


def applicability(body: str, head: str = "", tail: str = "") -> str | None:
    source = LOOP.format(body=body.replace("\n", "\n        "))
    result = fix(head + dedent(source) + tail, codes="SVI1")
    (finding,) = (*result.applied, *result.left)
    return finding.fix


@pytest.mark.parametrize(
    "body",
    [
        'save_image(image, f"{out}/fake.png")',
        'path = f"{out}/fake.png"\nsave_image(image, path)',
        'path = f"{out}/fake.png"\nos.makedirs(os.path.dirname(path), exist_ok=True)\nsave_image(image, path)',
        'path = Path(out) / "fake.png"\npath.parent.mkdir(exist_ok=True)\nsave_image(image, path)',
        'path = f"{out}/fake.png"\nprint("saving", path)\nsave_image(image, path)',
        'save_image(image, f"{out}/fake.png")\nprint("wrote fake.png")',
        'save_image(image, f"{out}/fake.png")\nlog(glob.glob("data/*.jpg"))',
        'path = f"{out}/fake.png"\nsave_image(image, path)\npath = "other.txt"\nprint(path)',
    ],
)  # fmt: skip
def test_safe(body: str) -> None:
    assert applicability(body) == "safe"


@pytest.mark.parametrize(
    "body",
    [
        'save_image(image, f"{out}/fake.png")\nwriter.add(f"{out}/fake.png")',
        'save_image(image, f"{out}/fake.png")\nwriter.add(os.path.join(out, "fake.png"))',
        'save_image(image, f"{out}/fake.png")\nos.listdir(out)',
        'save_image(image, f"{out}/fake.png")\nfor f in glob.glob(out + "/*.png"): writer.add(f)',
        'path = f"{out}/fake.png"\nwriter.path = path\nsave_image(image, path)',
        'path = f"{out}/fake.png"\nif epoch:\n    save_image(image, path)\nwriter.add(path)',
        'path = f"{out}/fake.png"\nsave_image(image, path)\ndef later(): writer.add(path)',
        'path = Path(out) / "fake.png"\nsave_image(image, str(path))\nwriter.add(path)',
        'done = save_image(image, f"{out}/fake.png")',
        'save_image(image, f"{out}/fake.png") or writer.add(epoch)',
    ],
)  # fmt: skip
def test_unsafe(body: str) -> None:
    assert applicability(body) == "unsafe"


def test_read_back_elsewhere_is_unsafe() -> None:
    tail = '\ndef resume():\n    return torch.load("runs/fake.png")\n'
    assert applicability('save_image(image, "runs/fake.png")', tail=tail) == "unsafe"


def test_copy_of_a_path_that_is_used_elsewhere_is_unsafe() -> None:
    source = dedent(
        """
        import torch
        class Trainer:
            def __init__(self):
                self.path = "model.bin"
            def save(self, states):
                for state in states:
                    path = str(self.path)
                    torch.save(state, path)
            def load(self):
                return torch.load(self.path)
        """
    )
    assert [finding.fix for finding in fix(source).left] == ["unsafe"]


def test_path_of_an_unknown_caller_is_unsafe() -> None:
    result = fix(
        dedent(
            """
            import torch
            def dump(states, path):
                for state in states:
                    torch.save(state, path)
            """
        )
    )
    assert [finding.fix for finding in result.left] == ["unsafe"]


def test_path_of_a_caller_that_does_not_look_is_safe() -> None:
    result = fix(
        dedent(
            """
            import torch
            def dump(states, path):
                for state in states:
                    torch.save(state, path)
            dump(load(), "x.bin")
            """
        ),
        codes="SVI1",
    )
    assert [finding.fix for finding in result.applied] == ["safe"]


def test_later_uses_follow_the_file() -> None:
    assert_fixed(
        """
        import torch
        def train(states):
            for state in states:
                path = "model.bin"
                torch.save(state, path)
                if state:
                    print(f"wrote {path}")
        """,
        """
        from flake8_saveimage.runtime import safe_save
        def train(states):
            for state in states:
                path = "model.bin"
                path = safe_save(state, path)
                if state:
                    print(f"wrote {path}")
        """,
    )


def test_later_uses_that_may_want_text_get_text() -> None:
    assert_fixed(
        """
        import torch
        def save(state, run):
            path = "model.bin"
            torch.save(state, path)
            return path
        """,
        """
        from flake8_saveimage.runtime import safe_save
        def save(state, run):
            path = "model.bin"
            path = str(safe_save(state, path))
            return path
        """,
    )


def test_a_name_bound_before_the_loop_is_not_rebound_in_it() -> None:
    source = dedent(
        """
        import torch
        def train(states):
            path = "model.bin"
            for state in states:
                torch.save(state, path)
                print(path)
        """
    )
    assert [finding.fix for finding in fix(source).left] == ["unsafe"]


def test_a_colour_fix_leaves_names_alone_that_are_meant_or_used() -> None:
    assert_fixed(
        """
        from torchvision.utils import save_image
        def dump(image, i, out):
            save_image(image, f"{out}/{i}.png")
        def latest(loader, out):
            for image in loader:
                save_image(image, f"{out}/latest.png")
        """,
        """
        from flake8_saveimage.runtime import safe_save_image
        def dump(image, i, out):
            safe_save_image(image, f"{out}/{i}.png")
        def latest(loader, out):
            for image in loader:
                safe_save_image(image, f"{out}/latest.png", if_exists="replace")
        """,
        codes="SVI203",
    )


def test_a_safe_finding_does_not_take_an_unsafe_one_with_it() -> None:
    """A call of the helper is never looked at again, so both are mended or neither."""
    source = dedent(
        """
        from torchvision.utils import save_image
        def dump(loader, path):
            for image in loader:
                save_image(image, path)
        """
    )
    result = fix(source)
    assert result.code == source
    assert {(finding.code, finding.fix) for finding in result.left} == {
        ("SVI101", "unsafe"),
        ("SVI203", "unsafe"),
    }
