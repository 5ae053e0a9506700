import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { cached, type Progress } from '../../cluster/cache.ts';
import { javaHome } from '../../cluster/engines/spark-image.ts';
import { jarsLayer } from '../../cluster/images/jars.ts';
import { versions } from '../../cluster/versions.ts';
import { run } from '../../control-plane/command.ts';
import type { Azurite } from '../../stubs/azurite.ts';

/** Hadoop's own client of Azure's storage on this machine. It knows the host names of one account alone, which are azurite's here. */
export interface Abfs {
  /** Lines it prints: the text of the file, and what is in the folder. Throws an Error with all it said where it fails. */
  readonly call: (call: AbfsCall) => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
}

interface AbfsCall {
  /** abfss:// */
  readonly folder: string;
  readonly file: string;
  /** Left out to read the file. */
  readonly text?: string;
  readonly conf?: Readonly<Record<string, string>>;
  /** Beside `conf`, as a workload mounts it. */
  readonly coreSite?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const CALL_WITHIN_MS = 120_000;
const UNPACK_WITHIN_MS = 60_000;
const PASSWORD = 'changeit';

/** Azurite has neither hierarchical names nor their endpoint: a file is a blob to the client, and it asks once, not for minutes. */
const STAND_IN = {
  'fs.azure.fns.account.service.type': 'BLOB',
  'fs.azure.io.retry.max.retries': '0',
};

export const installAbfs = async ({ account, address, caBundle }: Azurite, progress: Progress): Promise<Abfs> => {
  const jars = await jarsFolder(progress);
  const directory = await mkdtemp(join(tmpdir(), 'abfs-'));
  const hosts = join(directory, 'hosts');
  const hostNames = ['blob', 'dfs'].map((service) => `${account}.${service}.core.windows.net`);
  await writeFile(hosts, `${address} ${hostNames.join(' ')}\n`);
  await writeFile(join(directory, 'authority.pem'), caBundle);
  const trusted = join(directory, 'trusted.p12');
  const store = ['-keystore', trusted, '-storetype', 'PKCS12', '-storepass', PASSWORD];
  const imported = ['-importcert', '-noprompt', '-alias', 'azurite', '-file', join(directory, 'authority.pem')];
  await run(join(javaHome, 'bin/keytool'), [...imported, ...store], { timeoutMs: CALL_WITHIN_MS });
  const flags = [
    // No other name is found then, by whatever in the process.
    `-Djdk.net.hosts.file=${hosts}`,
    ...[`-Djavax.net.ssl.trustStore=${trusted}`, `-Djavax.net.ssl.trustStorePassword=${PASSWORD}`],
  ];
  let calls = 0;
  return {
    call: async ({ folder, file, text, conf = {}, coreSite, environment = {} }) => {
      const configuration = join(directory, `conf-${++calls}`);
      await mkdir(configuration);
      if (coreSite !== undefined) await writeFile(join(configuration, 'core-site.xml'), coreSite);
      const program = ['-cp', `${configuration}:${jars}/*`, join(import.meta.dirname, 'Abfs.java')];
      const what = [folder, text === undefined ? 'read' : 'write', file, text ?? ''];
      const keys = Object.entries({ ...conf, ...STAND_IN }).flat();
      const said = await run(join(javaHome, 'bin/java'), [...flags, ...program, ...what, ...keys], {
        env: { HOME: directory, ...environment },
        timeoutMs: CALL_WITHIN_MS,
      });
      return said.trim().split('\n');
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
};

const jarsFolder = async (progress: Progress): Promise<string> => {
  const packages = { [`${javaHome}/bin/javac`]: 'openjdk-17-jdk-headless' };
  await ensureAptPackages({ packages, user: 'The Azure client of the tests', progress });
  const artifacts = ['hadoop-azure', 'hadoop-common'].map(
    (part) => `org.apache.hadoop:${part}:${versions.hadoopAzure}`,
  );
  const layer = await jarsLayer({ name: 'hadoop-azure-jars', artifacts, folder: 'hadoop-azure' }, progress);
  const folder = await cached({ name: 'hadoop-azure', key: [layer], progress }, async (unfinished) => {
    await run('tar', ['-xf', layer], { cwd: unfinished, timeoutMs: UNPACK_WITHIN_MS });
  });
  return join(folder, 'hadoop-azure');
};
