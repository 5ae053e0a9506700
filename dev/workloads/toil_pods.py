"""The Job of a job of Toil on Kubernetes, as JSON by case: what it would send to the API server."""
import json
import types

from kubernetes.client import ApiClient
from toil.batchSystems.kubernetes import KubernetesBatchSystem
from toil.job import JobDescription

sent = []
config = types.SimpleNamespace(
    kubernetes_privileged=False, kubernetes_security_context=None, kubernetes_pod_security_context=None
)


class BatchSystem(KubernetesBatchSystem):
    def __init__(self):
        self.config = config

    def _api(self, *_, **__):
        return types.SimpleNamespace(create_namespaced_job=lambda namespace, body: sent.append(body))

    environment = {"TOIL_WORKDIR": "/var/lib/toil"}
    user_script = None
    host_path = None
    worker_work_dir = "/var/lib/toil"
    aws_secret_name = "s3-keys"
    docker_image = "quay.io/ucsc_cgl/toil:9.6.0"
    service_account = "toil"
    namespace = "jobs"
    run_id = "root-toil-0123"
    finished_job_ttl = 300
    resource_sources = []
    _acquired_resources = {}


requirements = {"cores": 1, "memory": 2147483648, "disk": 2147483648, "preemptible": False, "accelerators": []}
job = JobDescription(requirements, "tiles")
job.assignConfig(types.SimpleNamespace(**{f"default_{key}": value for key, value in requirements.items()}))
maker = BatchSystem()
maker._launch_job("root-toil-0123-0", job, maker._create_pod_spec("_toil_worker tiles", job))
print("\n" + json.dumps({"toil-pod/made-by-the-batch-system": ApiClient().sanitize_for_serialization(sent[0])}))
