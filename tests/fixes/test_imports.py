"""Imports: in the right place, under a free name, and removed only if nothing needs them."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from fixing import assert_fixed, dedent, fix

BODY = """
for i in range(3):
    {call}(i, "x.bin"{keep})
"""


@pytest.mark.parametrize(
    ("imports", "call", "expected", "called"),
    [
        ("import torch", "torch.save", "from flake8_saveimage.runtime import safe_save", "safe_save"),
        ("from torch import save as s", "s", "from flake8_saveimage.runtime import safe_save", "safe_save"),
        (
            "import torch  # noqa: F401", "torch.save",
            "import torch  # noqa: F401\nfrom flake8_saveimage.runtime import safe_save", "safe_save",
        ),
        (
            "import torch as torch", "torch.save",
            "import torch as torch\nfrom flake8_saveimage.runtime import safe_save", "safe_save",
        ),
        (
            "import torch\n__all__ = ['torch']", "torch.save",
            "import torch\nfrom flake8_saveimage.runtime import safe_save\n__all__ = ['torch']", "safe_save",
        ),
        (
            "import torch\nx: 'torch.Tensor'", "torch.save",
            "import torch\nfrom flake8_saveimage.runtime import safe_save\nx: 'torch.Tensor'", "safe_save",
        ),
        (
            "import torch\nprint(globals())", "torch.save",
            "import torch\nfrom flake8_saveimage.runtime import safe_save\nprint(globals())", "safe_save",
        ),
        (
            "import torch\nfrom flake8_saveimage.runtime import safe_save as keep\nkeep(1, '2')", "torch.save",
            "from flake8_saveimage.runtime import safe_save as keep\nkeep(1, '2')", "keep",
        ),
        (
            "import os\nimport torch\nfrom abc import ABC\nfrom zlib import crc32\nprint(os, torch, ABC, crc32)",
            "torch.save",
            "import os\nimport torch\nfrom abc import ABC\nfrom flake8_saveimage.runtime import safe_save\n"
            "from zlib import crc32\nprint(os, torch, ABC, crc32)",
            "safe_save",
        ),
        (
            "from torch import (\n    nn,\n    save,  # this one\n)\nprint(nn)", "save",
            "from flake8_saveimage.runtime import safe_save\nfrom torch import (\n    nn,\n)\nprint(nn)",
            "safe_save",
        ),
        (
            "import torch\nsafe_save = print", "torch.save",
            "from flake8_saveimage.runtime import safe_save as runtime_safe_save\nsafe_save = print",
            "runtime_safe_save",
        ),
        (
            "# about torch\nimport torch\n\n# about os\nimport os\nprint(os)", "torch.save",
            "# about torch\nfrom flake8_saveimage.runtime import safe_save\n\n# about os\nimport os\nprint(os)",
            "safe_save",
        ),
        (
            "import torch; import os\nfrom torch import save\nprint(os, torch)", "save",
            "import torch; import os\nfrom flake8_saveimage.runtime import safe_save\nprint(os, torch)",
            "safe_save",
        ),
        (
            "from torch import *", "save",
            "from flake8_saveimage.runtime import safe_save\nfrom torch import *", "safe_save",
        ),
        (
            "if True:\n    import torch\nelse:\n    from fake import torch", "torch.save", None, "",
        ),
    ],
)  # fmt: skip
def test_module_level(imports: str, call: str, expected: str | None, called: str) -> None:
    source = imports + BODY.format(call=call, keep="")
    wanted = source if expected is None else expected + BODY.format(call=called, keep=", keep=3")
    assert fix(source).code == wanted


def test_behind_docstring_and_future() -> None:
    assert_fixed(
        '''
        """What this is."""
        from __future__ import annotations
        import torch
        torch.save([], "x.bin")
        ''',
        '''
        """What this is."""
        from __future__ import annotations
        from flake8_saveimage.runtime import safe_save
        safe_save([], "x.bin", keep=3)
        ''',
    )


def test_in_the_function_and_for_each_function() -> None:
    assert_fixed(
        """
        def one():
            import torch
            torch.save([], "x.bin")

        def two():
            from torch import save
            save([], "y.bin")
            save([], pick())
        """,
        """
        def one():
            from flake8_saveimage.runtime import safe_save
            safe_save([], "x.bin", keep=3)

        def two():
            from flake8_saveimage.runtime import safe_save
            from torch import save
            safe_save([], "y.bin", keep=3)
            save([], pick())
        """,
    )


def test_never_in_a_try_or_a_branch() -> None:
    """Where the helper cannot be imported, its error must not be taken for that of torch."""
    assert_fixed(
        """
        try: import torch
        except ImportError: torch = None
        def f():
            '''Save.'''
            # if there is torch
            if torch is not None: torch.save([], "x.bin")
        if torch:
            from torch import save
        def g(): save([], "y.bin")
        """,
        """
        try: import torch
        except ImportError: torch = None
        def f():
            '''Save.'''
            from flake8_saveimage.runtime import safe_save
            # if there is torch
            if torch is not None: safe_save([], "x.bin", keep=3)
        if torch:
            from torch import save  # noqa: F401
        def g(): from flake8_saveimage.runtime import safe_save; safe_save([], "y.bin", keep=3)
        """,
    )


def test_a_module_that_runs_without_the_import_is_not_fixed_safely() -> None:
    source = dedent(
        """
        try:
            from torch import save
        except ImportError:
            save = None
        if save:
            save([], "x.bin")
        """
    )
    (left,) = fix(source).left
    assert (left.fix, left.reason) == (
        "unsafe",
        "its import may fail, and the module runs without it",
    )
    after = fix(source, unsafe=True).code
    assert after.startswith("from flake8_saveimage.runtime import safe_save\ntry:\n")


@pytest.mark.parametrize(
    "use",
    ["del save", 'DOC = """\n>>> save(1, "x")\n"""', "def f():\n    global save\n    save = None"],
)
def test_an_import_that_something_else_needs_stays(use: str) -> None:
    source = f'from torch import save\n\nfor i in range(3):\n    save(i, "x.bin")\n{use}\n'
    assert "from torch import save\n" in fix(source, unsafe=True).code


def test_type_checking_blocks_are_left_alone() -> None:
    assert_fixed(
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import torch
        def f(x: "torch.Tensor"):
            import torch
            torch.save(x, "x.bin")
        """,
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import torch
        def f(x: "torch.Tensor"):
            from flake8_saveimage.runtime import safe_save
            safe_save(x, "x.bin", keep=3)
        """,
    )


def test_both_helpers_are_one_import() -> None:
    assert_fixed(
        """
        import torch
        from torchvision.utils import save_image
        def f(x):
            save_image(x.clamp(0, 1), "x.png")
            torch.save(x, "x.bin")
        """,
        """
        from flake8_saveimage.runtime import safe_save, safe_save_image
        def f(x):
            safe_save_image(x.clamp(0, 1), "x.png", non_finite="zero")
            safe_save(x, "x.bin", keep=3)
        """,
    )


def test_names_do_not_leak_from_file_to_file() -> None:
    taken = fix('import torch\nsafe_save = 1\ntorch.save([], "x.bin")\n').code
    assert "runtime_safe_save([]" in taken
    assert fix('import torch\ntorch.save([], "x.bin")\n').code == (
        'from flake8_saveimage.runtime import safe_save\nsafe_save([], "x.bin", keep=3)\n'
    )


def test_init_files_keep_what_others_may_import() -> None:
    from flake8_saveimage import fix_source

    source = 'from torch import save\nsave([], "x.bin")\n'
    assert fix_source(source, filename="pkg/__init__.py").code == (
        "from flake8_saveimage.runtime import safe_save\nfrom torch import save\n"
        'safe_save([], "x.bin", keep=3)\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torch\ntorch.utils.save_image(x, p(1))", "import torchvision\ntorchvision.utils.save_image(x, p(1))"),
        (
            "import torch, torchvision\ntorch.utils.save_image(torch.ones(1), p(1))",
            "import torch, torchvision\ntorchvision.utils.save_image(torch.ones(1), p(1))",
        ),
        (
            "from torch.utils import save_image as s\ns(x, p(1))",
            "from torchvision.utils import save_image as s\ns(x, p(1))",
        ),
        (
            "import torch.utils as u\nu.save_image(x, p(1))",
            "import torchvision\ntorchvision.utils.save_image(x, p(1))",
        ),
    ],
)  # fmt: skip
def test_torch_utils(before: str, after: str) -> None:
    assert fix(before + "\n", codes="SVI301").code == after + "\n"


def test_torchvision_that_means_something_else_is_not_called() -> None:
    source = dedent("import torch\ntorchvision = 1\ntorch.utils.save_image(x, p(1))\n")
    assert fix(source, unsafe=True, codes="SVI301").code == source
