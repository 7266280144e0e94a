"""Asks a model of Triton fifty times a second, until it is terminated: infer.py PORT MODEL.

Then prints as JSON how many answers there were, which ones, each named once in a row, and what failed.
"""

import http.client
import json
import signal
import sys
import threading
import time

port, model = int(sys.argv[1]), sys.argv[2]
body = json.dumps({"inputs": [{"name": "IN", "shape": [1], "datatype": "INT32", "data": [0]}]})
answers, seen, failures = 0, [], []
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())

connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
due = time.monotonic()
while not stopped.is_set():
    try:
        connection.request("POST", f"/v2/models/{model}/infer", body)
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            failures.append(f"{response.status}: {text}")
        else:
            answers += 1
            answer = json.loads(text)["outputs"][0]["data"][0]
            if seen[-1:] != [answer]:
                seen.append(answer)
    except Exception as error:  # noqa: BLE001: whatever it is, an answer is missing
        failures.append(repr(error))
        connection.close()
    due += 0.02
    time.sleep(max(0, due - time.monotonic()))
print(json.dumps({"answers": answers, "seen": seen, "failures": failures[:5], "failed": len(failures)}))
