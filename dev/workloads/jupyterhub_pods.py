"""The pod of a user's server of kubespawner, as JSON by case."""
import asyncio
import json

from jupyterhub.objects import Hub, Server
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

config = Config()
config.KubeSpawner.namespace = "jobs"
config.KubeSpawner.image = "quay.io/jupyterhub/k8s-singleuser-sample:4.3.0"
config.KubeSpawner.storage_pvc_ensure = True
config.KubeSpawner.pvc_name_template = "claim-{username}"
config.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-{username}"}}]
config.KubeSpawner.volume_mounts = [{"name": "home", "mountPath": "/home/jovyan"}]
config.KubeSpawner.start_timeout = 300


class User:
    name = "ada"
    id = 1
    url = "/user/ada/"
    server = Server()
    escaped_name = "ada"


async def made():
    spawner = KubeSpawner(config=config, hub=Hub(ip="hub", connect_ip="hub", port=8081), user=User(), api_token="token", _mock=True)
    return ApiClient().sanitize_for_serialization(await spawner.get_pod_manifest())


print("\n" + json.dumps({"notebook-pod/made-by-kubespawner": asyncio.run(made())}))
