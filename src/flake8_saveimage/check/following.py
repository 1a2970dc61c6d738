"""What is looked for in a file, and how its imports are followed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.config.selection import choice_of
from flake8_saveimage.knowledge.writers import Choice, Table, table_of
from flake8_saveimage.source import reading
from flake8_saveimage.source.program import Program, load

if TYPE_CHECKING:
    from flake8_saveimage.check.analysis import Analysis
    from flake8_saveimage.project.finder import Finder
    from flake8_saveimage.project.program import ProjectImporter
    from flake8_saveimage.project.roots import Layout


class Following(NamedTuple):
    """How imports are followed, and what is looked for.

    ``fallback`` is the folder that bounds a project without a repository; ``source_folders`` are
    those in which absolute imports start, beside the usual ones. ``choice`` says which writers are
    looked for; ``hooks`` are further names of functions that a framework calls repeatedly.
    """

    is_on: bool = True
    fallback: str = "."
    source_folders: tuple[str, ...] = ()
    choice: Choice = Choice()
    hooks: frozenset[str] = frozenset()

    @property
    def table(self) -> Table:
        """The writers that are looked for."""
        return table_of(self.choice)

    def importer(self, name: str, text: str) -> ProjectImporter | None:
        """Return the importer for a file, if imports are followed."""
        if not self.is_on:
            return None
        from flake8_saveimage.project.program import ProjectImporter  # libcst

        return ProjectImporter(self._finder(os.path.realpath(name), text), self.table)

    def diagnose(self, name: str, text: str, codes: Collection[str] | None = None) -> Analysis:
        """Run the rules (all, or those in ``codes``) over the text of a file."""
        from flake8_saveimage.check.analysis import diagnose  # libcst

        return diagnose(
            text,
            hooks=self.hooks,
            codes=codes,
            path=os.path.realpath(name),
            importer=self.importer(name, text),
            table=self.table,
        )

    def is_worth_a_look(self, name: str, raw: bytes) -> bool:
        """Say by text whether a file that saves nothing itself may call one that does."""
        if not self.is_on:
            return False
        from flake8_saveimage.project.gate import may_reach_save  # compiles patterns

        path = os.path.realpath(name)
        return may_reach_save(path, raw, self._layout(path), self.table)

    def admit(self, name: str, raw: bytes) -> Program | None:
        """Return the program of a file's bytes if it calls a function of its project that saves.

        Raises ``SourceError`` for such a file that cannot be decoded or parsed.
        """
        if not self.is_worth_a_look(name, raw):
            return None
        program = load(name, raw)
        return program if self.calls_a_saver(name, program.lines) else None

    def calls_a_saver(self, name: str, text: str) -> bool:
        """Say whether a text calls a function of its project that saves."""
        from flake8_saveimage.project.reach import Reach  # only where imports are followed

        path = os.path.realpath(name)
        reach = Reach(self._finder(path, text), self.table)
        return reach.from_file(path, text, reading.parse(text))

    def _finder(self, path: str, text: str) -> Finder:
        from flake8_saveimage.project.finder import finder_for  # only where imports are followed

        return finder_for(path, text, self._layout(path))

    def _layout(self, path: str) -> Layout:
        from flake8_saveimage.project.roots import layout_of  # only where imports are followed

        return layout_of(path, self.fallback, self.source_folders)


def following_of(options: argparse.Namespace) -> Following:
    """Return what flake8's options say."""
    return Following(
        options.saveimage_follow_imports,
        source_folders=tuple(options.saveimage_src or ()),
        choice=choice_of(options),
        hooks=frozenset(options.saveimage_hooks),
    )
