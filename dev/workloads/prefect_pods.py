"""The Job of a flow run of prefect-kubernetes' worker, as JSON by case."""
import asyncio
import json
import uuid

from prefect.client.schemas import FlowRun
from prefect_kubernetes.worker import KubernetesWorker


async def made():
    worker = KubernetesWorker
    configuration = await worker.job_configuration.from_template_and_values(
        worker.get_default_base_job_template(), {"image": "tiles:1", "namespace": "jobs", "env": {"TILE_SIZE": "256"}}
    )
    run = FlowRun(id=uuid.UUID(int=1), flow_id=uuid.UUID(int=2), name="tiles")
    configuration.prepare_for_flow_run(run, worker_name="worker-1")
    job = configuration.job_manifest
    # What tells of the machine this runs on.
    own = ("PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_ENABLED", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS")
    for container in job["spec"]["template"]["spec"]["containers"]:
        container["env"] = [variable for variable in container["env"] if variable["name"] not in own]
    return job


print("\n" + json.dumps({"prefect-pod/made-by-the-worker": asyncio.run(made())}))
