"""The program: the only place that touches the world and wires the rooms together."""
