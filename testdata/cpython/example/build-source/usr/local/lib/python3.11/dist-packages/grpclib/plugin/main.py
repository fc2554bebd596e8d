"""Stand-in for grpclib 0.4.5. Holds none of its code."""


def main():
    print('grpclib 0.4.5')
