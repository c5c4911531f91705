"""The graph: the only place that knows all tables. Begin reading at `graph.py`."""
