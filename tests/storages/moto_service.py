"""An S3-compatible service that checks signatures: `.venv-storages/bin/python tests/storages/moto_service.py`.

It writes its URL and an access key to its output, and ends when it is killed. moto checks each signature by botocore's.
"""

import json
import logging
import signal
from typing import Any

ROLE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def main() -> None:
    """Serve until the input ends."""
    import boto3  # type: ignore[import-not-found] # noqa: PLC0415 - it has packages of its own
    import requests  # noqa: PLC0415 - the same
    from moto.s3 import models  # type: ignore[import-not-found] # noqa: PLC0415 - the same
    from moto.server import ThreadedMotoServer  # type: ignore[import-not-found] # noqa: PLC0415 - the same

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Tests write small parts.
    models.S3_UPLOAD_PART_MIN_SIZE = 1024
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    iam: Any = boto3.client(
        "iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="first", aws_secret_access_key="first"
    )
    iam.create_user(UserName="fanfare")
    iam.put_user_policy(UserName="fanfare", PolicyName="all", PolicyDocument=ROLE)
    key = iam.create_access_key(UserName="fanfare")["AccessKey"]
    # From now on each request must be signed.
    requests.post(f"{url}/moto-api/reset-auth", data=b"0", timeout=60)
    facts = {"url": url, "access_key_id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    print(json.dumps(facts), flush=True)  # noqa: T201 - the answer
    signal.pause()


if __name__ == "__main__":
    main()
