"""Stand-in for sphinxcontrib-jsmath 1.0.1. Holds none of its code."""

__version__ = '1.0.1'
