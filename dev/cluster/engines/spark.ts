import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { type GoProgram, goProgram, moduleFolder } from '../go-program.ts';
import { debianLayer, folderLayer, imageTarball } from '../images/image.ts';
import { versions } from '../versions.ts';

/** The image that the examples name. */
const sparkReference = `docker.io/library/spark:${versions.pyspark}`;
const operatorImage = 'ghcr.io/kubeflow/spark-operator/controller';
const operatorReference = `${operatorImage}:v${versions.sparkOperator}`;
const operator: GoProgram = {
  name: 'spark-operator',
  module: 'github.com/kubeflow/spark-operator/v2',
  version: versions.sparkOperator,
  package: './cmd/operator',
};

const minuteMs = 60_000;
const home = 'opt/spark';
const javaHome = '/usr/lib/jvm/java-17-openjdk-amd64';
const user = '185:185';
/** Spark looks for its user's home, where it would keep what it downloads. */
const passwd = 'root:x:0:0:root:/root:/bin/bash\nspark:x:185:185:spark:/home/spark:/bin/bash\n';
const packages = {
  [`${javaHome}/bin/javac`]: 'openjdk-17-jdk-headless',
  '/usr/bin/python3': 'python3',
  '/usr/bin/pip3': 'python3-pip',
};

/** Gives the cluster Spark's image and Kubeflow's operator with its webhook, both as they ship; ends when they are ready. */
export const installSpark = async (cluster: Cluster, progress: Progress): Promise<void> => {
  await ensureAptPackages({ packages, user: 'The Spark image of the tests', progress });
  const program = await goProgram(operator, progress);
  const layers = [await sparkBase(progress), await sparkLayer(progress)];
  await cluster.load(await sparkImage(layers, progress), await operatorTarball(layers, program, progress));
  const shipped = join(await moduleFolder(`${operator.module}@v${operator.version}`), 'config/default');
  const manifests = (await cluster.kubectl('kustomize', shipped)).replaceAll(
    new RegExp(`${operatorImage}:\\S+`, 'g'),
    operatorReference,
  );
  // Its schemas are longer than the annotation that client-side apply would keep them in.
  await cluster.kubectl.withInput(manifests, 'apply', '--server-side', '-f', '-');
  for (const name of ['spark-operator-controller', 'spark-operator-webhook'])
    await cluster.kubectl('-n', 'spark-operator', 'rollout', 'status', `deployment/${name}`, '--timeout=180s');
  progress(`spark-operator ${operator.version} is ready`);
};

const config = {
  Entrypoint: [`/${home}/entrypoint.sh`],
  Env: [`SPARK_HOME=/${home}`, `JAVA_HOME=${javaHome}`],
  User: user,
  WorkingDir: '/tmp',
};

const sparkBase = (progress: Progress): Promise<string> =>
  debianLayer('spark', ['openjdk-17-jre-headless', 'python3', 'procps', 'tini'], progress);

const sparkImage = (layers: readonly string[], progress: Progress): Promise<string> =>
  imageTarball({ reference: sparkReference, key: layers, config, layers: () => Promise.resolve(layers) }, progress);

const operatorTarball = (sparkLayers: readonly string[], program: string, progress: Progress): Promise<string> => {
  const layers = async (folder: string) => {
    const root = join(folder, 'root');
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await copyFile(program, join(root, 'usr/bin/spark-operator'));
    await run('mkdir', ['-p', '-m', '0777', join(root, 'etc/k8s-webhook-server/serving-certs')], {
      timeoutMs: minuteMs,
    });
    return [...sparkLayers, await folderLayer(root, join(folder, 'operator.tar'))];
  };
  const entry = { ...config, Entrypoint: ['/usr/bin/tini', '-s', '--', '/usr/bin/spark-operator'] };
  return imageTarball(
    { reference: operatorReference, key: [...sparkLayers, program], config: entry, layers },
    progress,
  );
};

/** Path of a tarball of Spark itself, out of the source distribution of PySpark, which holds all its jars. */
const sparkLayer = async (progress: Progress): Promise<string> => {
  const parts = ['spark-entrypoint.sh', 'SparkPi.java'].map((name) => join(import.meta.dirname, name));
  const key = [versions.pyspark, passwd, ...(await Promise.all(parts.map((part) => readFile(part, 'utf8'))))];
  const folder = await cached({ name: 'spark', key, progress }, async (unfinished) => {
    progress(`fetching PySpark ${versions.pyspark} (430 MB)`);
    const wanted = ['--no-deps', '--no-binary', ':all:', '--dest', unfinished, `pyspark==${versions.pyspark}`];
    await run('pip3', ['download', '--quiet', ...wanted], { timeoutMs: 20 * minuteMs });
    await unpack(unfinished);
    await compileExample(unfinished);
    await folderLayer(join(unfinished, 'root'), join(unfinished, 'spark.tar'));
    await removeTree(join(unfinished, 'root'));
  });
  return join(folder, 'spark.tar');
};

const unpack = async (folder: string): Promise<void> => {
  const name = `pyspark-${versions.pyspark}`;
  await run('tar', ['-xzf', `${name}.tar.gz`], { cwd: folder, timeoutMs: 5 * minuteMs });
  const root = join(folder, 'root', home);
  await mkdir(join(root, 'conf'), { recursive: true });
  await mkdir(join(root, 'python'));
  for (const part of ['bin', 'sbin', 'jars']) await rename(join(folder, name, 'deps', part), join(root, part));
  await mkdir(join(folder, 'root/etc'));
  await writeFile(join(folder, 'root/etc/passwd'), passwd);
  await run('mkdir', ['-p', '-m', '0777', join(folder, 'root/home/spark')], { timeoutMs: minuteMs });
  await rename(join(folder, name, 'pyspark'), join(root, 'python/pyspark'));
  await rename(join(folder, name, 'lib'), join(root, 'python/lib'));
  await copyFile(join(import.meta.dirname, 'spark-entrypoint.sh'), join(root, 'entrypoint.sh'));
  await run('chmod', ['-R', 'a+rX', join(folder, 'root')], { timeoutMs: minuteMs });
  await run('sh', ['-c', 'chmod a+x bin/* sbin/* entrypoint.sh'], { cwd: root, timeoutMs: minuteMs });
  await removeTree(join(folder, name));
  await removeTree(join(folder, `${name}.tar.gz`));
};

const compileExample = async (folder: string): Promise<void> => {
  const root = join(folder, 'root', home);
  const classes = join(folder, 'classes');
  const jars = join(root, 'examples/jars');
  await mkdir(jars, { recursive: true });
  const source = join(import.meta.dirname, 'SparkPi.java');
  const bin = join(javaHome, 'bin');
  await run(join(bin, 'javac'), ['-cp', `${root}/jars/*`, '-d', classes, source], { timeoutMs: 5 * minuteMs });
  await run(join(bin, 'jar'), ['cf', join(jars, 'spark-examples.jar'), '-C', classes, '.'], { timeoutMs: minuteMs });
  await removeTree(classes);
};
