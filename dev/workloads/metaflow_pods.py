"""The Job of a task of Metaflow on Kubernetes, as JSON by case."""
import json
import types

from kubernetes import client
from metaflow.plugins.kubernetes import kubernetes
from metaflow.plugins.kubernetes.kubernetes_job import KubernetesJob


class Client:
    """Makes the same objects as Metaflow's own, and reaches no cluster."""

    def get(self):
        return client

    def job(self, **options):
        return KubernetesJob(self, **options)


kubernetes.KubernetesClient = Client
maker = kubernetes.Kubernetes(
    datastore=types.SimpleNamespace(TYPE="s3"),
    metadata=types.SimpleNamespace(TYPE="service"),
    environment=types.SimpleNamespace(
        get_package_commands=lambda *_, **__: ["true"],
        bootstrap_commands=lambda *_, **__: ["true"],
    ),
)
job = maker.create_job_object(
    flow_name="Tiles",
    run_id="12",
    step_name="make_tiles",
    task_id="34",
    attempt="0",
    user="ada",
    code_package_metadata="{}",
    code_package_sha="0123",
    code_package_url="s3://flows/tiles",
    code_package_ds="s3",
    step_cli="python tiles.py step make_tiles",
    docker_image="python:3.13",
    docker_image_pull_policy="IfNotPresent",
    namespace="jobs",
    service_account="metaflow",
    secrets=[],
    cpu="1",
    memory="4096",
    disk="10240",
    run_time_limit=432000,
    env={},
    labels={},
    annotations={},
    name_pattern="t-0123-",
    qos="Burstable",
)
made = client.ApiClient().sanitize_for_serialization(job.create()._job)
print("\n" + json.dumps({"metaflow-pod/made-by-the-client": made}))
