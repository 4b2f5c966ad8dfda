"""Ports for the servers of tests.

What a test is given here is its own for as long as it may run: no connection takes it for its near end, since it is
below the range that the system gives those from, and no other test that runs now is given the same. A port that was
found by binding to 0 would be neither: between that and the server's own start anything may take it.
"""

import fcntl
import os
import socket
import tempfile

LEAST = 5000
MOST = 11999  # `brusio cluster start` picks its own above
TURN = os.path.join(tempfile.gettempdir(), f"brusio-test-ports-{os.getuid()}")  # whose turn is next


def is_free(port):
    """Whether a server could listen on this port of the loopback interface."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free(count):
    """So many ports of the loopback interface that nobody listens on; each is given again after all others only."""
    with open(TURN, "a+", encoding="ascii") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        written = turn.read()
        port = int(written) if written.isdigit() and LEAST <= int(written) <= MOST else LEAST
        found = []
        for _ in range(MOST - LEAST + 1):
            if len(found) == count:
                break
            if is_free(port):
                found.append(port)
            port = port + 1 if port < MOST else LEAST
        turn.truncate(0)
        turn.write(str(port))
    if len(found) < count:
        raise AssertionError(f"no {count} ports from {LEAST} to {MOST} are free")
    return found
