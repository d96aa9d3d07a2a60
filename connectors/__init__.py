"""One folder per provider: a pull generator and a pure parser each."""
