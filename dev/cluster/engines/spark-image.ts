import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { debianLayer, folderLayer, imageTarball } from '../images/image.ts';
import { jarsLayer } from '../images/jars.ts';
import { versions } from '../versions.ts';

const minuteMs = 60_000;
const home = 'opt/spark';
export const javaHome = '/usr/lib/jvm/java-17-openjdk-amd64';
/** Spark looks for its user's home, where it would keep what it downloads. */
const passwd = 'root:x:0:0:root:/root:/bin/bash\nspark:x:185:185:spark:/home/spark:/bin/bash\n';
const packages = {
  [`${javaHome}/bin/javac`]: 'openjdk-17-jdk-headless',
  '/usr/bin/python3': 'python3',
  '/usr/bin/pip3': 'python3-pip',
};

/** A line of Spark: its version, and what its image holds besides. */
interface SparkLine {
  readonly version: string;
  readonly name: string;
  readonly artifacts: readonly string[];
}

/** The line that the examples name, as it comes. */
export const spark4: SparkLine = { version: versions.pyspark, name: 'spark', artifacts: [] };
/** The line before, with the connector to S3 of its Hadoop, and the agent that a JVM's metrics are exported by. */
export const spark3: SparkLine = {
  version: versions.pyspark3,
  name: 'spark-3',
  artifacts: [
    `org.apache.hadoop:hadoop-aws:${versions.hadoopAws}`,
    `io.prometheus.jmx:jmx_prometheus_javaagent:${versions.jmxExporter}`,
  ],
};

export const sparkReference = ({ version }: SparkLine): string => `docker.io/library/spark:${version}`;

/** How Spark's images run a process. */
export const sparkConfig = {
  Entrypoint: [`/${home}/entrypoint.sh`],
  Env: [`SPARK_HOME=/${home}`, `JAVA_HOME=${javaHome}`],
  User: '185:185',
  WorkingDir: '/tmp',
};

/** Layers of Debian's Java and Python, of Spark, and of what the tests run with it. */
export const sparkLayers = async (line: SparkLine, progress: Progress): Promise<readonly string[]> => {
  await ensureAptPackages({ packages, user: 'The Spark images of the tests', progress });
  const base = await debianLayer('spark', ['openjdk-17-jre-headless', 'python3', 'procps', 'tini'], progress);
  const spark = await distribution(line, progress);
  const { artifacts, name } = line;
  const more =
    artifacts.length === 0
      ? []
      : [await jarsLayer({ name: `${name}-jars`, artifacts, folder: `${home}/jars` }, progress)];
  return [base, spark, ...more, await examples(line, spark, progress)];
};

/** Path of the image of a line. */
export const sparkImage = async (line: SparkLine, progress: Progress): Promise<string> => {
  const layers = await sparkLayers(line, progress);
  const reference = sparkReference(line);
  return imageTarball({ reference, key: layers, config: sparkConfig, layers: () => Promise.resolve(layers) }, progress);
};

/** Folder of Spark's programs and jars with the example, for a client on this machine. */
export const sparkClientFolder = async (line: SparkLine, progress: Progress): Promise<string> => {
  await ensureAptPackages({ packages, user: 'The Spark client of the tests', progress });
  const spark = await distribution(line, progress);
  const layers = [spark, await examples(line, spark, progress)];
  const folder = await cached({ name: `${line.name}-client`, key: layers, progress }, async (unfinished) => {
    for (const layer of layers)
      await run('tar', ['-xf', layer, `./${home}`], { cwd: unfinished, timeoutMs: 5 * minuteMs });
  });
  return join(folder, home);
};

/** Path of a tarball of Spark itself, out of the source distribution of PySpark, which holds all its jars. */
const distribution = async ({ version, name }: SparkLine, progress: Progress): Promise<string> => {
  const folder = await cached({ name, key: [version, passwd], progress }, async (unfinished) => {
    progress(`fetching PySpark ${version} (about 400 MB)`);
    const wanted = ['--no-deps', '--no-binary', ':all:', '--dest', unfinished, `pyspark==${version}`];
    await run('pip3', ['download', '--quiet', ...wanted], { timeoutMs: 20 * minuteMs });
    await unpack(unfinished, version);
    await folderLayer(join(unfinished, 'root'), join(unfinished, 'spark.tar'));
    await removeTree(join(unfinished, 'root'));
  });
  return join(folder, 'spark.tar');
};

const unpack = async (folder: string, version: string): Promise<void> => {
  const name = `pyspark-${version}`;
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
  await run('chmod', ['-R', 'a+rX', join(folder, 'root')], { timeoutMs: minuteMs });
  await run('sh', ['-c', 'chmod a+x bin/* sbin/*'], { cwd: root, timeoutMs: minuteMs });
  await removeTree(join(folder, name));
  await removeTree(join(folder, `${name}.tar.gz`));
};

/** Path of a tarball of the entry point, and of the example compiled for that line. */
const examples = async ({ name }: SparkLine, spark: string, progress: Progress): Promise<string> => {
  const parts = ['spark-entrypoint.sh', 'SparkPi.java'].map((part) => join(import.meta.dirname, part));
  const [entry = '', source = ''] = parts;
  const key = [spark, ...(await Promise.all(parts.map((part) => readFile(part, 'utf8'))))];
  const folder = await cached({ name: `${name}-examples`, key, progress }, async (unfinished) => {
    await run('tar', ['-xf', spark, `./${home}/jars`], { cwd: unfinished, timeoutMs: 5 * minuteMs });
    const root = join(unfinished, 'root', home);
    await mkdir(join(root, 'examples/jars'), { recursive: true });
    await copyFile(entry, join(root, 'entrypoint.sh'));
    await run('chmod', ['0755', join(root, 'entrypoint.sh')], { timeoutMs: minuteMs });
    const classes = join(unfinished, 'classes');
    const bin = join(javaHome, 'bin');
    const path = ['-cp', `${join(unfinished, home)}/jars/*`];
    await run(join(bin, 'javac'), [...path, '-d', classes, source], { timeoutMs: 5 * minuteMs });
    const jar = join(root, 'examples/jars/spark-examples.jar');
    await run(join(bin, 'jar'), ['cf', jar, '-C', classes, '.'], { timeoutMs: minuteMs });
    await folderLayer(join(unfinished, 'root'), join(unfinished, 'examples.tar'));
    for (const part of ['opt', 'classes', 'root']) await removeTree(join(unfinished, part));
  });
  return join(folder, 'examples.tar');
};
