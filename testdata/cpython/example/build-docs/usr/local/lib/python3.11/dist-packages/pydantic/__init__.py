"""Stand-in for pydantic 1.10.15. Holds none of its code."""

__version__ = '1.10.15'
