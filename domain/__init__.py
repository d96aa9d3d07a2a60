"""The nouns: plain frozen values, units, errors. Standard library only; no input, no output."""
