"""The order in which an anchor takes documents: by the smallest hash of (seed, source, anchor, document).

Another row, or a document more, leaves the order of all others as it was, which draws by position do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

AT_ONCE = 32
"""Documents with the smallest hashes that are looked for first; if they do not suffice, ever more."""


class Order:
    """Orders of documents, an anchor's own for each.

    The hash of an anchor and a document is (a x + b) mod 2^64, where x is the hash of the document's form, and a (odd)
    and b are drawn for seed, source and anchor (multiply-shift; Dietzfelbinger et al. 1997, section 2): two operations
    a pair, so that all documents can be asked.
    """

    def __init__(self, seed: int, source: str) -> None:
        """Draw the orders of a source."""
        self._seed, self._source = str(seed).encode(), source.encode()

    def factors(self, form: int) -> tuple[int, int]:
        """The numbers a and b of an anchor whose form has this hash."""
        words = len(self._source).to_bytes(8, "big") + self._source + form.to_bytes(8, "big")
        drawn = blake2b(words, key=self._seed, digest_size=16).digest()
        return int.from_bytes(drawn[:8], "big") | 1, int.from_bytes(drawn[8:], "big")

    def hashes(self, form: int, documents: np.ndarray) -> np.ndarray:
        """The hashes of an anchor and documents, uint64, of the hashes of their forms."""
        a, b = self.factors(form)
        hashes: np.ndarray = documents * np.uint64(a) + np.uint64(b)
        return hashes

    def sorted(self, form: int, documents: np.ndarray) -> Iterator[int]:
        """Yield places in `documents`, which are sorted, in the order of an anchor; only as far as it is read."""
        hashes = self.hashes(form, documents)
        wanted, last = AT_ONCE, -1
        while last < 2**64 - 1:
            # Of so many documents about `wanted` have a hash up to this one.
            bound = min(2**64 - 1, last + 2**64 * wanted // max(1, len(documents)))
            places = ((hashes <= np.uint64(bound)) & (hashes > np.uint64(last) if last >= 0 else True)).nonzero()[0]
            yield from places[hashes[places].argsort(kind="stable")].tolist()
            last, wanted = bound, 8 * wanted
