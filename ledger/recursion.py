"""How deep Python may call itself, after libraries of Ethereum have set that to what a C stack does not hold.

`py_ecc` sets 100,000 when it is imported: JSON that is nested as deeply ends the process then, instead of being refused.
"""

import sys

MAX_DEPTH_COUNT = 12_288
"""What py-evm asks for, 12 calls of Python for each of 1,024 calls of contracts; 8 MiB of stack hold it."""


def bound_recursion() -> None:
    """Set the limit back to what the stack holds; to be called after such a library was imported."""
    if sys.getrecursionlimit() > MAX_DEPTH_COUNT:
        sys.setrecursionlimit(MAX_DEPTH_COUNT)
