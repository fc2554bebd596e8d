"""Stand-in for appdirs 1.4.4. Holds none of its code."""

__version__ = '1.4.4'
