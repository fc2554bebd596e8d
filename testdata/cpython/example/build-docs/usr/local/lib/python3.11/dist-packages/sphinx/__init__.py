"""Stand-in for Sphinx 7.3.7. Holds none of its code."""

__version__ = '7.3.7'
