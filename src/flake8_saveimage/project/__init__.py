"""Other files of the project: where an import leads, and the definitions that are needed of it.

Nothing is imported or executed. A file is opened when a name that a save needs comes from it; of
its text only the statements that bind this name, and what they refer to, are parsed by libcst.
"""

from __future__ import annotations
