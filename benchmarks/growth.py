"""Show that the time to check a file grows in proportion to the file.

    python benchmarks/growth.py

Generates files of nested loops with one save call in every ten lines (20,000 lines with 2,000 save
calls at the largest of four sizes), checks each with all rules, and prints the CPU time and how it
grew from size to size. Three shapes: functions that one loop calls, one single function that holds
everything, and a chain of helpers that hand a path on. The exit status is 1 if a doubling of the
lines costs more than ``--limit`` times the CPU time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from flake8_saveimage.check.analysis import analyse

LINES_PER_SAVE = 10
HEADER = """\
import os
import torch
from torchvision.utils import save_image

opt = parse()
"""


def block(number: int, indent: str) -> list[str]:
    """Return ten lines: loops three deep, names carried through them, and one save call."""
    path = (
        "os.path.join(folder, name)",
        'f"{folder}/{i}_{j}.png"',
        '"%s/%d.png" % (folder, j)',
        "target",
    )[number % 4]
    call = "torch.save(y.state_dict(), {})" if number % 3 == 0 else "save_image(y, {})"
    return [
        f"{indent}for i, x in enumerate(loader_{number}):",
        f'{indent}    folder = os.path.join(opt.outf, "run{number}")',
        f"{indent}    for j in range(opt.steps):",
        f'{indent}        name = "{{:04d}}.png".format(step)',
        f"{indent}        y = net(x)",
        f"{indent}        for k in range(3):",
        f"{indent}            step += 1",
        f"{indent}            target = folder + '/' + name",
        f"{indent}            {call.format(path)}",
        f"{indent}    print(i, step)",
    ]


def many_functions(lines: int) -> str:
    """Functions of ten blocks each, called from a loop at the end."""
    rows = [HEADER]
    names = []
    for first in range(0, lines // LINES_PER_SAVE, 10):
        names.append(f"train_{first}")
        rows += [f"def {names[-1]}(net, step=0):"]
        for number in range(first, first + 10):
            rows += block(number, "    ")
    rows += ["for epoch in range(10):", *(f"    {name}(net)" for name in names), ""]
    return "\n".join(rows)


def one_function(lines: int) -> str:
    """One function that holds everything: every name has thousands of definitions."""
    rows = [HEADER, "def main(net):", "    step = 0", "    for epoch in range(10):"]
    for number in range(lines // LINES_PER_SAVE):
        rows += block(number, "        ")
    return "\n".join([*rows, ""])


def helpers_of_helpers(lines: int) -> str:
    """A chain of functions, each calling the next with a path made from its own."""
    rows = [HEADER]
    count = lines // LINES_PER_SAVE
    for number in range(count):
        rows += [
            f"def step_{number}(net, path, i):",
            f'    path = os.path.join(path, "s{number}")',
            "    for k in range(3):",
            '        save_image(net(k), f"{path}/{i}.png")',
            *(["        pass"] * 4),
            f"    step_{number + 1}(net, path, i)" if number + 1 < count else "    return",
            "",
        ]
    rows += ["for i in range(10):", "    step_0(net, opt.outf, i)", ""]
    return "\n".join(rows)


SHAPES: dict[str, Callable[[int], str]] = {
    "many functions": many_functions,
    "one function": one_function,
    "helpers of helpers": helpers_of_helpers,
}


def cpu_seconds(source: str, repeat: int) -> tuple[float, int]:
    """Return the least CPU time of several checks, and the number of findings."""
    best, found = float("inf"), 0
    for _ in range(repeat):
        start = time.process_time()
        found = len(analyse(source))
        best = min(best, time.process_time() - start)
    return best, found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--largest", type=int, default=20_000, help="lines of the largest file")
    parser.add_argument(
        "--repeat", type=int, default=1, help="checks of each file, the least counts"
    )
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this shape")
    parser.add_argument("--limit", type=float, default=2.6, help="allowed growth per doubling")
    options = parser.parse_args()
    worst = 0.0
    for shape in options.shape or SHAPES:
        generate = SHAPES[shape]
        print(f"{shape}\n{'lines':>8} {'saves':>6} {'findings':>9} {'CPU s':>8} {'growth':>7}")
        before = None
        for lines in (options.largest // k for k in (8, 4, 2, 1)):
            source = generate(lines)
            seconds, found = cpu_seconds(source, options.repeat)
            saves = source.count("save_image(") + source.count("torch.save(")
            growth = seconds / before if before else 0.0
            shown = f"{growth:.2f}x" if before else ""
            n_lines = source.count("\n")
            print(f"{n_lines:>8} {saves:>6} {found:>9} {seconds:>8.2f} {shown:>7}", flush=True)
            before, worst = seconds, max(worst, growth)
        print()
    print(f"largest growth per doubling: {worst:.2f}x (allowed {options.limit}x)")
    return 0 if worst <= options.limit else 1


if __name__ == "__main__":
    raise SystemExit(main())
