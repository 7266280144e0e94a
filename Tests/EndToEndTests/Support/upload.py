"""Fills an S3 server: upload.py ENDPOINT FOLDER makes a bucket of each folder in FOLDER, and an object of each file in it.

The key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import pathlib
import sys

import boto3

endpoint, folder = sys.argv[1], pathlib.Path(sys.argv[2])
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
for bucket in sorted(path for path in folder.iterdir() if path.is_dir()):
    s3.create_bucket(Bucket=bucket.name)
    for path in sorted(bucket.rglob("*")):
        if path.is_file():
            s3.upload_file(str(path), bucket.name, str(path.relative_to(bucket)))
