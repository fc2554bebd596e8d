"""Stand-in for pyOpenSSL 24.1.0. Holds none of its code."""

__version__ = '24.1.0'
