import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { folderLayer } from './image.ts';

/** Artifacts of Maven Central with all that they need, in a folder of their own. */
export interface Jars {
  readonly name: string;
  /** `group:artifact:version` */
  readonly artifacts: readonly string[];
  /** Without the leading slash. */
  readonly folder: string;
}

const minuteMs = 60_000;

/** Path of a tarball, in the cache, of jars in their folder. */
export const jarsLayer = async ({ name, artifacts, folder }: Jars, progress: Progress): Promise<string> => {
  await ensureAptPackages({ packages: { '/usr/bin/mvn': 'maven' }, user: 'The jars of the tests', progress });
  const made = await cached({ name, key: [...artifacts, folder], progress }, async (unfinished) => {
    progress(`fetching ${artifacts.join(', ')}`);
    const root = join(unfinished, 'root');
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(unfinished, 'pom.xml'), projectOf(artifacts));
    const repository = `-Dmaven.repo.local=${join(unfinished, 'repository')}`;
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(root, folder)}`];
    await run('mvn', ['-q', '-B', repository, ...goal], { cwd: unfinished, timeoutMs: 20 * minuteMs });
    await folderLayer(root, join(unfinished, 'jars.tar'));
    for (const part of ['root', 'repository']) await removeTree(join(unfinished, part));
  });
  return join(made, 'jars.tar');
};

const projectOf = (artifacts: readonly string[]): string => {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>jars</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
};
