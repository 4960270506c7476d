# Serves S3 from memory with one bucket, and prints where; ends when its standard input does.
#
# Moto looks at conditions first and stores then, without a lock in between, so requests get one here: a store in
# which both are one step is what is tested.
import os
import sys
import threading

import boto3
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

inner = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()


def one_at_a_time(environ, start_response):
    with lock:
        return [b"".join(inner(environ, start_response))]


os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_REGION="us-east-1")
server = make_server("127.0.0.1", 0, one_at_a_time, True, request_handler=MotoRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}"
boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket=sys.argv[1])
print(url, flush=True)
sys.stdin.read()
