"""Fuzz the gate, parser front, configuration, noqa, analysis and fixer with atheris.

    pip install atheris
    python benchmarks/fuzz.py TARGET [--failures FOLDER] [libFuzzer's options] [CORPUS ...]

TARGET is one of the names in ``TARGETS``; its docstring says what must hold for every input. An
input that refutes it stops the run, or, with ``--failures``, is kept in that folder, one for each
kind of failure, and the run goes on. Inputs are what users have: source files and configuration
files. Sources are mutated as such (statements and expressions of the fixtures are put into each
other's place), or hardly one would parse. ``tests/test_fuzz_corpus.py`` replays the committed
corpus without atheris.

    python benchmarks/fuzz.py fix -max_total_time=1200 -timeout=25 /tmp/corpus fixtures/SVI101/fires
    python benchmarks/fuzz.py fix -merge=1 tests/fuzz_corpus/fix /tmp/corpus    # keep it small
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import hashlib
import io
import os
import random
import sys
import tempfile
import tokenize
import traceback
import warnings
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MAX_LEN = 4096
MAX_FAILURES_OF_A_KIND = 10

Mutator = Callable[[bytes, int, int], bytes]


# -- what must hold ----------------------------------------------------------------------------


def gate(raw: bytes) -> None:
    """The gate never raises anything else, and refuses no file in which something is found.

    Without an import of a writer's package or ``*`` nothing is known to be theirs.
    """
    from flake8_saveimage.check.analysis import analyse
    from flake8_saveimage.source.gate import admit
    from flake8_saveimage.source.reading import SourceError, Unparsable

    try:
        passed = admit(raw) is not None
    except SourceError:
        return
    text, tree = _module(raw)
    if passed or text is None or tree is None:
        return
    if not any(map(_imports_torch, ast.walk(tree))):
        return
    try:
        found = analyse(text)
    except (Unparsable, RecursionError):
        return
    assert not found, f"the gate refuses a file with {found[0]}"


def front(raw: bytes) -> None:
    """What is read is what Python reads, or one clear error; encoding leads back to the bytes."""
    from flake8_saveimage.check.analysis import Unparsable, parse
    from flake8_saveimage.source import reading

    expected = _python_reads(raw)
    refused = None
    try:
        source = reading.decode(raw)
        tree = reading.parse(reading.universal_newlines(source.text))
    except reading.SourceError as error:
        refused = str(error)
    if refused is not None:
        assert expected is None, f"Python reads it, we say: {refused}"
        assert refused == " ".join(refused.split()), "not one line"
        return
    if expected is not None:
        assert ast.dump(tree) == ast.dump(expected), "Python reads something else"
    with contextlib.suppress(reading.SourceError):
        assert reading.encode(source.text, source.encoding, source.text, raw) == raw
    with contextlib.suppress(Unparsable):
        parse(source.text)


def config(raw: bytes) -> None:
    """A configuration is read, or refused with a ``ConfigError``; nothing else is raised."""
    from flake8.exceptions import ExecutionError

    from flake8_saveimage.config import options as configuration
    from flake8_saveimage.config.noqa import Judge
    from flake8_saveimage.source import discovery

    for name in ("pyproject.toml", "setup.cfg"):
        path = _scratch(name, raw)
        with contextlib.suppress(configuration.ConfigError, ExecutionError):
            options = configuration.load(configuration.Request(config=path)).options
            judge = Judge(options)
            judge.selects_anything()
            judge.codes_for("a/b.py")
            exclude = [*options.exclude, *options.extend_exclude]
            discovery.find([_scratch("a.py", b"")], exclude=exclude, patterns=options.filename)


def noqa(raw: bytes) -> None:
    """``check`` shows what flake8 shows; ``--add-noqa`` silences all of it, and nothing changes."""
    from flake8_saveimage.check.runner import Checker
    from flake8_saveimage.config.noqa import Judge, silence
    from flake8_saveimage.source import reading

    options = _options()
    checked = Checker(options).on_source("a.py", raw)
    if checked.error is not None:
        assert "defect" not in checked.error, checked.error
        return
    theirs = _flake8_shows(raw)
    if theirs is None:
        return
    ours = {(f.line, f.column, f.code) for f in checked.findings}
    assert ours == theirs, f"check: {sorted(ours)}, flake8: {sorted(theirs)}"
    if not checked.findings:
        return
    text = reading.decode(raw).text
    silenced = silence(text, checked.findings, Judge(options), "a.py")
    if silenced is None:
        return
    left = Checker(options).on_source("a.py", silenced.encode()).findings
    assert not left, f"left after --add-noqa: {left[0]}"
    assert _endings(silenced) == _endings(text), "line endings changed"


def analysis(raw: bytes) -> None:
    """What Python parses is analysed or called unparsable; each finding selects a call."""
    from flake8_saveimage.check.analysis import Unparsable, analyse, parse

    text, tree = _module(raw)
    if text is None or tree is None:
        return
    try:
        if parse(text).code != text:  # libcst drops form feeds, and then has other columns
            return
        found = analyse(text)
    except (Unparsable, RecursionError):
        return
    lines = text.split("\n")
    for finding in found:
        assert finding.message.isprintable(), f"raw characters in {finding.message!r}"
        call = _selected(lines, finding)
        assert isinstance(_expression(call), ast.Call), f"no call: {call!r}"


def fix(raw: bytes) -> None:
    """Fixed sources compile, need no second fix, and are the same outside of what was found."""
    from flake8_saveimage import FixOptions, fix_source
    from flake8_saveimage.check.analysis import Unparsable
    from flake8_saveimage.source.reading import universal_newlines

    try:
        text = raw.decode("utf-8")
        ast_before = _ast(text)
    except (UnicodeDecodeError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    options = FixOptions(accept=lambda _finding: True, unsafe=len(raw) % 2 == 0)
    try:
        result = fix_source(text, options=options)
    except (Unparsable, RecursionError):
        return
    assert result.changed == (result.code != text)
    if not result.changed:
        return
    ast_after = _ast(result.code)
    if _compiles(text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(result.code, "<fixed>", "exec", dont_inherit=True)
    again = fix_source(result.code, options=options)
    assert again.code == result.code, "a second fix changes it again"
    lines = universal_newlines(text).split("\n")
    calls = {_called(_selected(lines, finding)) for finding in result.applied}
    assert _outside(ast_before, calls) == _outside(ast_after, calls), "something else changed"


TARGETS: dict[str, Callable[[bytes], None]] = {
    "gate": gate,
    "front": front,
    "config": config,
    "noqa": noqa,
    "analysis": analysis,
    "fix": fix,
}


# -- Python's and flake8's own answers ---------------------------------------------------------


def _ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _module(raw: bytes) -> tuple[str | None, ast.Module | None]:
    """Return text and tree as the command sees them, ``None`` for what Python does not read."""
    from flake8_saveimage.source import reading

    try:
        text = reading.universal_newlines(reading.decode(raw).text)
        return text, reading.parse(text)
    except reading.SourceError:
        return None, None


def _imports_torch(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return True
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    return any(name.partition(".")[0] in ("torch", "torchvision") for name in names)


def _python_reads(raw: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            text = io.TextIOWrapper(io.BytesIO(raw), encoding).read()  # tokenize.open
            return ast.parse(text)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _selected(lines: list[str], finding: Any) -> str:
    """Return the text from a finding's start to its end."""
    first, last = finding.line - 1, finding.end_line - 1
    chosen = lines[first : last + 1]
    chosen[-1] = chosen[-1][: finding.end_column - 1]
    chosen[0] = chosen[0][finding.column - 1 :]
    return "\n".join(chosen)


def _expression(text: str) -> ast.expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(f"({text}\n)", mode="eval").body


def _called(text: str) -> str:
    call = _expression(text)
    return _last_name(call.func) if isinstance(call, ast.Call) else ""


def _endings(text: str) -> list[str]:
    lines = io.StringIO(text, newline="")
    return [line[len(line.rstrip("\r\n")) :] for line in lines]


@functools.cache
def _options() -> argparse.Namespace:
    from flake8_saveimage.config import options as configuration

    every = configuration.Request(isolated=True, forwarded=("--extend-select=SVI",))
    return configuration.load(every).options


def _flake8_shows(raw: bytes) -> set[tuple[int, int, str]] | None:
    """Return line, column and code of what flake8 shows; ``None`` where it cannot parse."""
    from flake8.checker import FileChecker
    from flake8.style_guide import StyleGuideManager

    from flake8_saveimage.config.noqa import _Silent
    from flake8_saveimage.plugin import SaveImagePlugin

    options = _options()
    SaveImagePlugin.parse_options(options)
    path = _scratch("a.py", raw)
    try:
        _, results, _ = FileChecker(filename=path, plugins=_plugins(), options=options).run_checks()
    except (ValueError, RecursionError):  # NUL bytes and deep nesting end a run of flake8
        return None
    if any(code in ("E902", "E999") for code, *_ in results):
        return None
    guide = StyleGuideManager(options, _Silent(options))
    return {
        (line, column + 1, code)
        for code, line, column, text, physical_line in results
        if guide.handle_error(code, path, line, column, text, physical_line)
    }


@functools.cache
def _plugins() -> Any:
    from importlib.metadata import EntryPoint

    from flake8.plugins.finder import Checkers, LoadedPlugin, Plugin

    from flake8_saveimage.plugin import SaveImagePlugin

    entry = EntryPoint("SVI", "flake8_saveimage.plugin:SaveImagePlugin", "flake8.extension")
    takes = {"tree": True, "lines": True, "filename": True}
    loaded = LoadedPlugin(Plugin("flake8-saveimage", "0", entry), SaveImagePlugin, takes)
    return Checkers([loaded], [], [])


@functools.cache
def _folder() -> str:
    return tempfile.mkdtemp(prefix="fuzz-")


def _scratch(name: str, content: bytes) -> str:
    path = Path(_folder()) / name
    path.write_bytes(content)
    return str(path)


# -- what a fix may change ---------------------------------------------------------------------

_SAVES = frozenset({"save", "save_image"})
_HELPERS = frozenset(
    {"safe_save", "safe_save_image", "runtime_safe_save", "runtime_safe_save_image"}
)


def _outside(tree: ast.Module, calls: Set[str]) -> str:
    """Describe a module without imports, string constants and the calls that save.

    ``calls`` are the names of the functions that were found to save.
    """
    return ast.dump(_Blank(tree, calls).visit(tree))


class _Blank(ast.NodeTransformer):
    def __init__(self, tree: ast.Module, calls: Set[str]) -> None:
        self._names = {*_SAVES, *_HELPERS, *calls}
        for node in ast.walk(tree):
            if isinstance(node, ast.alias) and node.asname and node.name in self._names:
                self._names.add(node.asname)
            elif isinstance(node, ast.Assign) and _last_name(node.value) in self._names:
                self._names.update(map(_last_name, node.targets))

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        return None

    visit_ImportFrom = visit_Import

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _last_name(node.func)
        if name in self._names:
            return ast.Name("SAVED")
        if name == "str" and len(node.args) == 1:  # str(safe_save(...))
            inner = self.visit(node.args[0])
            if isinstance(inner, ast.Name) and inner.id == "SAVED":
                return inner
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        saved = isinstance(node.value, ast.Name) and node.value.id == "SAVED"
        return ast.Expr(node.value) if saved else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Name("TEXT") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Name("TEXT")


def _last_name(node: ast.AST) -> str:
    """Return ``c`` of ``a.b.c``."""
    return getattr(node, "attr", None) or getattr(node, "id", "")


# -- mutation ----------------------------------------------------------------------------------

_TOKENS = (
    b"torch torchvision save save_image utils serialization import from as for while if else try "
    b"except finally with def class lambda async await yield return break continue global nonlocal "
    b"del match case in not is := * ** @ , ; : . = += ( ) [ ] { } -> \\ \n # 'x' f'{i}' \"\"\" '''"
    b" b'x' r'\\' 0 1 -1 255 1e9 None True False i epoch x path out_dir self args"
).split(b" ")
_COMMENTS = [
    b"  # noqa", b"  # noqa: SVI101", b"  # NOQA:SVI101,SVI203", b" # noqa : E501", b"  # noqa:",
    b"# flake8: noqa\n", b"# flake8: noqa: SVI101\n", b"  # type: ignore # noqa", b"\x0c",
    b" \\\n", b"\r", b"\r\n", b"\t", b"\xef\xbb\xbf", b"# coding: latin-1\n", b"\xe9", b"\0",
    b"# -*- coding: utf-8 -*-\n", b"\xe2\x80\xa8", b"\x1c", b"\xc2\x85", b"\x1b[31m",
]  # fmt: skip
_WRAPPERS = [
    b"for i in range(3):", b"for epoch, batch in enumerate(loader):", b"while x:", b"if x:",
    b"try:\n    pass\nfinally:", b"with open(path, 'wb') as f:", b"def train(x, path='a.png'):",
    b"class C:", b"async def f(self):", b"for _ in x:\n    pass\nelse:", b"if __name__ == 'm':",
    b"match x:\n  case [i, *_]:", b"@torch.no_grad()\ndef g():", b"while (i := next(it)):",
]  # fmt: skip
_AROUND = [
    b"(%s)", b"[%s for i in x]", b"f(%s)", b"(y := %s)", b"*%s", b"%s if x else y", b"lambda: %s",
    b"f'{%s}'", b"await %s", b"%s[0]", b"%s.a", b"not %s", b"str(%s)",
]  # fmt: skip
_WORDS_OF_CONFIGURATION = [
    b"[flake8]\n", b"[tool.flake8-saveimage]\n", b"select", b"ignore", b"extend-select", b"jobs",
    b"extend-ignore", b"exclude", b"extend-exclude", b"filename", b"saveimage-hooks", b" = ",
    b"per-file-ignores", b"disable-noqa", b"statistics", b"SVI", b"SVI101", b"*.py", b"[", b"]",
    b"{", b"}", b"'", b'"', b"\n", b"    ", b":", b",", b"#", b"true", b"auto", b"-1", b"\\", b"%(",
    b"saveimage_hooks", b"tool.flake8-saveimage.per-file-ignores", b"=", b"\xff", b"\0", b"1.5",
    b"[a-", b"**", b"(?s", b"\n\t", b"1979-05-27", b'"""', b"local-plugins", b"format",
]  # fmt: skip


_CONFIGURATIONS = [
    b"[flake8]\nselect = SVI1,SVI203\nignore = SVI104\nexclude = .git,build/*,*/old/*\njobs = 2\n"
    b"per-file-ignores =\n    tests/*.py:SVI1\n    a.py,b.py: SVI101,SVI203\n",
    b"[flake8]\nextend-select=SVI105\nsaveimage-hooks = on_save, after_step\nfilename = *.py\n"
    b"extend-exclude =\n    # old\n    gen\ndisable-noqa = true\nmax-line-length = 100\n",
    b'[tool.flake8-saveimage]\nselect = ["SVI1", "SVI2"]\nexclude = ["build", "[ab]*"]\njobs = 2\n'
    b'disable-noqa = true\nper-file-ignores = ["tests/*.py:SVI1"]\n',
    b'[tool.flake8-saveimage]\nextend-ignore = "SVI104, SVI203"\nsaveimage_hooks = ["on_save"]\n\n'
    b'[tool.flake8-saveimage.per-file-ignores]\n"tests/*.py" = ["SVI1"]\n"a.py" = "SVI203"\n',
    b"[tool]\nflake8-saveimage = 3\n",
]


class Pool:
    """Statements and expressions of the fixtures, to be put into other files."""

    def __init__(self, root: Path) -> None:
        self.statements: list[bytes] = []
        self.expressions: list[bytes] = []
        for path in sorted(root.glob("*/*/*.py")):
            raw = path.read_bytes()
            for span, is_statement in _spans(raw):
                fragment = _dedented(raw, span) if is_statement else raw[span]
                if len(fragment) < 600:
                    (self.statements if is_statement else self.expressions).append(fragment)


def _spans(raw: bytes) -> list[tuple[slice, bool]]:
    """Return where the statements (``True``) and expressions of a source stand."""
    try:
        tree = _ast(raw.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    starts = [0]
    for line in raw.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    spans: list[tuple[slice, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.expr)) and node.end_lineno and node.end_col_offset:
            if node.end_lineno >= len(starts):  # form feeds and carriage returns
                return spans
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            spans.append((slice(start, end), isinstance(node, ast.stmt)))
    return spans


def _indent(raw: bytes, at: int) -> bytes:
    line = raw[raw.rfind(b"\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(b" \t"))]


def _dedented(raw: bytes, span: slice) -> bytes:
    indent = _indent(raw, span.start)
    return raw[span].replace(b"\n" + indent, b"\n")


class SourceMutator:
    """Mutates a source by its own syntax, most of the time; else byte by byte."""

    def __init__(self) -> None:
        self._pool = Pool(ROOT / "fixtures")

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.2:
            return _bytewise(data, chance)[:max_size]
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = self._once(data, chance)
        return data[:max_size]

    def _once(self, data: bytes, chance: random.Random) -> bytes:
        spans = _spans(data)
        statements = [span for span, is_statement in spans if is_statement]
        expressions = [span for span, is_statement in spans if not is_statement]
        if not statements or not expressions or chance.random() < 0.1:
            return self._insert(data, chance)
        if chance.random() < 0.5:
            return self._on_statement(data, chance.choice(statements), statements, chance)
        span = chance.choice(expressions)
        other = chance.choice(expressions)
        new = data[other] if chance.random() < 0.4 else chance.choice(self._pool.expressions)
        if chance.random() < 0.15:
            new = chance.choice(_AROUND) % data[span]
        return data[: span.start] + new + data[span.stop :]

    def _on_statement(
        self, data: bytes, span: slice, others: list[slice], chance: random.Random
    ) -> bytes:
        indent = _indent(data, span.start)
        here = _dedented(data, span)
        new = chance.choice(self._pool.statements)
        if chance.random() < 0.4:
            new = _dedented(data, chance.choice(others))
        which = chance.randrange(6)
        if which == 0:
            text = b"pass"
        elif which == 1:
            text = new
        elif which == 2:
            text = here + chance.choice((b"\n", b"\n", b"; ")) + new
        elif which == 3:
            text = new + b"\n" + here
        else:
            head = chance.choice(_WRAPPERS)
            deeper = b"\n    " if b"match" not in head else b"\n     "
            text = head + deeper + here.replace(b"\n", deeper)
        return data[: span.start] + text.replace(b"\n", b"\n" + indent) + data[span.stop :]

    def _insert(self, data: bytes, chance: random.Random) -> bytes:
        which = chance.randrange(5)
        if which == 0:
            return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n")))
        lines = data.split(b"\n")
        if which == 1:
            at = chance.randrange(len(lines))
            lines[at] += chance.choice(_COMMENTS)
        elif which == 2:
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(self._pool.statements))
        else:
            at = chance.randrange(len(data) + 1)
            return data[:at] + chance.choice((*_TOKENS, *_COMMENTS)) + data[at:]
        return b"\n".join(lines)


class WordMutator:
    """Puts words into a text, or mutates it byte by byte; begins anew with a seed now and then.

    What these targets do is mostly done by libraries, whose coverage libFuzzer does not see.
    """

    def __init__(self, words: list[bytes], seeds: list[bytes]) -> None:
        self._words = words
        self._seeds = seeds

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.3:
            data = chance.choice(self._seeds)
        if chance.random() < 0.4:
            return _bytewise(data, chance)[:max_size]
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(data) + 1)
            end = at + chance.choice((0, 0, 1, 4))
            data = data[:at] + chance.choice(self._words) + data[end:]
        return data[:max_size]


def _bytewise(data: bytes, chance: random.Random) -> bytes:
    """Delete, repeat, move or change a few bytes (libFuzzer's own mutations hang off its loop)."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = at + chance.choice((0, 1, 2, 8, 64))
        to = chance.randrange(len(data) + 1)
        part = data[at:end]
        which = chance.randrange(4)
        if which == 0:
            data = data[:at] + data[end:]
        elif which == 1:
            data = data[:to] + part + data[to:]
        elif which == 2:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        else:
            data = data[:at] + chance.choice(b" \n\t'\"#\\()=,.:0a").to_bytes(1, "big") + data[at:]
    return data


def _mutator(target: str) -> Mutator:
    if target == "config":
        return WordMutator(_WORDS_OF_CONFIGURATION, _CONFIGURATIONS)
    if target == "front":
        codings = [f"# coding: {name}\n".encode() for name in _codings()]
        return WordMutator([*codings, *_TOKENS, *_COMMENTS], list(_encoded_fixtures(codings)))
    return SourceMutator()


def _encoded_fixtures(codings: list[bytes]) -> Iterator[bytes]:
    """Yield fixtures as they would be in each of Python's codings."""
    fixtures = [path.read_text("utf-8") for path in sorted(ROOT.glob("fixtures/SVI101/*/*.py"))]
    for number, line in enumerate(codings):
        text = line.decode() + fixtures[number % len(fixtures)] + "# äöü ß 日本語\n"
        try:
            yield text.encode(line.split()[-1].decode(), "ignore")
        except (LookupError, ValueError, TypeError):  # no coding of texts
            yield text.encode()


def _codings() -> Iterator[str]:
    from encodings.aliases import aliases

    yield from sorted({*aliases, *aliases.values(), "utf8-sig", "klingon"})


# -- the run -----------------------------------------------------------------------------------


class Failures:
    """Keeps the first inputs of each kind of failure; the kind is where it was raised."""

    def __init__(self, folder: Path, check: Callable[[bytes], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._check = check

    def __call__(self, raw: bytes) -> None:
        try:
            self._check(raw)
        except Exception as error:
            self._keep(raw, error)

    def _keep(self, raw: bytes, error: Exception) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__}-{Path(frame.filename).stem}-{frame.lineno}"
        if len(list(self._folder.glob(f"{kind}-*.txt"))) >= MAX_FAILURES_OF_A_KIND:
            return
        name = f"{kind}-{hashlib.sha256(raw).hexdigest()[:8]}"
        (self._folder / f"{name}.bin").write_bytes(raw)
        (self._folder / f"{name}.txt").write_text(traceback.format_exc(), errors="replace")
        print(f"FAILURE {name}: {error}", file=sys.stderr)


def main() -> None:
    """Hand a target to libFuzzer, with our mutators."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--failures", type=Path)
    arguments, rest = parser.parse_known_args()
    import logging

    import atheris

    logging.disable()  # what flake8 logs about files that it cannot read
    with atheris.instrument_imports(include=["flake8_saveimage"]):
        _import_everything()
    check = TARGETS[arguments.target]
    if arguments.failures is not None:
        check = Failures(arguments.failures, check)
    options = [f"-max_len={MAX_LEN}", *rest]
    mutate = _mutator(arguments.target)
    atheris.Setup([sys.argv[0], *options], check, custom_mutator=mutate)
    atheris.Fuzz()


def _import_everything() -> None:
    import importlib
    import pkgutil

    import flake8_saveimage

    skipped = ("flake8_saveimage.runtime", "flake8_saveimage.guard", "flake8_saveimage.__main__")
    for module in pkgutil.walk_packages(flake8_saveimage.__path__, "flake8_saveimage."):
        if not module.name.startswith(skipped):
            importlib.import_module(module.name)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
