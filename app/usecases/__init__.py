"""What the product does: one verb a file. A use case takes its services and a transaction; it never speaks HTTP."""
