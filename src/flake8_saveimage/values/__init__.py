"""What interval and dtype reach a save call: abstract interpretation over tensor expressions.

``range_fact`` answers for one call. The layers below, each importing only those before it: sets of
dtypes (``dtypes``), interval arithmetic (``spans``), the abstract value (``domain``), what each
operation of torch and torchvision does to it (``calls``, ``scaling``, ``transfer``, ``vision``),
what a name can stand for beside values (``objects``) and how it is called (``naming``), and the
evaluator: the ways that meet (``merging``), arguments (``parameters``), calls of libraries
(``library``), changes in place (``effects``), a function for each kind of expression
(``expressions``) and the walk through them (``evaluate``).
"""

from __future__ import annotations

from flake8_saveimage.values.verdict import RangeFact, range_fact

__all__ = ["RangeFact", "range_fact"]
