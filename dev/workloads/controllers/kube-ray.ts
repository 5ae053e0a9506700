import { join } from 'node:path';
import { type GoProgram, goProgram, moduleFolder } from '../../cluster/go-program.ts';
import { versions } from '../../cluster/versions.ts';
import { freePorts } from '../../free-ports.ts';
import { applyDefinitions, type InstallController, startController } from './controller.ts';

export const kubeRayOperator: GoProgram = {
  name: 'kuberay-operator',
  module: 'github.com/ray-project/kuberay/ray-operator',
  version: versions.kubeRay,
  package: '.',
};

/** KubeRay's operator: makes the pods of RayClusters, and RayClusters of RayServices. */
export const installKubeRay: InstallController = async (controlPlane, progress) => {
  const program = await goProgram(kubeRayOperator, progress);
  const source = await moduleFolder(`${kubeRayOperator.module}@v${kubeRayOperator.version}`);
  await applyDefinitions(controlPlane, join(source, 'config/crd/bases'));
  const [probePort = 0] = await freePorts(1);
  const flags = ['--metrics-addr=0', `--health-probe-bind-address=127.0.0.1:${probePort}`];
  return {
    start: () =>
      startController(controlPlane, { program, flags: [...flags, '--enable-leader-election=false'], probePort }),
  };
};
