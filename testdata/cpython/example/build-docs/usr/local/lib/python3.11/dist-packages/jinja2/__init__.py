"""Stand-in for Jinja2 3.1.3. Holds none of its code."""

__version__ = '3.1.3'
