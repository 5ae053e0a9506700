import { messageOf } from '../src/api/errors.ts';
import type { Progress } from './cluster/cache.ts';
import { argoImages } from './cluster/engines/argo.ts';
import { calrissianImage } from './cluster/engines/calrissian.ts';
import { heraImage } from './cluster/engines/hera.ts';
import { sparkImages } from './cluster/engines/spark.ts';
import { goProgram } from './cluster/go-program.ts';
import { nfsServerBases, productBases } from './cluster/images/dockerfile-bases.ts';
import { storageImages } from './cluster/install/storage.ts';
import { ensurePrograms } from './cluster/programs.ts';
import { ensureAssets } from './control-plane/assets.ts';
import { ensureHelm, helmVersions } from './helm.ts';
import { jobSetController } from './workloads/controllers/job-set.ts';
import { kubeRayOperator } from './workloads/controllers/kube-ray.ts';
import { trainer, trainingOperator } from './workloads/controllers/kubeflow-training.ts';
import { oldestSparkOperator } from './workloads/controllers/spark-operator.ts';

/**
 * `node dev/fill-caches.ts`: builds now what the suites build when they come to it, in the order in which CI runs them. CI has it run beside them,
 * with what they leave of the processors. What cannot be made is told by the suite that needs it.
 */
const progress: Progress = (line) => console.log(`caches: ${line}`);

const oldest = { ...process.env, KUBERNETES_VERSION: 'oldest' };

const steps: readonly (() => Promise<unknown>)[] = [
  () => ensureAssets({ tools: ['kube-controller-manager'], progress }),
  () => ensureAssets({ tools: ['kube-controller-manager'], progress, environment: oldest }),
  ...[jobSetController, kubeRayOperator, trainingOperator, trainer, oldestSparkOperator].map(
    (program) => () => goProgram(program, progress),
  ),
  ...helmVersions.map((version) => () => ensureHelm(version, progress)),
  () => productBases(progress),
  () => ensurePrograms(progress),
  () => nfsServerBases(progress),
  () => storageImages(progress),
  () => sparkImages(progress),
  () => argoImages(progress),
  () => calrissianImage(progress),
  () => heraImage(progress),
];
for (const step of steps) await step().catch((error: unknown) => progress(`left to the suites: ${messageOf(error)}`));
