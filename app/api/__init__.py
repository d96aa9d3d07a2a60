"""HTTP: one file per noun, and the edge that stands before all of them."""
