"""What interval and dtype reach a save call: abstract interpretation of tensor expressions.

``range_fact`` answers for one call. The modules, each importing only those before it: sets of
dtypes (``dtypes``), interval arithmetic (``intervals``), the abstract value (``domain``), the table
of operations (``operations``), what else a name can stand for (``objects``), what the parts of the
evaluator need of the whole (``context``), the operations of torch, torchvision, NumPy and Pillow
(``ops``), sequences (``elements``), calls of libraries (``library``), changes in place
(``effects``), calls of the program's own functions (``calls``), a function for each kind of
expression (``expressions``), and the evaluator that holds them together (``evaluate``).
"""

from __future__ import annotations

from flake8_saveimage.values.verdict import RangeFact, range_fact

__all__ = ["RangeFact", "range_fact"]
