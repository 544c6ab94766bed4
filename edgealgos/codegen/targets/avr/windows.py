"""Stretches of a vector that pointers of AVR code reach; knows no programs."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 64  # bytes that one pointer reaches


@dataclass(frozen=True)
class Windows:
    """Stretches of a vector that pointers reach; Y stands at the first one.

    Parameters
    ----------
    starts : tuple of int
        First element of each.
    size : int
        Bytes of an element.
    bases : tuple of str
        Low registers of the addresses of the second and further ones, where there are several of these and registers
        for them.
    """

    starts: tuple[int, ...]
    size: int
    bases: tuple[str, ...] = ()

    def of(self, element: int) -> tuple[int, int]:
        """The window of an element, and its place there in bytes."""
        reach = WINDOW // self.size
        for i, start in enumerate(self.starts):
            if start <= element < start + reach:
                return i, (element - start) * self.size
        raise AssertionError(element)

    def turned_to(self, window: int) -> tuple[str, int]:
        """What makes Z reach a window that is not the first one, and its words, each a cycle."""
        if len(self.starts) == 2:
            return "", 0
        if window <= len(self.bases):
            return f"EDGEALGOS_OTHER_WINDOW({self.bases[window - 1]}) ", 1
        return f"EDGEALGOS_FAR_WINDOW({(self.starts[window] - self.starts[0]) * self.size}) ", 3


def windows_of(visits: dict[int, float], size: int) -> Windows:
    """Windows that reach every element which is read, the first one what is read most."""
    reach = WINDOW // size
    used = sorted(visits)
    first = max(used, key=lambda s: (sum(visits[e] for e in used if s <= e < s + reach), -s))
    starts = [first]
    for element in used:
        if not any(start <= element < start + reach for start in starts):
            starts.append(element)
    return Windows(tuple(starts), size)
