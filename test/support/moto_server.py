"""A real S3 API on loopback for the tests: moto, with its conditional writes made atomic.

moto looks at a key's condition and writes it in two steps, between which another thread may come; one lock around every
write makes them one. Usage: moto_server.py PORT. Prints "ready" on standard output once it accepts connections.
"""

import functools
import socket
import sys
import threading
import time

from moto.s3.responses import S3Response
from moto.server import main

writes = ("put_object", "copy_object", "delete_object")
one_at_a_time = threading.RLock()


def serialised(method):
    @functools.wraps(method)
    def run(*args, **kwargs):
        with one_at_a_time:
            return method(*args, **kwargs)

    return run


def announce(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            print("ready", flush=True)
            return


for name in writes:
    if not hasattr(S3Response, name):
        sys.exit(f"this moto has no S3Response.{name}: pin moto[s3]==5.2.5")
    setattr(S3Response, name, serialised(getattr(S3Response, name)))

port = int(sys.argv[1])
threading.Thread(target=announce, args=(port,), daemon=True).start()
main(["-H", "127.0.0.1", "-p", str(port)])
