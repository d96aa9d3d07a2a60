"""What an amount of electricity at a US ZIP code emits, and why that factor.

python examples/estimate_bill.py 412.5 94110 2023
"""

import sys
from datetime import date

from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set


def main(arguments: list[str]) -> int:
    """Print grams, factor and every step of its choice; 1 where it cannot be scored."""
    if len(arguments) != 3:  # noqa: PLR2004 - kWh, ZIP, year
        sys.stderr.write("usage: python examples/estimate_bill.py KWH ZIP YEAR\n")
        return 2
    kwh_text, zip_text, year_text = arguments
    request = {
        "kind": "electricity",
        "quantity": kwh_text,
        "unit": "kWh",
        "start": f"{year_text}-01-01",
        "end": f"{year_text}-12-31",
        "region": f"US/zip/{zip_text}",
    }
    answer = estimate(request, factor_set=shipped_factor_set(), today_date=date(2026, 1, 1))
    problem = answer.get("error")
    if isinstance(problem, dict):
        sys.stdout.write(f"{problem['message']}: expected {problem['expected']}, got {problem['got']}. {problem['next_step']}\n")
        return 1
    for name, value in answer.items():
        if name == "steps" and isinstance(value, list):
            sys.stdout.writelines(f"step: {step}\n" for step in value)
        elif not isinstance(value, dict | list):
            sys.stdout.write(f"{name}: {value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
