"""A real S3 server for the local cloud and for tests: moto, with two properties that Amazon's S3 promises and moto does not.

Conditional writes are atomic: moto looks at the condition and writes later, and in between another thread may come; one
lock around every write makes them one. And every object that was made is told: a line of JSON on standard output, which
stands for an event notification. Usage: moto_server.py PORT. Prints "ready" once it accepts connections.
"""

import functools
import json
import socket
import sys
import threading
import time

from moto.s3 import notifications
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


def tell(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def told(_account, event, bucket, key):
    kind = event.value.removeprefix("s3:")
    if kind.startswith("ObjectCreated:"):
        made = {"event": kind, "bucket": bucket.name, "key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        tell(json.dumps(made))


def announce(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            tell("ready")
            return


for name in writes:
    if not hasattr(S3Response, name):
        sys.exit(f"this moto has no S3Response.{name}: pin moto[s3]==5.2.5")
    setattr(S3Response, name, serialised(getattr(S3Response, name)))
if not hasattr(notifications, "send_event"):
    sys.exit("this moto tells no events: pin moto[s3]==5.2.5")
notifications.send_event = told

port = int(sys.argv[1])
threading.Thread(target=announce, args=(port,), daemon=True).start()
main(["-H", "127.0.0.1", "-p", str(port)])
