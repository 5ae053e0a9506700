"""Pods of Airflow's provider for Kubernetes: KubernetesExecutor (PodGenerator) and KubernetesPodOperator, as JSON by case."""
import datetime
import json
import os
import pathlib
import tempfile
import types

from airflow.providers.cncf import kubernetes as provider
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient

folder = pathlib.Path(tempfile.mkdtemp())
example = pathlib.Path(provider.__file__).parent / "pod_template_file_examples" / "git_sync_template.yaml"
# As the chart fills it in.
template = folder / "template.yaml"
template.write_text(example.read_text().replace("RELEASE-NAME", "airflow"))
executor = PodGenerator.construct_pod(
    dag_id="etl",
    task_id="load",
    pod_id="etl-load-x1y2z3",
    try_number=1,
    kube_image="apache/airflow:3.3.2",
    date=datetime.datetime(2026, 11, 28, tzinfo=datetime.timezone.utc),
    args=["airflow", "tasks", "run", "etl", "load", "scheduled__2026-11-28"],
    pod_override_object=None,
    base_worker_pod=PodGenerator.deserialize_model_file(str(template)),
    namespace="jobs",
    scheduler_job_id="17",
    run_id="scheduled__2026-11-28",
)
instance = types.SimpleNamespace(dag_id="etl", task_id="tiles", map_index=-1, try_number=1)
context = {"ti": instance, "run_id": "scheduled__2026-11-28", "dag": types.SimpleNamespace()}
operator = KubernetesPodOperator(
    task_id="tiles",
    name="tiles",
    namespace="jobs",
    image="tiles:1",
    cmds=["make-tiles"],
    do_xcom_push=True,
    random_name_suffix=False,
    in_cluster=False,
    config_file=os.environ["KUBECONFIG"],
).build_pod_request_obj(context)
plain = ApiClient().sanitize_for_serialization
print("\n" + json.dumps({"airflow-task/made-by-kubernetes-executor": plain(executor), "airflow-task/made-by-pod-operator": plain(operator)}))
