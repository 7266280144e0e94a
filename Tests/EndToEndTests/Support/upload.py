"""Fills an S3 server: upload.py ENDPOINT FOLDER [parts] makes a bucket of each folder in FOLDER, and an object of each file in it.

With `parts` files of 8 MiB and more are uploaded in parts of 8 MiB, with the checksum that the first folder in the bucket is named
after: `none`, `default` for what boto3 does by itself, else one of S3's, and `-whole` behind it for one of the whole object.
The key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import pathlib
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

endpoint, folder, in_parts = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] == ["parts"]


def client(checksums):
    config = Config(request_checksum_calculation=checksums, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)


def extra(name):
    if name in ("none", "default"):
        return {}
    algorithm, whole, _ = name.partition("-whole")
    return {"ChecksumAlgorithm": algorithm.upper()} | ({"ChecksumType": "FULL_OBJECT"} if whole else {})


usual, bare = client("when_supported"), client("when_required")
for bucket in sorted(path for path in folder.iterdir() if path.is_dir()):
    usual.create_bucket(Bucket=bucket.name)
    for path in sorted(bucket.rglob("*")):
        if not path.is_file():
            continue
        key = path.relative_to(bucket)
        if in_parts:
            s3 = bare if key.parts[0] == "none" else usual
            config = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)
            s3.upload_file(str(path), bucket.name, str(key), ExtraArgs=extra(key.parts[0]), Config=config)
        else:
            usual.upload_file(str(path), bucket.name, str(key))
