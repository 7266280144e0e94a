"""Signs requests as botocore does: reads one JSON object a line from a file, writes one a line to standard output.

Only botocore's own encoding and signing are used, so that a mistake of ours cannot agree with itself.
"""

import json
import sys
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode


def signed(case):
    url = case["endpoint"] + "/" + percent_encode(case["key"], safe="/~")
    request = AWSRequest(
        method=case["method"],
        url=url,
        headers=dict(case["headers"]),
        params=[(name, value) for name, value in case["query"]],
    )
    request.context["timestamp"] = case["time"]
    credentials = Credentials(case["id"], case["secret"], case["token"] or None)
    signer = S3SigV4Auth(credentials, "s3", case["region"])
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return {
        "path": urlsplit(url).path,
        "query": signer.canonical_query_string(request),
        "canonical": canonical,
        "authorization": request.headers["Authorization"],
    }


for line in open(sys.argv[1], encoding="utf-8"):
    print(json.dumps(signed(json.loads(line))))
