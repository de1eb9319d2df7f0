"""A real S3 server for the local cloud and for tests: moto, with what Amazon's S3 promises and moto does not.

Conditional writes are atomic: moto looks at the condition and writes later, and in between another thread may come; one
lock around every write makes them one. Every object that was made is told: a line of JSON on standard output, which
stands for an event notification. And a restored copy of GLACIER or DEEP_ARCHIVE may take its time: moto has it there at
once, and here too unless its state manager is told to hold "s3::keyrestore"; while it is under way S3 refuses a second
restore (RestoreAlreadyInProgress) and a copy of a part (403 ObjectNotInActiveTierError), and moto takes both.

What still differs from Amazon's: a restored copy never goes again, whatever its days; all speeds are alike, and are taken
for every class; that second restore is refused by the same name, but with status 400.
Usage: moto_server.py PORT. Prints "ready" once it accepts connections, and ends when its standard input does: with the
process that started it, however that one ends.
"""

import functools
import json
import os
import socket
import sys
import threading
import time

from moto.s3 import notifications
from moto.s3.exceptions import ObjectNotInActiveTierError, S3ClientError
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES
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


class RestoreAlreadyInProgress(S3ClientError):
    code = "RestoreAlreadyInProgress"

    def __init__(self):
        super().__init__("Object restore is already in progress")


def ongoing(key):
    return 'ongoing-request="true"' in key.response_dict.get("x-amz-restore", "")


def begins_to_restore(restore):
    @functools.wraps(restore)
    def run(key, days):
        if ongoing(key):
            raise RestoreAlreadyInProgress()
        if key.expiry_date is None:
            # Otherwise it counts as restored until moto's state manager has looked at it once.
            key.status = "IN_PROGRESS"
        restore(key, days)

    return run


def only_of_restored(upload_part_copy):
    @functools.wraps(upload_part_copy)
    def run(backend, *args, **kwargs):
        source = backend.get_object(kwargs["src_bucket_name"], kwargs["src_key_name"], kwargs["src_version_id"])
        frozen = source is not None and source.storage_class in ARCHIVE_STORAGE_CLASSES
        if frozen and 'ongoing-request="false"' not in source.response_dict.get("x-amz-restore", ""):
            raise ObjectNotInActiveTierError(source)
        return upload_part_copy(backend, *args, **kwargs)

    return run


def announce(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            tell("ready")
            return


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


for name in writes:
    if not hasattr(S3Response, name):
        sys.exit(f"this moto has no S3Response.{name}: pin moto[s3]==5.2.5")
    setattr(S3Response, name, serialised(getattr(S3Response, name)))
if not hasattr(notifications, "send_event"):
    sys.exit("this moto tells no events: pin moto[s3]==5.2.5")
notifications.send_event = told
FakeKey.restore = begins_to_restore(FakeKey.restore)
S3Backend.upload_part_copy = only_of_restored(S3Backend.upload_part_copy)

port = int(sys.argv[1])
threading.Thread(target=announce, args=(port,), daemon=True).start()
threading.Thread(target=end_with_parent, daemon=True).start()
main(["-H", "127.0.0.1", "-p", str(port)])
