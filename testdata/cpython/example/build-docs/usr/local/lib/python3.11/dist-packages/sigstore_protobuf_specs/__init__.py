"""Stand-in for sigstore-protobuf-specs 0.1.0. Holds none of its code."""

__version__ = '0.1.0'
