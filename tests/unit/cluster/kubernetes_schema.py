"""Kubernetes' own schema, strict: an unknown field is refused."""

import functools

import kubernetes_validate
from kubernetes_validate import utils

VERSION = "1.34"  # not the newest: what came later is refused


@functools.cache
def _contents(filename, desired_version):
    return _read(filename, desired_version)


_read = utils.schema_contents


def check(manifest):
    """Raise `kubernetes_validate.ValidationError` where a field is unknown, missing or of another type."""
    utils.schema_contents = _contents  # 2 MB of definitions, read anew for each manifest otherwise
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    finally:
        utils.schema_contents = _read


def check_template(template):
    """The same for a pod template, as the pod that it makes."""
    metadata = {"name": "of-a-template"} | template.get("metadata", {})
    check({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
