"""What interval and dtype reach a save call: abstract interpretation over tensor expressions.

``range_fact`` answers for one call. The layers below, each importing only those before it: sets of
dtypes (``dtypes``), interval arithmetic (``spans``), the abstract value (``domain``), what each
operation of torch and torchvision does to it (``calls``, ``transfer``, ``vision``), and the
evaluator that walks expressions (``objects``, ``naming``, ``library``, ``effects``, ``evaluate``).
"""

from __future__ import annotations

from flake8_saveimage.ranges.fact import RangeFact, range_fact

__all__ = ["RangeFact", "range_fact"]
