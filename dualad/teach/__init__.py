"""A computation made visible: its trace as a table, its graph as a drawing, its sweeps as a page."""
