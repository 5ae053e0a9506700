"""Pods of dask-kubernetes' operator: the templates of the Deployments of a scheduler and a worker, as JSON by case."""
import json

from dask_kubernetes.operator.controller.controller import build_scheduler_deployment_spec, build_worker_deployment_spec
from dask_kubernetes.operator.kubecluster.kubecluster import make_scheduler_spec, make_worker_spec

scheduler = build_scheduler_deployment_spec("geo", make_scheduler_spec("geo", image="ghcr.io/dask/dask:2026.8.0", env={"TILE_SIZE": "256"})["spec"], {}, {})
worker = build_worker_deployment_spec(
    "geo-default", "jobs", "geo", "0123456789", make_worker_spec(image="ghcr.io/dask/dask:2026.8.0", env={"TILE_SIZE": "256"})["spec"], {}, {}
)
print("\n" + json.dumps({"dask-pod/scheduler-made-by-the-operator": scheduler, "dask-pod/worker-made-by-the-operator": worker}))
