"""The fields of `ray.io/v1` that KubeRay 1.6 documents, closed to all others: its CRDs come in no Python package.

Written from KubeRay's API reference and from what its operator refuses (controllers/ray/utils/validation.go).
Pod templates are Kubernetes' own: they are checked against its schema, not here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Manifest = dict[str, Any]  # of Kubernetes itself
Count = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: Annotated[str, Field(pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=47)]  # it is in the names of pods
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Credential(Strict):
    value: str | None = None
    valueFrom: Manifest | None = None  # noqa: N815 - KubeRay's names, here and below


class GcsFaultTolerance(Strict):
    redisAddress: str  # noqa: N815
    redisUsername: Credential | None = None  # noqa: N815
    redisPassword: Credential | None = None  # noqa: N815
    externalStorageNamespace: str | None = None  # noqa: N815


class Autoscaler(Strict):
    version: Literal["v1", "v2"] | None = None
    resources: Manifest | None = None
    image: str | None = None
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"] | None = None  # noqa: N815
    securityContext: Manifest | None = None  # noqa: N815
    idleTimeoutSeconds: Count | None = None  # noqa: N815
    upscalingMode: Literal["Default", "Aggressive", "Conservative"] | None = None  # noqa: N815
    env: list[Manifest] = []
    envFrom: list[Manifest] = []  # noqa: N815
    volumeMounts: list[Manifest] = []  # noqa: N815


class Auth(Strict):
    mode: Literal["disabled", "token"] | None = None
    secretName: str | None = None  # noqa: N815
    enableK8sTokenAuth: bool | None = None  # noqa: N815


class Group(Strict):
    rayStartParams: dict[str, str]  # noqa: N815
    template: Manifest
    resources: dict[str, str] | None = None
    labels: dict[str, str] | None = None

    @model_validator(mode="after")
    def _resources_once(self):
        if self.resources and {"num-cpus", "num-gpus", "memory", "resources"} & set(self.rayStartParams):
            raise ValueError("resources stand either in rayStartParams or in resources")
        return self


class Head(Group):
    headService: Manifest | None = None  # noqa: N815
    enableIngress: bool | None = None  # noqa: N815
    serviceType: str | None = None  # noqa: N815


class Workers(Group):
    groupName: str  # noqa: N815
    replicas: Count = 0
    minReplicas: Count  # noqa: N815
    maxReplicas: Count  # noqa: N815
    idleTimeoutSeconds: Count | None = None  # noqa: N815
    numOfHosts: Annotated[int, Field(ge=1)] = 1  # noqa: N815
    scaleStrategy: Manifest | None = None  # noqa: N815
    suspend: bool | None = None

    @model_validator(mode="after")
    def _in_order(self):
        if not self.minReplicas <= self.replicas <= self.maxReplicas:
            raise ValueError(f"{self.groupName}: minReplicas <= replicas <= maxReplicas")
        return self


class Cluster(Strict):
    """Without `upgradeStrategy`: KubeRay refuses it in a cluster that a RayService makes."""

    rayVersion: str  # noqa: N815 - with authOptions it must be there
    headGroupSpec: Head  # noqa: N815
    workerGroupSpecs: list[Workers] = []  # noqa: N815
    enableInTreeAutoscaling: bool | None = None  # noqa: N815
    autoscalerOptions: Autoscaler | None = None  # noqa: N815
    gcsFaultToleranceOptions: GcsFaultTolerance | None = None  # noqa: N815
    authOptions: Auth | None = None  # noqa: N815
    headServiceAnnotations: dict[str, str] = {}  # noqa: N815
    managedBy: str | None = None  # noqa: N815
    suspend: bool | None = None

    @model_validator(mode="after")
    def _pods_end_for_good(self):
        """The v2 autoscaler replaces pods itself: KubeRay refuses any other restart policy than Never."""
        templates = [group.template for group in (self.headGroupSpec, *self.workerGroupSpecs)]
        policies = {template["spec"].get("restartPolicy", "Never") for template in templates}
        if self.enableInTreeAutoscaling and policies != {"Never"}:
            raise ValueError("restartPolicy must be Never, or unset, with the v2 autoscaler")
        return self


class Incremental(Strict):
    maxSurgePercent: Count | None = None  # noqa: N815
    stepSizePercent: Count  # noqa: N815
    intervalSeconds: Count  # noqa: N815
    gatewayClassName: str  # noqa: N815


class Upgrade(Strict):
    type: Literal["NewCluster", "NewClusterWithIncrementalUpgrade", "None"]
    clusterUpgradeOptions: Incremental | None = None  # noqa: N815


class Service(Strict):
    serveConfigV2: str  # noqa: N815
    rayClusterConfig: Cluster  # noqa: N815
    upgradeStrategy: Upgrade | None = None  # noqa: N815
    rayClusterDeletionDelaySeconds: Count | None = None  # noqa: N815
    excludeHeadPodFromServeSvc: bool | None = None  # noqa: N815
    serveService: Manifest | None = None  # noqa: N815
    managedBy: str | None = None  # noqa: N815


class RayService(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayService"]
    metadata: Metadata
    spec: Service


class Image(Strict):
    name: str
    newName: str  # noqa: N815
    newTag: str  # noqa: N815


class Kustomization(Strict):
    """What of kustomize is used here."""

    apiVersion: Literal["kustomize.config.k8s.io/v1beta1"]  # noqa: N815
    kind: Literal["Kustomization"]
    namespace: str
    resources: list[str]
    images: list[Image]
