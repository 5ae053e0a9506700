"""The Job of a rule of snakemake-executor-plugin-kubernetes, as JSON by case: what it would send to the API server."""
import json
import logging
import types

import snakemake_executor_plugin_kubernetes as plugin
from kubernetes.client import ApiClient

sent = []


class Executor(plugin.Executor):
    def __init__(self):
        pass

    def format_job_exec(self, job):
        return "python -m snakemake --snakefile Snakefile"

    def report_job_submission(self, info):
        pass

    def _kubernetes_retry(self, func):
        return func()

    logger = logging.getLogger("snakemake")
    container_image = "snakemake/snakemake:v9.14.0"
    namespace = "jobs"
    run_namespace = "snakemake-0123"
    persistent_volumes = []
    secret_envvars = {}
    k8s_service_account_name = None
    k8s_cpu_scalar = 0.95
    privileged = False
    batchapi = types.SimpleNamespace(create_namespaced_job=lambda namespace, body: sent.append(body))


job = types.SimpleNamespace(
    resources={"_cores": 2, "mem_mb": 2000, "disk_mb": 1000}, jobid=1, attempt=1, is_containerized=False
)
Executor().run_job(job)
print("\n" + json.dumps({"snakemake-pod/made-by-the-executor": ApiClient().sanitize_for_serialization(sent[0])}))
