"""Every shipped config file passes the strict check, and the check finds what Ray lets through."""

import copy
from pathlib import Path

import pytest
import yaml

import check_configs

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
LOCAL = yaml.safe_load(next(path for path in CONFIGS if path.name == "local.yaml").read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_has_no_unknown_key(path):
    assert check_configs.problems(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda app: app["deployments"][0].update(max_ongoing_request=3), "deployments[0].max_ongoing_request"),
        (lambda app: app["deployments"][0]["ray_actor_options"].update(num_gpu=1), "ray_actor_options.num_gpu"),
        (lambda app: app["deployments"][0]["autoscaling_config"].update(min_replica=1), "config.min_replica"),
        (lambda app: app["args"].update(lipsnyc={}), "lipsnyc"),
        (lambda app: app["deployments"][0].update(name="Ingres"), "no such deployment: Ingres"),
        (lambda app: app["deployments"].pop(), "deployment without options: VideoStage"),
    ],
)
def test_a_misspelt_key_or_name_is_found(change, told):
    content = copy.deepcopy(LOCAL)
    change(content["applications"][0])
    assert any(told in line for line in check_configs.problems(content))


def test_the_list_of_checkpoints_is_checked_against_its_own_schema():
    content = yaml.safe_load(next(path for path in CONFIGS if path.name == "models.yaml").read_text())
    content["checkpoints"][1]["mirror"] = []
    del content["checkpoints"][0]["sha256"]
    found = check_configs.problems(content)
    assert [line.split(":")[0] for line in found] == ["checkpoints.0.sha256", "checkpoints.1.mirror"]
