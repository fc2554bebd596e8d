"""Stand-in for importlib-resources 5.13.0. Holds none of its code."""

__version__ = '5.13.0'
