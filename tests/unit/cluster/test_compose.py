"""cluster/compose: its fields against a schema that refuses unknown ones, and that everything it names is there."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from compose_schema import Compose
from pydantic import ValidationError

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cluster" / "compose"
TEXT = (FOLDER / "compose.yaml").read_text()
CONTENT = yaml.safe_load(TEXT)
SERVICES = Compose.model_validate(CONTENT).services


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda it: it.update(service={}), "service"),
        (lambda it: it["services"]["service"].update(volume=[]), "services.service.volume"),
        (lambda it: it["services"]["service"]["healthcheck"].update(retry=1), "healthcheck.retry"),
        (lambda it: it["services"]["service"]["healthcheck"].update(test=["wget"]), "healthcheck"),
        (lambda it: it["services"]["service"]["deploy"]["resources"].update(reservation={}), "resources.reservation"),
        (lambda it: it["services"]["grafana"]["depends_on"]["prometheus"].update(condition="healthy"), "condition"),
    ],
)
def test_a_misspelt_field_is_refused(change, told):
    content = copy.deepcopy(CONTENT)
    change(content)
    with pytest.raises(ValidationError) as refused:
        Compose.model_validate(content)
    assert told in ".".join(map(str, refused.value.errors()[0]["loc"]))


def test_the_example_of_env_has_every_variable_and_no_other():
    lines = [line for line in (FOLDER / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    assert {line.partition("=")[0] for line in lines} == set(re.findall(r"\$\{(\w+):\?\}", TEXT))
    assert not re.search(r"(?<!\$)\$(?!\$|\{\w+:\?\})", TEXT)  # each is asked for, none is empty by mistake


def test_what_runs_for_good_is_probed_and_what_is_waited_for_can_be():
    assert [name for name, service in SERVICES.items() if service.healthcheck is None] == ["bucket"]
    for service in SERVICES.values():
        for name, need in service.depends_on.items():
            assert need.condition != "service_healthy" or SERVICES[name].healthcheck
    assert any("/readyz" in word for word in SERVICES["service"].healthcheck.test)


def test_the_service_has_the_gpu_and_the_weights_read_only():
    service = SERVICES["service"]
    assert [device.capabilities for device in service.deploy.resources.reservations.devices] == [["gpu"]]
    assert "../../weights:/weights:ro" in service.volumes
    assert service.build.target == "cuda"
    assert (FOLDER / service.build.context / service.build.dockerfile).is_file()
    assert (FOLDER / service.build.context / "pyproject.toml").is_file()


def test_what_is_mounted_is_there():
    for service in SERVICES.values():
        for volume in service.volumes:
            source = volume.partition(":")[0]
            there = (FOLDER / source).exists() if source.startswith(".") else source in CONTENT["volumes"]
            assert there or source == "../../weights", f"{source} is mounted, and not there"


def test_only_the_service_and_the_bucket_are_open_to_others():
    ports = [port for service in SERVICES.values() for port in service.ports]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == ["9000:9000", "8000:8000"]


def test_the_environment_has_what_the_config_names():
    production = yaml.safe_load((ROOT / "configs" / "production.yaml").read_text())["applications"][0]["args"]
    assert {key["env"] for key in production["access"]["keys"]} <= set(SERVICES["service"].environment)
    assert "configs/production.yaml" in SERVICES["service"].command[-1]
    assert SERVICES["service"].environment["MINIO_BUCKET"] == SERVICES["bucket"].environment["MINIO_BUCKET"]


def test_images_are_pinned():
    assert all(re.search(r":(v?\d|RELEASE\.\d|cuda$)", service.image) for service in SERVICES.values())


@pytest.mark.parametrize("path", ["cluster/compose/.env", "cluster/kuberay/secrets.yaml"])
def test_secrets_stay_out_of_the_repository(path):
    folder, name = (ROOT / path).parent, Path(path).name
    assert f"/{name}" in (folder / ".gitignore").read_text().splitlines()
