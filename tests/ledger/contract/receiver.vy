# pragma version 0.4.3
# pragma evm-version prague
"""
@title A holder that is a contract, for tests
@notice Takes units, refuses them, answers nonsense, or calls back while it is called.
"""

TAKES: constant(uint256) = 0
REFUSES: constant(uint256) = 1
ANSWERS_NONSENSE: constant(uint256) = 2
CALLS_BACK: constant(uint256) = 3

mood: uint256
target: address
then: Bytes[4096]
asked_count: public(uint256)
has_called: public(bool)
last_operator: public(address)
last_sender: public(address)
last_data: public(Bytes[1024])


@deploy
def __init__(mood: uint256):
    self.mood = mood


@external
def set_then(target: address, then: Bytes[4096]):
    """@notice What to call when it is called back (once)."""
    self.target = target
    self.then = then


@external
def execute(target: address, data: Bytes[4096]):
    """@notice Call anything as this account."""
    raw_call(target, data)


@external
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1024]) -> bytes4:
    self._ask(operator, sender, data)
    return 0x12345678 if self.mood == ANSWERS_NONSENSE else 0xf23a6e61


@external
def onERC1155BatchReceived(
    operator: address, sender: address, ids: DynArray[uint256, 128], amounts: DynArray[uint256, 128], data: Bytes[1024]
) -> bytes4:
    self._ask(operator, sender, data)
    return 0x12345678 if self.mood == ANSWERS_NONSENSE else 0xbc197c81


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    return interface_id in [0x01ffc9a7, 0x4e2312e0]


@internal
def _ask(operator: address, sender: address, data: Bytes[1024]):
    assert self.mood != REFUSES, "not today"
    self.asked_count += 1
    self.last_operator = operator
    self.last_sender = sender
    self.last_data = data
    if self.mood == CALLS_BACK and self.asked_count == 1:
        self.has_called = raw_call(self.target, self.then, max_outsize=0, revert_on_failure=False)
