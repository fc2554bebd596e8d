"""Stand-in for cryptography 42.0.5. Holds none of its code."""

__version__ = '42.0.5'
