"""Stand-in for sigstore 1.1.2. Holds none of its code."""


def main():
    print('sigstore 1.1.2')
