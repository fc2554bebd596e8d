"""Stand-in for async-timeout 4.0.2. Holds none of its code."""

__version__ = '4.0.2'
