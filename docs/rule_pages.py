"""The pages that are made from the code: one for each rule, their table, the changelog.

A hook of mkdocs. ``python docs/rule_pages.py`` writes the table of the rules into README.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from flake8_saveimage.rules import all_rules, documentation
from flake8_saveimage.rules.base import Rule

ROOT = Path(__file__).resolve().parent.parent
HEADINGS = (
    "What it does",
    "Why is this bad",
    "Example",
    "Use instead",
    "Fix safety",
    "How to configure",
)
TABLE = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- /rules -->)", re.DOTALL)
FAMILIES = {
    "SVI1": "The file is overwritten",
    "SVI2": "The colours are wrong",
    "SVI3": "The call cannot work, or saves more than intended",
}


def sections(code: str) -> dict[str, str]:
    """Return the sections of a rule's page by heading; what comes before them is ``""``."""
    parts = re.split(r"^## (.+)\n", documentation(code), flags=re.MULTILINE)
    return {"": parts[0].strip()} | {
        heading.strip(): text.strip()
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def example(code: str, heading: str) -> str:
    """Return the first block of Python below a heading, or nothing."""
    block = re.search(r"^```python\n(.*?)^```", sections(code).get(heading, ""), re.DOTALL | re.M)
    return block.group(1) if block else ""


def page(rule: Rule) -> str:
    """Return a rule's page (Markdown)."""
    state = (
        "On by default."
        if rule.default
        else f"Off by default: `extend-select = {rule.code}` turns it on."
    )
    body = documentation(rule.code).partition("\n")[2].strip()
    return f"# {rule.code}: {rule.title}\n\n*{rule.name}. {state}*\n\n{body}\n"


def table(link: str) -> str:
    """Return the table of all rules (Markdown). ``link`` is the address of a page, with {code}."""
    lines = ["| code | what it finds | default |", "|---|---|---|"]
    for rule in all_rules():
        code = f"[{rule.code}]({link.format(code=rule.code)})" if link else rule.code
        lines.append(f"| {code} | {rule.title} | {'on' if rule.default else 'off'} |")
    return "\n".join(lines) + "\n"


def index() -> str:
    """Return the page that lists the rules."""
    families = "\n".join(
        f"- **{family}xx** {what[0].lower()}{what[1:]}" for family, what in FAMILIES.items()
    )
    return (
        "# Rules\n\n"
        f"{families}\n\n"
        f"{table('{code}.md')}\n"
        "Rules that are off by default also report what may be intentional; turn them on with\n"
        "`extend-select`. `flake8-saveimage explain SVI101` prints a page on the terminal.\n"
    )


def pages() -> dict[str, str]:
    """Return every page that is made here: its address in the site, and its text."""
    made = {f"rules/{rule.code}.md": page(rule) for rule in all_rules()}
    return {
        "rules/index.md": index(),
        **made,
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }


def on_config(config: Any) -> Any:
    """List the rules' pages in the navigation."""
    named = ({f"{rule.code} {rule.name}": f"rules/{rule.code}.md"} for rule in all_rules())
    rules = ["rules/index.md", *named]
    config.nav = [
        {"Rules": rules} if item == {"Rules": "rules/index.md"} else item for item in config.nav
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the site."""
    from mkdocs.structure.files import File

    for address, text in pages().items():
        files.append(File.generated(config, address, content=text))
    return files


def main() -> None:
    """Write the table of the rules into README.md."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(TABLE.sub(lambda _: table(""), text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
