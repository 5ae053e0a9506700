import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { run } from '../../control-plane/command.ts';
import type { Progress } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { type GoProgram, goProgram, moduleFolder } from '../go-program.ts';
import { folderLayer, imageTarball } from '../images/image.ts';
import { versions } from '../versions.ts';
import { spark3, spark4, sparkConfig, sparkImage, sparkLayers } from './spark-image.ts';

const operatorImage = 'ghcr.io/kubeflow/spark-operator/controller';
const operatorReference = `${operatorImage}:v${versions.sparkOperator}`;
const operator: GoProgram = {
  name: 'spark-operator',
  module: 'github.com/kubeflow/spark-operator/v2',
  version: versions.sparkOperator,
  package: './cmd/operator',
};

/** As Go names what is downloaded. */
export const operatorModule = `${operator.module}@v${operator.version}`;

const minuteMs = 60_000;

/** Gives the cluster both lines of Spark and Kubeflow's operator with its webhook, as it ships; ends when that is ready. */
export const installSpark = async (cluster: Cluster, progress: Progress): Promise<void> => {
  await cluster.load(...(await sparkImages(progress)));
  await installOperator(cluster);
  progress(`spark-operator ${operator.version} is ready`);
};

/** Paths of all its images. */
export const sparkImages = async (progress: Progress): Promise<readonly string[]> => [
  await sparkImage(spark4, progress),
  await operatorTarball(await goProgram(operator, progress), progress),
  await sparkImage(spark3, progress),
];

/** Applies the operator's own kustomization, which brings back what was taken away of it, and waits until it is ready. */
export const installOperator = async ({ kubectl }: Cluster): Promise<void> => {
  const shipped = join(await moduleFolder(operatorModule), 'config/default');
  const manifests = forAllNamespaces(await kubectl('kustomize', shipped)).replaceAll(
    new RegExp(`${operatorImage}:\\S+`, 'g'),
    operatorReference,
  );
  // Its schemas are longer than the annotation that client-side apply would keep them in.
  await kubectl.withInput(manifests, 'apply', '--server-side', '-f', '-');
  for (const name of ['spark-operator-controller', 'spark-operator-webhook'])
    await kubectl('-n', 'spark-operator', 'rollout', 'status', `deployment/${name}`, '--timeout=180s');
};

interface Manifest {
  readonly kind: string;
  readonly webhooks?: readonly object[];
}

/** Its controller is shipped for all namespaces, its webhooks for `default` alone. */
const forAllNamespaces = (manifests: string): string =>
  parseAllDocuments(manifests)
    .map((document) => document.toJS() as Manifest)
    .map((manifest) => ({
      ...manifest,
      ...(manifest.webhooks && {
        webhooks: manifest.webhooks.map((webhook) => ({ ...webhook, namespaceSelector: {} })),
      }),
    }))
    .map((manifest) => stringify(manifest))
    .join('---\n');

const operatorTarball = async (program: string, progress: Progress): Promise<string> => {
  const below = await sparkLayers(spark4, progress);
  const layers = async (folder: string) => {
    const root = join(folder, 'root');
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await copyFile(program, join(root, 'usr/bin/spark-operator'));
    await run('mkdir', ['-p', '-m', '0777', join(root, 'etc/k8s-webhook-server/serving-certs')], {
      timeoutMs: minuteMs,
    });
    return [...below, await folderLayer(root, join(folder, 'operator.tar'))];
  };
  const config = { ...sparkConfig, Entrypoint: ['/usr/bin/tini', '-s', '--', '/usr/bin/spark-operator'] };
  return imageTarball({ reference: operatorReference, key: [...below, program], config, layers }, progress);
};
