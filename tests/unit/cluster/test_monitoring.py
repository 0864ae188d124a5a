"""cluster/monitoring: Prometheus' own checks, every alert in both ways, and no name of a metric that nobody exports."""

import copy
import json
import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from metric_names import PROMETHEUS, custom, exported, of_ray, used
from promtool import promtool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments import errors

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cluster" / "monitoring"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]}
TESTS = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboards" / "talking-posters.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Namespaces(Strict):
    names: list[str]


class KubernetesDiscovery(Strict):
    """What of `kubernetes_sd_configs` is used: Debian's promtool is built without it."""

    role: Literal["pod"]
    namespaces: Namespaces


def without_kubernetes(content):
    """A Prometheus config whose discovery, checked here, is replaced by one that Debian's promtool knows."""
    content = copy.deepcopy(content)
    for job in content["scrape_configs"]:
        for discovery in job.pop("kubernetes_sd_configs", []):
            KubernetesDiscovery.model_validate(discovery)
            job["static_configs"] = [{"targets": ["a:8080"]}]
    return content


def checked(content, folder):
    """What promtool says of a Prometheus config beside the rules of this project."""
    (folder / "alerts.yaml").write_text((FOLDER / "alerts.yaml").read_text())
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(without_kubernetes(content)))
    return promtool("check", "config", "prometheus.yaml", folder=folder)


@pytest.mark.prometheus
@pytest.mark.parametrize("name", ["prometheus.yaml", "prometheus-kubernetes.yaml"])
def test_prometheus_takes_the_config(name, tmp_path):
    status, said = checked(yaml.safe_load((FOLDER / name).read_text()), tmp_path)
    assert (status, f"{len(ALERTS)} rules found" in said) == (0, True), said


@pytest.mark.prometheus
def test_a_misspelt_key_of_the_config_is_refused(tmp_path):
    content = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    content["scrape_configs"][0]["file_sd_config"] = []
    status, said = checked(content, tmp_path)
    assert (status, "field file_sd_config not found" in said) == (1, True), said


def test_a_misspelt_key_of_the_discovery_is_refused():
    content = yaml.safe_load((FOLDER / "prometheus-kubernetes.yaml").read_text())
    content["scrape_configs"][0]["kubernetes_sd_configs"][0]["namespace"] = {}
    with pytest.raises(ValidationError, match="namespace"):
        without_kubernetes(content)


@pytest.mark.prometheus
def test_the_alerts_are_rules_and_fire_and_keep_silent_as_their_tests_say():
    for command in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
        status, said = promtool(*command, folder=FOLDER)
        assert (status, "SUCCESS" in said) == (0, True), said


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("    for: 5m", "    four: 5m", "field four not found"), ("absent(", "abscent(", "unknown function")],
)
def test_a_mistake_in_a_rule_is_found(old, new, told, tmp_path):
    text = (FOLDER / "alerts.yaml").read_text()
    (tmp_path / "alerts.yaml").write_text(text.replace(old, new, 1))
    status, said = promtool("check", "rules", "alerts.yaml", folder=tmp_path)
    assert (status, told in said) == (1, True), said


@pytest.mark.prometheus
@pytest.mark.parametrize(("status", "passes"), [("5x15", True), ("6x15", False)])
def test_an_alert_that_does_not_fire_fails_its_test(status, passes, tmp_path):
    (tmp_path / "alerts.yaml").write_text((FOLDER / "alerts.yaml").read_text())
    series = {"series": 'ray_serve_application_status{application="talking-photo"}', "values": status}
    fires = next(test for test in TESTS if test["alert_rule_test"][0]["alertname"] == "ServiceNotRunning")
    content = {"rule_files": ["alerts.yaml"], "tests": [fires | {"input_series": [series]}]}
    (tmp_path / "one_test.yaml").write_text(yaml.safe_dump(content))
    failed, said = promtool("test", "rules", "one_test.yaml", folder=tmp_path)
    assert (failed == 0) == passes, said


def outcomes():
    """(alert, fires) of every line of the rules' tests."""
    return {(line["alertname"], bool(line.get("exp_alerts"))) for test in TESTS for line in test["alert_rule_test"]}


def test_every_alert_fires_in_one_test_and_is_silent_when_all_is_well():
    assert {name for name, fires in outcomes() if fires} == set(ALERTS)
    well = [line for line in TESTS[-1]["alert_rule_test"] if not line.get("exp_alerts")]
    assert {line["alertname"] for line in well} == set(ALERTS)
    assert len(TESTS[-1]["input_series"]) > len(ALERTS)  # silent with series there, not for want of them


def known():
    return {name for names in exported(custom()).values() for name in names} | of_ray() | PROMETHEUS


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *(rule["expr"] for rule in ALERTS.values())])
def test_an_expression_names_only_metrics_that_somebody_exports(expression):
    assert used(expression)
    assert used(expression) <= known()


def test_a_misspelt_metric_is_found():
    assert used(
        'sum by (engine) (rate(ray_talking_photo_frame_total{engine="a"}[5m])) / ray_node_gram_usd'
    ) - known() == {
        "ray_talking_photo_frame_total",
        "ray_node_gram_usd",
    }


def test_the_dashboard_shows_every_metric_of_the_project():
    shown = {name for expression in EXPRESSIONS for name in used(expression)}
    assert [name for name, series in exported(custom()).items() if not series & shown] == []


def test_what_a_metric_is_asked_by_are_labels_that_it_has():
    for expression in [*EXPRESSIONS, *(rule["expr"] for rule in ALERTS.values())]:
        for name, (kind, tags) in custom().items():
            for selector in re.findall(rf"ray_{name}\w*\{{([^}}]*)\}}", expression):
                asked = set(re.findall(r"(\w+)\s*(?:=|!)", selector)) - {"le", "deployment", "application", "replica"}
                assert asked <= set(tags), (kind, expression)


@pytest.mark.prometheus
def test_every_expression_of_the_dashboard_is_promql(tmp_path):
    def rules(expressions):
        bare = [expression.replace("$__rate_interval", "5m") for expression in expressions]
        content = {
            "groups": [{"name": "all", "rules": [{"record": f"a:{i}", "expr": each} for i, each in enumerate(bare)]}]
        }
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(content))
        return promtool("check", "rules", "rules.yaml", folder=tmp_path)

    status, said = rules(EXPRESSIONS)
    assert (status, f"{len(EXPRESSIONS)} rules found" in said) == (0, True), said
    assert rules([EXPRESSIONS[0] + ")"])[0] == 1


class Grid(Strict):
    h: Annotated[int, Field(ge=1)]
    w: Annotated[int, Field(ge=1, le=24)]
    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]


class Source(Strict):
    type: Literal["prometheus"]
    uid: str


class Target(Strict):
    refId: str  # noqa: N815 - Grafana's names
    datasource: Source
    expr: str
    legendFormat: str  # noqa: N815


class Panel(Strict):
    """What of Grafana's panels is used here."""

    id: int
    type: Literal["timeseries", "stat", "row"]
    title: str
    description: str = ""
    gridPos: Grid  # noqa: N815
    datasource: Source | None = None
    fieldConfig: dict = {}  # noqa: N815
    targets: list[Target] = []
    collapsed: bool = False
    panels: list = []


def overlaps(one, other):
    beside = one.x + one.w <= other.x or other.x + other.w <= one.x
    above = one.y + one.h <= other.y or other.y + other.h <= one.y
    return not beside and not above


def test_the_dashboards_panels_have_only_known_fields_and_places_of_their_own():
    panels = [Panel.model_validate(panel) for panel in DASHBOARD["panels"]]
    assert len({panel.id for panel in panels}) == len(panels)
    assert all(panel.gridPos.x + panel.gridPos.w <= 24 for panel in panels)
    pairs = [(a.title, b.title) for i, a in enumerate(panels) for b in panels[:i] if overlaps(a.gridPos, b.gridPos)]
    assert pairs == []


def test_a_misspelt_field_of_a_panel_is_refused():
    with pytest.raises(ValidationError, match="titel"):
        Panel.model_validate(PANELS[0] | {"titel": "x"})


def test_grafana_is_given_the_dashboard_and_the_source_that_it_names():
    sources = yaml.safe_load((FOLDER / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text())
    uids = {source["uid"] for source in sources["datasources"]}
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == uids
    provider = yaml.safe_load((FOLDER / "grafana" / "provisioning" / "dashboards" / "dashboards.yaml").read_text())
    compose = yaml.safe_load((ROOT / "cluster" / "compose" / "compose.yaml").read_text())
    path = provider["providers"][0]["options"]["path"]
    assert f"../monitoring/grafana/dashboards:{path}:ro" in compose["services"]["grafana"]["volumes"]


def family(error):
    """An error type and all below it."""
    return [error, *(found for below in error.__subclasses__() for found in family(below))]


def test_failures_by_our_fault_are_the_codes_with_a_status_of_500_or_more():
    known = [error for error in family(errors.TalkingPhotoError) if error.__module__ == errors.__name__]
    ours = {error.code for error in known if error.http_status >= 500}
    counted = set(re.search(r'code=~"([^"]*)"', ALERTS["VideosFail"]["expr"])[1].split("|"))
    assert counted == ours - {errors.QueueFull.code}  # refused, before there is a video


def test_the_storage_alert_names_the_error_that_the_stage_raises():
    assert f'exception_type="{errors.StorageUnavailable.__name__}"' in ALERTS["StorageUnavailable"]["expr"]


def anchors(text):
    """The anchors of a Markdown file's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_wrong_and_where_to_read_what_to_do(alert):
    annotations = ALERTS[alert]["annotations"]
    assert set(annotations) == {"summary", "runbook_url"}
    path, _, anchor = annotations["runbook_url"].partition("#")
    assert anchor == alert.lower()
    assert anchor in anchors((ROOT / path).read_text())
    assert ALERTS[alert]["labels"]["severity"] in ("critical", "warning")
