"""The Job of a run and of a step of dagster-k8s, as JSON by case."""
import json

from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
from kubernetes.client import ApiClient

config = DagsterK8sJobConfig(
    dagster_home="/opt/dagster/dagster_home",
    instance_config_map="dagster-instance",
    job_image="tiles:1",
    service_account_name="dagster",
    env_config_maps=["dagster-pipeline-env"],
)


def job(kind, component):
    return construct_dagster_k8s_job(
        config,
        args=["dagster", "api", kind],
        job_name=f"dagster-{component.replace('_worker', '')}-0123",
        component=component,
        labels={"dagster/job": "tiles", "dagster/run-id": "0123"},
    )


plain = ApiClient().sanitize_for_serialization
print(
    "\n"
    + json.dumps(
        {
            "dagster-pod/run-made-by-the-launcher": plain(job("execute_run", "run_worker")),
            "dagster-pod/step-made-by-the-executor": plain(job("execute_step", "step_worker")),
        }
    )
)
