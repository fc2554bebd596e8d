"""Stand-in for sphinxcontrib-serializinghtml 1.1.10. Holds none of its code."""

__version__ = '1.1.10'
