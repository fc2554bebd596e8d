"""Stand-in for python-docs-theme 2024.3. Holds none of its code."""

__version__ = '2024.3'
