"""Text that is generated and committed: held to what generates it, with a diff, or rewritten by ``pytest --fix``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from support.trees import ROOT


@dataclass(frozen=True)
class Generated:
    """What the tests of generated text call."""

    fix: bool

    def file(self, path: Path, expected: str) -> None:
        """Hold a whole file to the text that it should be."""
        found = path.read_text(encoding="utf-8") if path.is_file() else ""
        if found == expected:
            return
        if self.fix:
            path.write_text(expected, encoding="utf-8")
            return
        name = path.relative_to(ROOT).as_posix()
        diff = difflib.unified_diff(
            found.splitlines(), expected.splitlines(), f"{name} as it is", f"{name} as it should be", lineterm=""
        )
        raise AssertionError("not as generated; `make fix` rewrites it:\n" + "\n".join(diff))

    def part(self, path: Path, name: str, expected: str) -> None:
        """Hold a part of a page to its text: what stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``."""
        found = path.read_text(encoding="utf-8")
        pattern = re.compile(rf"(<!-- {name}[^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        assert len(pattern.findall(found)) == 1, f"{path.name} has no part named {name!r}"
        self.file(path, pattern.sub(lambda match: f"{match[1]}{expected}{match[2]}", found))
