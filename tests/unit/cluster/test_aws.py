"""cluster/aws/cluster.yaml by the schema that Ray's own launcher checks it with."""

import copy
from pathlib import Path

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import validate_config

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "cluster" / "aws" / "cluster.yaml").read_text())
TYPES = CONFIG["available_node_types"]


def test_ray_takes_it():
    validate_config(CONFIG)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda it: it.update(max_worker=1), "max_worker"),
        (lambda it: it["docker"].update(immage=""), "immage"),
        (lambda it: it["available_node_types"]["gpu"].update(min_worker=1), "min_worker"),
        (lambda it: it["available_node_types"]["gpu"]["docker"].update(worker_imag=""), "worker_imag"),
        (lambda it: it["auth"].update(ssh_usr="ubuntu"), "ssh_usr"),
        (lambda it: it.update(worker_start_ray_command=[]), "worker_start_ray_command"),
    ],
)
def test_a_misspelt_key_is_refused(change, told):
    config = copy.deepcopy(CONFIG)
    change(config)
    with pytest.raises(jsonschema.ValidationError, match=f"'{told}' was unexpected"):
        validate_config(config)


def test_the_gpu_comes_when_it_is_asked_for_and_may_be_a_spot():
    gpu = TYPES["gpu"]
    assert (gpu["min_workers"], gpu["max_workers"]) == (0, 1)
    assert gpu["max_workers"] <= CONFIG["max_workers"]
    assert gpu["node_config"]["InstanceType"] == "g4dn.xlarge"
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert gpu["resources"] == {"CPU": 4, "GPU": 1}
    assert CONFIG["provider"]["cache_stopped_nodes"] is False  # EC2 cannot stop a spot instance that was asked for once


def test_the_head_is_a_machine_of_cpus_that_holds_all_but_the_mouths():
    head = TYPES[CONFIG["head_node_type"]]
    assert "GPU" not in head["resources"]
    assert "InstanceMarketOptions" not in head["node_config"]
    production = yaml.safe_load((ROOT / "configs" / "production.yaml").read_text())
    least = sum(
        each["ray_actor_options"]["num_cpus"] * each["autoscaling_config"]["min_replicas"]
        for each in production["applications"][0]["deployments"]
        if "num_gpus" not in each["ray_actor_options"]
    )
    assert head["resources"]["CPU"] >= least


def test_heads_and_workers_images_are_of_one_release_and_metrics_have_a_known_port():
    head, worker = CONFIG["docker"]["image"], TYPES["gpu"]["docker"]["worker_image"]
    assert head.replace(":cpu-", ":cuda-") == worker
    starts = [CONFIG["head_start_ray_commands"][-1], CONFIG["worker_start_ray_commands"][-1]]
    assert all("--metrics-export-port=8080" in start for start in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]  # its job API runs code: only through ssh
