"""The manifests of cluster/kuberay: their fields, against strict schemas, and what they promise each other."""

import copy
import json
from functools import reduce
from operator import getitem
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from kuberay_schema import Kustomization, RayService
from kubernetes_schema import check, check_template
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

import check_configs
from serve_app.engines import MINIO_VARIABLES

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cluster" / "kuberay"
FILES = sorted(FOLDER.glob("*.yaml"))
DOCUMENTS = [(path.name, document) for path in FILES for document in yaml.safe_load_all(path.read_text())]
PLAIN = [document for _, document in DOCUMENTS if document["kind"] not in ("RayService", "Kustomization")]
SERVICE = next(document for _, document in DOCUMENTS if document["kind"] == "RayService")
KUSTOMIZATION = next(document for _, document in DOCUMENTS if document["kind"] == "Kustomization")
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
WORKERS = {group["groupName"]: group for group in CLUSTER["workerGroupSpecs"]}
PRODUCTION = yaml.safe_load((ROOT / "configs" / "production.yaml").read_text())
DEPLOYMENTS = PRODUCTION["applications"][0]["deployments"]


def named(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def of_kind(kind):
    return {document["metadata"]["name"]: document for document in PLAIN if document["kind"] == kind}


def templates():
    """Every pod template by name."""
    ray = {"head": CLUSTER["headGroupSpec"]["template"]} | {name: group["template"] for name, group in WORKERS.items()}
    owners = [document for document in PLAIN if document["kind"] in ("StatefulSet", "Job")]
    return ray | {named(owner): owner["spec"]["template"] for owner in owners}


def containers():
    return [(name, container) for name, template in templates().items() for container in template["spec"]["containers"]]


@pytest.mark.parametrize("manifest", PLAIN, ids=named)
def test_a_plain_manifest_fits_kubernetes_own_schema(manifest):
    check(manifest)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Service", lambda it: it["spec"].update(selektor={})),
        ("StatefulSet", lambda it: it["spec"].update(replica=1)),
        ("StatefulSet", lambda it: it["spec"]["template"]["spec"]["containers"][0].update(livenesProbe={})),
        ("Job", lambda it: it["spec"].update(backofLimit=1)),
        ("PodDisruptionBudget", lambda it: it["spec"].update(minAvailabel=1)),
        ("Secret", lambda it: it.update(stringdata={})),
    ],
)
def test_a_misspelt_field_of_a_plain_manifest_is_refused(kind, change):
    manifest = copy.deepcopy(next(iter(of_kind(kind).values())))
    change(manifest)
    with pytest.raises(kubernetes_validate.ValidationError, match=r"unexpected|not valid"):
        check(manifest)


def test_the_ray_service_has_only_fields_of_kuberay():
    RayService.model_validate(SERVICE)


RAY = "rayClusterConfig"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ((), {"upgradeStrategie": {}}),
        (("upgradeStrategy",), {"type": "NewClusters"}),
        ((RAY,), {"enableInTreeAutoscalling": True}),
        ((RAY, "autoscalerOptions"), {"idleTimeout": 1}),
        ((RAY, "gcsFaultToleranceOptions"), {"redisPasswort": {}}),
        ((RAY, "headGroupSpec"), {"replicas": 1}),
        ((RAY, "headGroupSpec", "rayStartParams"), {"num-cpus": 0}),
        ((RAY, "workerGroupSpecs", 1), {"maxReplica": 9}),
    ],
)
def test_a_misspelt_field_of_the_ray_service_is_refused(path, change):
    manifest = copy.deepcopy(SERVICE)
    reduce(getitem, path, manifest["spec"]).update(change)
    with pytest.raises(ValidationError) as refused:
        RayService.model_validate(manifest)
    assert [error["loc"] for error in refused.value.errors()] == [("spec", *path, *change)]


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        (("workerGroupSpecs", 1), {"maxReplicas": 0}, "minReplicas <= replicas <= maxReplicas"),
        (("headGroupSpec",), {"resources": {"CPU": "0"}}, "either in rayStartParams or in resources"),
        (("headGroupSpec", "template", "spec"), {"restartPolicy": "Always"}, "restartPolicy must be Never"),
    ],
)
def test_what_kuberays_operator_refuses_is_refused(path, change, told):
    manifest = copy.deepcopy(SERVICE)
    reduce(getitem, path, manifest["spec"][RAY]).update(change)
    with pytest.raises(ValidationError, match=told):
        RayService.model_validate(manifest)


@pytest.mark.parametrize("name", ["head", "cpu", "gpu"])
def test_a_pod_template_of_ray_fits_kubernetes_own_schema(name):
    check_template(templates()[name])


def test_a_misspelt_field_of_a_pod_template_is_refused():
    template = copy.deepcopy(templates()["gpu"])
    template["spec"]["containers"][0]["volumeMounts"][1]["readonly"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readonly"):
        check_template(template)


def test_kustomize_gets_every_file_but_the_example_of_secrets():
    listed = Kustomization.model_validate(KUSTOMIZATION).resources
    assert sorted(listed) == [
        path.name for path in FILES if path.name not in ("kustomization.yaml", "secrets.example.yaml")
    ]


def test_a_misspelt_field_of_the_kustomization_is_refused():
    with pytest.raises(ValidationError, match="resource"):
        Kustomization.model_validate({**KUSTOMIZATION, "resource": []})


def test_the_service_runs_the_production_config_word_for_word():
    embedded = SERVICE["spec"]["serveConfigV2"]
    assert yaml.safe_load(embedded) == PRODUCTION
    assert embedded.strip() == (ROOT / "configs" / "production.yaml").read_text().strip()


def test_the_embedded_config_passes_rays_schema_and_our_own():
    content = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])
    assert ServeDeploySchema.model_validate(content).applications[0].import_path == "serve_app.app:build"
    assert check_configs.problems(content) == []
    content["applications"][0]["deployments"][0]["autoscaling_config"]["max_replica"] = 3
    assert any("max_replica" in line for line in check_configs.problems(content))


def test_no_replica_fits_the_head():
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all(deployment["ray_actor_options"]["num_cpus"] > 0 for deployment in DEPLOYMENTS)
    assert SERVICE["spec"]["excludeHeadPodFromServeSvc"]


def reserved(bound, resource):
    """What the production config reserves with all deployments at their fewest, or most, replicas."""
    return sum(
        each["autoscaling_config"][f"{bound}_replicas"] * each["ray_actor_options"].get(resource, 0)
        for each in DEPLOYMENTS
    )


def offered(group, bound, resource):
    """What a worker group offers at its fewest, or most, pods."""
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    return group[f"{bound}Replicas"] * float(limits.get(resource, 0))


@pytest.mark.parametrize("bound", ["min", "max"])
def test_the_workers_offer_what_production_reserves(bound):
    gpus = offered(WORKERS["gpu"], bound, "nvidia.com/gpu")
    cpus = sum(offered(group, bound, "cpu") for group in WORKERS.values())
    assert gpus >= reserved(bound, "num_gpus") > 0
    assert cpus >= reserved(bound, "num_cpus") > 0


def test_the_cluster_grows_and_its_head_may_die():
    assert CLUSTER["enableInTreeAutoscaling"]
    address = CLUSTER["gcsFaultToleranceOptions"]["redisAddress"]
    redis = of_kind("Service")["redis"]
    assert address == f"redis:{redis['spec']['ports'][0]['port']}"
    assert SERVICE["spec"]["upgradeStrategy"] == {"type": "NewCluster"}


@pytest.mark.parametrize(("name", "container"), containers(), ids=lambda value: value if isinstance(value, str) else "")
def test_nothing_runs_as_root_or_with_more_rights_than_it_needs(name, container):
    pod = templates()[name]["spec"]["securityContext"]
    assert pod["runAsNonRoot"]
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"]
    assert container["resources"]["limits"]["memory"]


def test_every_long_running_container_is_probed():
    probed = [name for name, container in containers() if {"livenessProbe", "readinessProbe"} <= set(container)]
    assert probed == ["head", "cpu", "gpu", "StatefulSet/minio", "StatefulSet/redis"]


def test_the_weights_are_mounted_read_only_where_the_config_looks_for_them():
    spec = WORKERS["gpu"]["template"]["spec"]
    mount = next(mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "weights")
    volume = next(volume for volume in spec["volumes"] if volume["name"] == "weights")
    assert mount["readOnly"]
    assert volume["persistentVolumeClaim"]["readOnly"]
    assert volume["persistentVolumeClaim"]["claimName"] in of_kind("PersistentVolumeClaim")
    checkpoint = Path(PRODUCTION["applications"][0]["args"]["lipsync"]["checkpoint"])
    assert checkpoint.parent == Path(mount["mountPath"])


def sources(container):
    """The (kind, name, key) of what a container reads from secrets and config maps; the key is None for all of them."""
    for source in container.get("envFrom", []):
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if field in source:
                yield kind, source[field]["name"], None
    for variable in container.get("env", []):
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if field in variable.get("valueFrom", {}):
                yield kind, variable["valueFrom"][field]["name"], variable["valueFrom"][field]["key"]


def keys_of(kind, name):
    manifest = of_kind(kind)[name]
    return set(manifest.get("data") or manifest.get("stringData"))


def test_every_secret_and_setting_that_is_read_is_there():
    redis = ("Secret", *CLUSTER["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"]["secretKeyRef"].values())
    asked = {source for _, container in containers() for source in sources(container)} | {redis}
    assert [(kind, name, key) for kind, name, key in asked if key is not None and key not in keys_of(kind, name)] == []
    assert {("Secret", "talking-posters", None), ("ConfigMap", "talking-posters", None)} <= asked


def test_the_environment_has_what_the_production_config_names():
    there = keys_of("Secret", "talking-posters") | keys_of("ConfigMap", "talking-posters")
    access = PRODUCTION["applications"][0]["args"]["access"]
    named = {
        *MINIO_VARIABLES,
        *(key["env"] for key in access["keys"]),
        access.get("signing_secret_env", "SIGNING_SECRET"),
    }
    assert named <= there


def test_no_secret_of_the_example_is_real():
    values = [value for manifest in of_kind("Secret").values() for value in manifest["stringData"].values()]
    assert {value.removeprefix("whsec_") for value in values} == {"change-me", "root", "talking-posters"}


def test_a_drain_takes_one_worker_after_the_other():
    for name, budget in of_kind("PodDisruptionBudget").items():
        group = WORKERS[budget["spec"]["selector"]["matchLabels"]["ray.io/group"]]
        assert name == f"{group['groupName']}-workers"
        assert isinstance(
            budget["spec"]["minAvailable"], int
        )  # KubeRay's pods have no scale that a percentage could mean
        assert budget["spec"]["minAvailable"] <= group["minReplicas"]


def test_the_images_are_those_that_kustomize_names_and_carry_this_ray():
    images = {name: container["image"] for name, container in containers() if name in ("head", "cpu", "gpu")}
    assert images == {"head": "talking-posters-cpu", "cpu": "talking-posters-cpu", "gpu": "talking-posters-cuda"}
    assert {image["name"] for image in KUSTOMIZATION["images"]} == set(images.values())
    assert f"ray=={CLUSTER['rayVersion']}" in (ROOT / "constraints.txt").read_text().split()


def test_the_buckets_policy_names_the_bucket_and_is_the_same_for_compose():
    policy = json.loads(of_kind("ConfigMap")["minio-policy"]["data"]["policy.json"])
    bucket = of_kind("ConfigMap")["talking-posters"]["data"]["MINIO_BUCKET"]
    named = {name for statement in policy["Statement"] for name in statement["Resource"]}
    assert named == {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"}
    assert policy == json.loads((ROOT / "cluster" / "compose" / "policy.json").read_text())
