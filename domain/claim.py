"""Units of a registry (credits, certificates): what names them, so that the same ones are found however they were typed."""


def claimed_name(registry: str, serial: str) -> tuple[str, str]:
    """What is the same for the same units: case and spaces are not told apart, as people write them differently.

    Args:
        registry: Registry that the units are of, as it was said.
        serial: Serial numbers, as they were said.

    Returns:
        Both without spaces and case: only for comparing, what was said stays in every record.
    """
    return _compared(registry), _compared(serial)


def _compared(text: str) -> str:
    return "".join(text.split()).casefold()
