#!/usr/bin/env python3
"""Renders each kustomization of deploy/kubernetes and checks it offline: against Kubernetes' own schemas, strictly, and against
the rules that a pod of ours keeps (README.md, "As a sidecar"). Every ASPIRED_* variable and argument is given to the program.

Usage: manifests.py ASPIRED    (kubectl on the PATH; kubernetes-validate installed)
"""

import os
import re
import subprocess
import sys

import kubernetes_validate
import yaml

# The first with native sidecars by default, and the newest that is known.
KUBERNETES = ("1.29", kubernetes_validate.latest_version())
PLACE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kubernetes")
# What each folder holds: the container list that aspired stands in, its command, whether it is restarted for ever.
KINDS = {
    "sidecar": ("initContainers", "run", "Always"),
    "triton": ("initContainers", "run", "Always"),
    "init": ("initContainers", "once", None),
    "daemon": ("containers", "run", None),
}
HOURS = 2 * 3600


def size(text):
    """Bytes of 20Gi, 18GiB or 5GB."""
    number, unit = re.fullmatch(r"(\d+)([KMGT]?i?)B?", text).groups()
    power = " KMGT".index(unit[:1] or " ")
    return int(number) * (1024 if unit.endswith("i") else 1000) ** power


def rendered(folder):
    run = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"manifests: {run.stderr.strip()}")
    return [document for document in yaml.safe_load_all(run.stdout) if document]


def schema_faults(document):
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(str(part) for part in error.path)}: {error.message}"


def pod_faults(deployment, pod, containers):
    security = pod.get("securityContext", {})
    if pod.get("enableServiceLinks") is not False:
        yield "enableServiceLinks is not false"
    if pod.get("automountServiceAccountToken") is not False:
        yield "a service account's token is mounted"
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser") or not security.get("runAsGroup"):
        yield "the pod does not say runAsNonRoot, runAsUser and runAsGroup"
    if security.get("fsGroup") != security.get("runAsGroup"):
        yield "fsGroup is not runAsGroup"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{name} is on"
    waits = [seconds(container["startupProbe"]) for container in containers if "startupProbe" in container]
    if deployment["spec"].get("progressDeadlineSeconds", 600) < sum(waits):
        yield "progressDeadlineSeconds is shorter than the startup probes wait"


def container_faults(container):
    security = container.get("securityContext", {})
    if {"runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile"} & set(security):
        yield "has another user than the pod"
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "privileges can be gained"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "not all capabilities are dropped"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "the root file system can be written"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
        yield "requests or limits are missing"
    if not re.fullmatch(r".+:\d[\w.-]*", container["image"]):
        yield f"the image {container['image']} has no version"
    ports = {port["name"] for port in container.get("ports", [])}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        for action in ("httpGet", "tcpSocket"):
            probe = container.get(kind, {}).get(action)
            if probe and probe["port"] not in ports:
                yield f"its {kind} asks a port that it does not have"
    if container.get("readinessProbe", {}).get("httpGet", {}).get("path") == "/readyz":
        yield "a readiness probe on /readyz takes the server out of its Service while the sidecar restarts"
    if "livenessProbe" in container and "startupProbe" not in container:
        yield "a liveness probe without a startup probe ends a container that starts slowly"


def seconds(probe):
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)


def puller_faults(folder, pod, aspired):
    place, command, restart_policy = KINDS[folder]
    if aspired not in pod.get(place, []) or aspired["args"][0] != command or aspired.get("restartPolicy") != restart_policy:
        yield f"is not {command} in {place} with restartPolicy {restart_policy}"
    if command == "run":
        probes = {kind: aspired.get(kind, {}) for kind in ("startupProbe", "livenessProbe")}
        paths = [probe.get("httpGet", {}).get("path") for probe in probes.values()]
        if paths != ["/readyz", "/healthz"]:
            yield f"its probes ask {paths}"
        if seconds(probes["startupProbe"]) < HOURS:
            yield "its startup probe does not wait for hours"
    elif {"startupProbe", "livenessProbe", "readinessProbe", "ports"} & set(aspired):
        yield "an init container that ends has no probes and ports"
    mounted = [mount for mount in aspired["volumeMounts"] if not mount.get("readOnly")]
    if len(mounted) != 1:
        yield "it writes to more than one volume, or none"
        return
    volume = next(volume for volume in pod["volumes"] if volume["name"] == mounted[0]["name"])
    environment = {entry["name"]: entry.get("value") for entry in aspired.get("env", [])}
    if "emptyDir" in volume:
        bound = environment.get("ASPIRED_MAX_VOLUME")
        if not environment.get("ASPIRED_KEEP_FREE") or not bound:
            yield "its emptyDir has no ASPIRED_KEEP_FREE and ASPIRED_MAX_VOLUME"
        elif size(bound) >= size(volume["emptyDir"].get("sizeLimit", "0")):
            yield "ASPIRED_MAX_VOLUME is not below the sizeLimit, over which kubelet evicts the pod"
    for container in pod["containers"]:
        for mount in container["volumeMounts"]:
            if container is not aspired and mount["name"] == volume["name"] and mount.get("readOnly") is not True:
                yield f"{container['name']} can write to the volume"


def configuration_faults(program, aspired):
    """What the program itself says of the variables and arguments."""
    arguments = [program, "config"] + aspired["args"][1:]
    variables = {entry["name"]: entry["value"] for entry in aspired.get("env", []) if "value" in entry}
    run = subprocess.run(arguments, env=variables, capture_output=True, text=True)
    if run.returncode:
        yield from (run.stdout.partition("FAULTS\n")[2] + run.stderr).strip().splitlines()


def faults(folder, documents, program):
    malformed = [f"{document['kind']}: {fault}" for document in documents for fault in schema_faults(document)]
    if malformed:
        yield from malformed
        return
    deployments = [document for document in documents if document["kind"] == "Deployment"]
    if len(deployments) != 1:
        yield f"{len(deployments)} Deployments, not one"
        return
    deployment = deployments[0]
    pod = deployment["spec"]["template"]["spec"]
    containers = pod.get("initContainers", []) + pod["containers"]
    yield from pod_faults(deployment, pod, containers)
    for container in containers:
        for fault in container_faults(container):
            yield f"{container['name']}: {fault}"
    aspired = next(container for container in containers if container["name"] == "aspired")
    for fault in puller_faults(folder, pod, aspired):
        yield f"aspired: {fault}"
    for fault in configuration_faults(program, aspired):
        yield f"aspired config: {fault}"
    if any("persistentVolumeClaim" in volume for volume in pod["volumes"]):
        if deployment["spec"]["replicas"] != 1 or deployment["spec"].get("strategy", {}).get("type") != "Recreate":
            yield "a shared volume has one writer: replicas 1, strategy Recreate"


def main(program):
    failed = False
    for folder in KINDS:
        documents = rendered(os.path.join(PLACE, folder))
        found = list(faults(folder, documents, program))
        kinds = ", ".join(document["kind"] for document in documents)
        print(f"{folder:8} {kinds}: " + ("as it shall be" if not found else f"{len(found)} faults"))
        for fault in found:
            print(f"         {fault}")
        failed = failed or bool(found)
    print(f"checked strictly against the schemas of Kubernetes {' and '.join(KUBERNETES)}")
    sys.exit(failed)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]))
