"""Stand-in for sigstore 1.1.2. Holds none of its code."""

__version__ = '1.1.2'
