"""What a researcher runs: one workflow with all that Argo offers, submitted through Argo's server and waited for."""

import os
from pathlib import Path

from hera.workflows import (
    HTTP,
    Artifact,
    Container,
    ContainerNode,
    ContainerSet,
    RetryStrategy,
    Step,
    Steps,
    UserContainer,
    Volume,
    Workflow,
    WorkflowsService,
)
from hera.workflows.models import (
    ArtifactGC,
    ArtifactRepositoryRef,
    LifecycleHook,
    VolumeClaimGC,
    VolumeMount,
)

image = os.environ["IMAGE"]
namespace = os.environ["NAMESPACE"]
gateway = os.environ["GATEWAY"]
token = Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()
service = WorkflowsService(host="https://argo-server.argo.svc:2746", verify_ssl=False, token=token, namespace=namespace)


def shell(name: str, script: str, **more) -> Container:
    return Container(name=name, image=image, command=["sh", "-ec"], args=[script], **more)


with Workflow(
    name="survey",
    namespace=namespace,
    entrypoint="whole",
    on_exit="close",
    workflows_service=service,
    artifact_repository_ref=ArtifactRepositoryRef(config_map="artifact-repositories", key="bucket"),
    artifact_gc=ArtifactGC(strategy="OnWorkflowDeletion", service_account_name="default"),
    volumes=[Volume(name="work", size="64Mi", storage_class_name="survey-work", mount_path="/work")],
    volume_claim_gc=VolumeClaimGC(strategy="OnWorkflowCompletion"),
) as workflow:
    work = [VolumeMount(name="work", mount_path="/work")]
    fetch = shell(
        "fetch",
        "test -e /data/tried || { touch /data/tried; echo failing once; exit 1; };"
        " echo $HTTPS_PROXY > /tmp/tile; echo kept > /work/kept; ls /data/prepared",
        retry_strategy=RetryStrategy(limit="2"),
        outputs=[Artifact(name="tile", path="/tmp/tile")],
        volume_mounts=work,
        init_containers=[
            UserContainer(
                name="prepare", image=image, command=["sh", "-ec"], args=["echo $HTTPS_PROXY > /data/prepared"]
            )
        ],
        sidecars=[
            UserContainer(
                name="beside", image=image, command=["sh", "-ec"], args=["echo $HTTPS_PROXY > /data/beside; sleep 600"]
            )
        ],
    )
    count = shell(
        "count",
        "cat /tmp/in /work/kept /data/prepared",
        inputs=[Artifact(name="tile", path="/tmp/in")],
        volume_mounts=work,
    )
    with ContainerSet(name="grid") as grid:
        left = ContainerNode(name="left", image=image, command=["sh", "-ec"], args=["echo $HTTPS_PROXY > /data/left"])
        right = ContainerNode(
            name="right", image=image, command=["sh", "-ec"], args=["cat /data/left; echo $HTTPS_PROXY > /data/right"]
        )
        left >> right
    ask = HTTP(name="ask", url=gateway, insecure_skip_verify=True, timeout_seconds=20)
    close = shell("close", "echo {{workflow.status}} $HTTPS_PROXY > /data/closed")
    hooked = shell("hooked", "echo $HTTPS_PROXY > /data/hooked")
    with Steps(name="whole") as steps:
        fetched = Step(name="fetch", template=fetch, hooks={"exit": LifecycleHook(template="hooked")})
        with steps.parallel():
            Step(name="count", template=count, arguments=[fetched.get_artifact("tile")])
            Step(name="grid", template=grid)
            Step(name="ask", template=ask)

workflow.create()
finished = workflow.wait(poll_interval=2)
print(finished.status.phase, finished.status.message or "")
