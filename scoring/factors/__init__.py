"""The factor set: what publishers say about emissions per unit of activity, where, and in which year."""
