"""What Helm makes of the chart, seen as Kubernetes and Resellflow will see it."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.queues import WorkerRole, queues_of
from settings import Settings, load_settings
from temporalconfig import temporal_settings
from tests.chart.rendering import (
    CHART,
    EVERYTHING,
    EXAMPLE,
    MISSING,
    NEWEST,
    OLDEST,
    OURS,
    SKIPPED,
    Manifest,
    Pod,
    Rendered,
    fits,
    rendered,
    role_of,
    run,
    template,
)
from tests.infrastructure.processes import PROJECT

pytestmark = pytest.mark.skipif(bool(MISSING), reason=SKIPPED)

CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
"""Kinds of others: their schemas come with KEDA and with the Prometheus operator, and not with Kubernetes."""


@cache
def example() -> Rendered:
    return rendered()


@cache
def everything() -> Rendered:
    return rendered("--values", EVERYTHING)


BOTH = pytest.mark.parametrize("make", [example, everything])


@pytest.mark.parametrize("more", [[], ["--values", EVERYTHING], ["--set", "versioning.enabled=false"]])
def test_helm_finds_nothing_to_complain_of(more: list[str | Path]) -> None:
    done = run("helm", "lint", "--strict", "--kube-version", OLDEST, CHART, "--values", EXAMPLE, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", [OLDEST, pytest.param(NEWEST, marks=pytest.mark.proof)])
def test_every_manifest_has_the_shape_that_kubernetes_asks_for(version: str, tmp_path: Path) -> None:
    manifests = [*example().manifests, *everything().manifests]
    assert {one["kind"] for one in manifests} >= CUSTOM, "all that can be switched on is looked at"
    known = [one for one in manifests if one["kind"] not in CUSTOM]
    done = _validated(known, version, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = {**known[0], "spec": {**known[0]["spec"], "nonsense": True}}
    assert "nonsense" in str(_validated([broken], version, tmp_path)), "a wrong one is found"


def _validated(manifests: list[Manifest], version: str, directory: Path) -> subprocess.CompletedProcess[str]:
    file = directory / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    return run("kubernetes-validate", "--strict", "--kubernetes-version", version, file)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("temporal.address=", "/temporal/address"),
        ("temporal.address=temporal.example.com", "/temporal/address"),
        ("secrets.databaseUrl.secret=", "/secrets/databaseUrl/secret"),
        ("secrets.databaseUrl=postgresql://me:secret@db/shop", "/secrets/databaseUrl"),
        ("image.tag=latest", "/image/tag"),
        ("image.tag=v1+dirty", "/image/tag"),
        ("settings.RESELL_ORDER_TIMOUT=45", "RESELL_ORDER_TIMOUT"),
        ("settings.RESELL_DATABASE_URL=postgresql://db/shop", "RESELL_DATABASE_URL"),
        ("settings.RESELL_READ_TIMEOUT=abc", "/settings/RESELL_READ_TIMEOUT"),
        ("workers.orders.replicas=0", "/workers/orders/replicas"),
        ("workers.order.replicas=2", "'order'"),
        ("workers.orders.autoscaling.kind=vpa", "/workers/orders/autoscaling/kind"),
        ("api.ingress.host=", "/api/ingress"),
        ("replicas=2", "'replicas'"),
        ("versioning.keep[0].tag=0.1.0", "versioning.keep: 0.1.0 is image.tag itself"),
        ("workers.orders.autoscaling.min=9", "workers.orders.autoscaling: min (9) is more than max (6)"),
        ("api.autoscaling.min=9", "api.autoscaling: min (9) is more than max (6)"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(wrong: str, named: str) -> None:
    done = template("--set", wrong)
    assert done.returncode != 0
    assert named in done.stderr.replace("\\", "")
    assert "me:secret" not in done.stderr


def test_what_does_not_go_together_is_refused() -> None:
    unversioned = template("--set", "versioning.enabled=false,versioning.keep[0].tag=0.0.9")
    assert "versioning.keep: workers without versions can't run beside others" in unversioned.stderr
    one_sided = template("--set", "workers.orders.autoscaling.kind=keda,temporal.tls.enabled=true")
    assert "KEDA speaks TLS to Temporal only with a client's certificate or an API key" in one_sided.stderr


# --- processes ------------------------------------------------------------------------------------------------------


def test_each_version_has_a_worker_of_each_role_and_its_own_build_id() -> None:
    found = [(pod.container["image"], pod.env["RESELL_BUILD_ID"], role_of(pod)) for pod in everything().workers()]
    digests = {"0.1.0": "1" * 64, "0.0.9": "2" * 64}
    wanted = [(f"{OURS}:{tag}@sha256:{digest}", tag, role) for tag, digest in digests.items() for role in WorkerRole]
    assert sorted(found) == sorted(wanted)
    names = [pod.name for pod in everything().workers()]
    assert len(set(names)) == len(names)


@pytest.mark.proof
def test_a_kept_version_is_left_as_it_was() -> None:
    before = {pod.name: pod.owner for pod in rendered("--set", "image.tag=0.0.9").workers()}
    after = {pod.name: pod.owner for pod in rendered("--set", "versioning.keep[0].tag=0.0.9").workers()}
    assert before.items() <= after.items()


@pytest.mark.proof
def test_tags_that_look_alike_are_different_deployments() -> None:
    names = [
        {pod.name for pod in rendered("--set", f"image.tag={tag}").workers()}
        for tag in ("1.0", "1-0", "1_0", "V1", "v1")
    ]
    assert len(set.union(*names)) == 5 * len(WorkerRole)


def test_without_versions_the_old_workers_end_before_new_ones_begin() -> None:
    unversioned = rendered("--set", "versioning.enabled=false")
    for pod in unversioned.workers():
        assert pod.owner["spec"]["strategy"] == {"type": "Recreate"}
        assert "RESELL_BUILD_ID" not in pod.env
    assert {pod.name for pod in unversioned.workers()} == {f"Deployment resellflow-{role}" for role in WorkerRole}
    assert "current" not in {pod.container["name"] for pod in unversioned.pods()}


def test_the_api_stays_at_the_version_that_it_is_given() -> None:
    pod = everything().pod("api")
    assert pod.container["image"] == f"{OURS}:0.0.9", "and the digest of another image is not put to it"
    assert everything().pod("migrate").container["image"].startswith(f"{OURS}:0.1.0@sha256:1")
    assert everything().pod("current").container["command"] == ["resell", "versions", "current", "0.1.0"]


@BOTH
def test_nothing_is_killed_that_could_have_ended(make: Any) -> None:
    for pod in make().workers():
        settings = Settings(order_timeout=float(pod.env.get("RESELL_ORDER_TIMEOUT", 30)))
        assert pod.spec["terminationGracePeriodSeconds"] >= max(60, settings.order_timeout + 5 + 10)


@BOTH
def test_what_the_processes_are_told_are_settings_that_they_understand(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contents = {"DATABASE_URL": "postgresql://me:secret@db/shop", "STOREFRONT_TOKENS": "shop=long-enough-1"}
    contents["OPERATOR_TOKENS"], contents["OIDC_CLIENT_SECRET"] = "ops=long-enough-2", "a secret"
    ours = [pod for pod in make().pods() if pod.container["name"] != "namespace"]
    assert len(ours) >= 7
    for pod in ours:
        with monkeypatch.context() as patched:
            for name, value in pod.env.items():
                content = contents.get(name.removeprefix("RESELL_").removesuffix("_FILE"))
                if content or name.endswith("_PATH"):
                    file = tmp_path / name
                    file.write_text(content or "a certificate")
                    value = str(file)
                patched.setenv(name, value if isinstance(value, str) else "from a secret")
            found = load_settings()
            known = {f"RESELL_{name.upper()}" for name in Settings.model_fields}
            given = {name for name in pod.env if name.startswith("RESELL_")}
            assert {name for name in given if name.removesuffix("_FILE") not in known and name not in known} == set()
            if pod.container["name"] != "migrate":
                assert temporal_settings().get("target_host") == "temporal-frontend.temporal:7233"
        if make is everything:
            assert (found.task_queue, found.order_timeout, found.api_docs) == ("shop", 75, False)
            assert (found.api_connections, found.renewal_lead_days_of) == (100_000, {"domain": 14})


@BOTH
def test_pods_are_locked_down(make: Any) -> None:
    """What Kubernetes calls `restricted`, and more: no account, nothing to write but /tmp."""
    pods = list(make().pods())
    assert len(pods) >= 8
    for pod in pods:
        assert pod.spec["automountServiceAccountToken"] is False
        assert pod.spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod.container["resources"].keys() == {"requests", "limits"}
        writable = [one["mountPath"] for one in pod.container["volumeMounts"] if not one.get("readOnly")]
        assert writable == ["/tmp"]  # noqa: S108 - the pod's own
        mounted = {one["name"] for one in pod.container["volumeMounts"]}
        assert mounted == {one["name"] for one in pod.spec["volumes"]}


def test_the_user_is_the_one_of_the_image() -> None:
    assert "USER 10001:10001" in (PROJECT / "Dockerfile").read_text()


def test_no_secret_is_in_the_chart_and_each_process_has_only_its_own() -> None:
    assert everything().of("Secret") == []
    database, keys = "resellflow/database-url", {"keys/payload.keys"}
    temporal = {"temporal-authority", "temporal-client"}
    tokens = {"resellflow/storefront-tokens", "resellflow/operator-tokens"}
    by_name: dict[str, set[str]] = {}
    for pod in everything().pods():
        name = pod.container["name"]
        by_name[role_of(pod) if name == "worker" else name] = pod.secrets
        told = {env for env, value in pod.env.items() if not isinstance(value, str)}
        assert told == (set() if name == "migrate" else {"TEMPORAL_API_KEY"})
    oidc = "oidc/oidc-client-secret"
    assert by_name == {
        "migrate": {database},
        "namespace": temporal,
        "current": keys | temporal,
        "api": {database, *tokens, *keys, "keys/webhook.keys", "upstreams", "hints", oidc} | temporal,
        **{role: {database, "upstreams"} | keys | temporal for role in ("orders", "upstream", "poller")},
        "webhooks": {database, "webhooks", "keys/webhook.keys", "notifications/notifications.toml"} | keys | temporal,
    }
    assert "upstreams" not in example().pod("api").secrets


@BOTH
def test_probes_ask_what_there_is_at_a_port_that_there_is(make: Any) -> None:
    served = {"api": {"/healthz", "/readyz"}, "worker": {"/livez", "/readyz"}}
    for pod in make().pods():
        kind = pod.container["name"]
        if kind not in served:
            continue
        ports = {one["name"]: one["containerPort"] for one in pod.container["ports"]}
        probes = {name: pod.container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert {one["path"] for one in probes.values()} == served[kind]
        assert probes["readiness"]["path"] == "/readyz"
        assert probes["liveness"]["path"] != "/readyz", "a restart brings neither Temporal nor the database back"
        assert {one["port"] for one in probes.values()} <= ports.keys()
        if kind == "api":
            assert pod.env["RESELL_API_PORT"] == str(ports["http"])
            assert pod.env["RESELL_METRICS_API_ADDRESS"] == f"0.0.0.0:{ports['metrics']}"
        else:
            assert pod.env["RESELL_WORKER_HEALTH_ADDRESS"] == f"0.0.0.0:{ports['health']}"
            assert pod.env["RESELL_METRICS_TEMPORAL_ADDRESS"] == f"0.0.0.0:{ports['sdk']}"


# --- what belongs to the processes ----------------------------------------------------------------------------------


@BOTH
def test_every_selector_finds_pods_and_every_pod_has_its_policy(make: Any) -> None:
    pods: list[Pod] = list(make().pods())
    for kind, selector in _selectors(make()):
        assert any(fits(selector, pod.labels) for pod in pods), kind
    policies = [one["spec"]["podSelector"]["matchLabels"] for one in make().of("NetworkPolicy")]
    budgets = [one["spec"]["selector"]["matchLabels"] for one in make().of("PodDisruptionBudget")]
    for pod in pods:
        assert [fits(one, pod.labels) for one in policies].count(True) == 1, pod.name
        if pod.owner["kind"] == "Deployment":
            assert [fits(one, pod.labels) for one in budgets].count(True) == 1, pod.name
            others = [other for other in pods if other.owner["kind"] == "Deployment" and other is not pod]
            assert not any(fits(pod.owner["spec"]["selector"]["matchLabels"], other.labels) for other in others)


def _selectors(made: Rendered) -> Iterator[tuple[str, dict[str, str]]]:
    for one in made.of("Service"):
        yield f"Service {one['metadata']['name']}", one["spec"]["selector"]
    for one in made.of("PodDisruptionBudget"):
        yield f"PodDisruptionBudget {one['metadata']['name']}", one["spec"]["selector"]["matchLabels"]
    for one in made.of("NetworkPolicy"):
        yield f"NetworkPolicy {one['metadata']['name']}", one["spec"]["podSelector"]["matchLabels"]


def test_who_scales_is_named_once_and_counts_the_queue_of_its_role() -> None:
    scaled = {}
    for one in (*everything().of("ScaledObject"), *everything().of("HorizontalPodAutoscaler")):
        name = one["spec"]["scaleTargetRef"]["name"]
        assert name not in scaled
        scaled[name] = one
    for pod in everything().pods():
        if pod.owner["kind"] != "Deployment":
            continue
        assert "replicas" not in pod.owner["spec"], "Helm would set it back at each upgrade"
        scaler = scaled.pop(pod.owner["metadata"]["name"])
        if scaler["kind"] == "ScaledObject":
            (trigger,) = scaler["spec"]["triggers"]
            told = trigger["metadata"]
            (queue,) = queues_of(WorkerRole(role_of(pod)), "shop")
            assert told["taskQueue"] == queue
            assert told["queueTypes"] == ("workflow,activity" if role_of(pod) == "orders" else "activity")
            assert told["workerDeploymentBuildId"] == pod.env["RESELL_BUILD_ID"]
            assert told["workerDeploymentName"] == pod.env["RESELL_DEPLOYMENT"]
            assert (told["endpoint"], told["namespace"]) == (pod.env["TEMPORAL_ADDRESS"], pod.env["TEMPORAL_NAMESPACE"])
            assert scaler["spec"]["minReplicaCount"] >= 1, "a role without a process holds orders up"
            assert all(isinstance(value, str) for value in told.values())
    assert scaled == {}
    assert all("replicas" in one["spec"] for one in example().of("Deployment"))


def test_every_role_can_be_scaled_by_its_queue_without_versions_too() -> None:
    kinds = ",".join(f"workers.{role}.autoscaling.kind=keda" for role in WorkerRole)
    scaled = rendered("--set", f"versioning.enabled=false,{kinds}").of("ScaledObject")
    told = {one["spec"]["scaleTargetRef"]["name"]: one["spec"]["triggers"][0]["metadata"] for one in scaled}
    assert {name: one["taskQueue"] for name, one in told.items()} == {
        f"resellflow-{role}": queues_of(role, "resellflow")[0] for role in WorkerRole
    }
    assert not any("workerDeploymentName" in one for one in told.values())


def test_prometheus_finds_the_jobs_that_the_alerts_are_about() -> None:
    jobs = set()
    for monitor in everything().of("ServiceMonitor"):
        (service,) = [
            one
            for one in everything().of("Service")
            if fits(monitor["spec"]["selector"]["matchLabels"], one["metadata"]["labels"])
        ]
        ports = {one["name"]: one["targetPort"] for one in service["spec"]["ports"]}
        (*pods,) = [pod for pod in everything().pods() if fits(service["spec"]["selector"], pod.labels)]
        for endpoint in monitor["spec"]["endpoints"]:
            jobs |= {one["replacement"] for one in endpoint["relabelings"]}
            for pod in pods:
                assert ports[endpoint["port"]] in {one["name"] for one in pod.container["ports"]}
    configured = yaml.safe_load((PROJECT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert jobs == {one["job_name"] for one in configured}


def test_webhooks_leave_for_public_addresses_only() -> None:
    (policy,) = [
        one for one in example().of("NetworkPolicy") if one["metadata"]["name"] == "resellflow-worker-webhooks"
    ]
    (blocks,) = [one["to"] for one in policy["spec"]["egress"] if "to" in one]
    assert {"10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16"} <= set(blocks[0]["ipBlock"]["except"])


# --- jobs and files -------------------------------------------------------------------------------------------------


def test_jobs_run_before_and_after_all_else() -> None:
    hooks = {
        (one["kind"], one["metadata"]["name"]): one["metadata"]["annotations"]["helm.sh/hook"]
        for one in everything().manifests
        if "helm.sh/hook" in one["metadata"].get("annotations", {})
    }
    before = "pre-install,pre-upgrade"
    assert hooks == {
        ("Job", "resellflow-migrate"): before,
        ("Job", "resellflow-namespace"): before,
        ("ConfigMap", "resellflow-namespace"): before,
        ("NetworkPolicy", "resellflow-job"): before,
        ("Job", "resellflow-current"): "post-install,post-upgrade,post-rollback",
    }
    weights = {
        one["kind"]: int(one["metadata"]["annotations"]["helm.sh/hook-weight"])
        for one in everything().manifests
        if hooks.get((one["kind"], one["metadata"]["name"])) == before
    }
    assert max(weights["ConfigMap"], weights["NetworkPolicy"]) < weights["Job"]
    assert example().pod("migrate").container["command"] == ["resell", "migrate"]


def test_the_namespace_job_runs_the_script_of_the_other_deployments() -> None:
    (files,) = example().of("ConfigMap")
    script = (PROJECT / "deploy/temporal/namespace.sh").read_text()
    assert files["data"] == {"namespace.sh": script}
    pod = example().pod("namespace")
    needed = set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", script))
    assert {"TEMPORAL_NAMESPACE", "RETENTION"} <= needed <= pod.env.keys()
    assert pod.container["command"] == ["/bin/sh", "/deploy/namespace.sh"]


def test_the_rules_are_the_alerts_of_the_other_deployments() -> None:
    (rules,) = everything().of("PrometheusRule")
    assert rules["spec"] == yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())


def test_the_packaged_chart_makes_the_same(tmp_path: Path) -> None:
    done = run("helm", "package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    assert rendered("--values", EVERYTHING, chart=package) == everything()
