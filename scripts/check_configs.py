"""Checks Serve config files strictly: Ray itself accepts a misspelt key in silence.

Every key must be known to Ray's own schema, every deployment's name to the graph, and `args` to `Settings`.
A file of `checkpoints` (configs/models.yaml) is no Serve config: it is checked against its own schema.
"""

import sys
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.schema import ServeDeploySchema

from deployments.lipsync.published import PublishedCheckpoints
from serve_app.app import build
from serve_app.settings import Settings

LOOSE = {"autoscaling_config": AutoscalingConfig, "request_router_config": RequestRouterConfig}
"""Keys that Ray types as a plain dict or a model, and the model."""

FREE = {"args", "user_config", "runtime_env", "resources"}
"""Keys whose content is not Ray's."""


def unknown_keys(model: type[BaseModel], data: Any, where: str) -> list[str]:
    """Paths of keys in `data` that `model` does not have, at any depth."""
    if not isinstance(data, dict):
        return []
    found = []
    for key, value in data.items():
        path = f"{where}.{key}" if where else key
        if key not in model.model_fields:
            found.append(path)
        elif key not in FREE:
            found += _inside(LOOSE.get(key) or model.model_fields[key].annotation, value, path)
    return found


def _inside(annotation: Any, value: Any, where: str) -> list[str]:
    models = [kind for kind in (annotation, *typing.get_args(annotation)) if _is_model(kind)]
    if not models:
        return []
    if isinstance(value, list):
        return [name for index, item in enumerate(value) for name in unknown_keys(models[0], item, f"{where}[{index}]")]
    return unknown_keys(models[0], value, where)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def deployment_names() -> set[str]:
    """The names of the graph's deployments."""
    names, waiting = set(), [build(Settings())]
    while waiting:
        bound = waiting.pop()._bound_deployment
        names.add(bound.name)
        arguments = [*bound.init_args, *bound.init_kwargs.values()]
        waiting += [argument for argument in arguments if hasattr(argument, "_bound_deployment")]
    return names


def problems(content: Any) -> list[str]:
    """What is wrong with a config file's content, a line each."""
    if "checkpoints" not in content:
        return serve_problems(content)
    try:
        PublishedCheckpoints.model_validate(content)
    except ValidationError as error:
        return _lines(error)
    return []


def serve_problems(content: Any) -> list[str]:
    """What is wrong with a Serve config's content, a line each."""
    found = [f"unknown key: {path}" for path in unknown_keys(ServeDeploySchema, content, "")]
    try:
        config = ServeDeploySchema.model_validate(content)
        for application in config.applications:
            Settings.model_validate(application.args)
    except ValidationError as error:
        return found + _lines(error)
    named = {deployment.name for application in config.applications for deployment in application.deployments}
    found += [f"no such deployment: {name}" for name in sorted(named - deployment_names())]
    found += [f"deployment without options: {name}" for name in sorted(deployment_names() - named)]
    return found


def _lines(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]


def main() -> None:
    """Print what is wrong; exit 1 if anything is."""
    wrong = 0
    for name in sys.argv[1:]:
        for line in problems(yaml.safe_load(Path(name).read_text())):
            print(f"{name}: {line}")
            wrong += 1
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
