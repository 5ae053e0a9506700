import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, packagesAtStart } from '../../dev/bundle/bundle.ts';
import { compile, compiledCode } from '../../dev/bundle/compile.ts';
import { flagsOf, lastStage } from '../../dev/cluster/images/product-image.ts';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { checkCommand } from '../../src/cli/check.ts';
import { manifests } from '../../src/cli/manifests.ts';
import { createRecorder } from '../fixtures/command-line.ts';

/** As in the image: not root (where we are, we step down), nothing to write to, and nothing there but the bundle. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};
const FLAGS = flagsOf(lastStage(readFileSync('Dockerfile', 'utf8')));
const READ_ONLY = ['--permission', '--allow-fs-read=*'];

let directory: string;
let program: string;
let empty: string;
let atStart: ReadonlySet<string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quartermaster-bundle-'));
  program = join(directory, 'dist', 'main.mjs');
  empty = join(directory, 'empty');
  atStart = packagesAtStart(await bundle(join(directory, 'dist')));
  await mkdir(empty);
  await chmod(empty, 0o555);
  await chmod(directory, 0o555);
});
afterAll(async () => {
  await chmod(directory, 0o755);
  await rm(directory, { recursive: true });
});

const run = (...args: readonly string[]): Promise<string> => runWith({}, ...args);
const runWith = async (environment: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [...READ_ONLY, program, ...args], {
    ...NOBODY,
    cwd: empty,
    env: { HOME: '/nonexistent', TMPDIR: '/nonexistent', ...environment },
    timeout: 50_000,
    maxBuffer: 8 * 1024 * 1024,
  });
  return stdout;
};

describe('the bundle', () => {
  test('needs nothing but Node: from an empty folder it says what it can do', async () => {
    expect(await run('--help')).toContain('quartermaster');
    expect(await run('serve', '--help')).toContain('WEBHOOK_PORT');
  });

  test('prints the same install as the sources', async () => {
    expect(await run('manifests')).toBe(manifests());
  });

  test('loads no cloud SDK, Kubernetes client or certificate library before it is used', () => {
    const heavy = [...atStart].filter((name) =>
      /^(@aws-sdk|@azure|@google-cloud|@kubernetes|@peculiar|express)\b/.test(name),
    );
    expect(heavy).toEqual([]);
    expect(atStart).toContain('commander');
  });
});

test('the bundle, serving, loads no second HTTP client of Node’s and no streams of the web or a terminal', () => {
  // Without a cluster it ends as soon as all is loaded.
  const telling = 'process.on("exit", () => process.stderr.write(process.moduleLoadList.join("\\n")))';
  const { stderr } = spawnSync(process.execPath, ['--import', `data:text/javascript,${telling}`, program, 'serve'], {
    ...NOBODY,
    cwd: empty,
    env: { HOME: '/nonexistent' },
    encoding: 'utf8',
  });
  expect(stderr).toContain('NativeModule https');
  expect(stderr).not.toMatch(/NativeModule internal\/(deps\/undici|webstreams)/);
});

describe('the compiled bundle', () => {
  test('is not compiled again by the image’s user with the image’s flags, wherever it is', async () => {
    const [made, moved] = [join(directory, 'compiled'), join(directory, 'moved')];
    await chmod(directory, 0o755);
    await bundle(made);
    await compile(made, FLAGS);
    await rename(made, moved);
    // Without a cluster it ends as soon as all is loaded.
    const serve = spawnSync(process.execPath, [...FLAGS, join(moved, 'main.mjs'), 'serve'], {
      ...NOBODY,
      cwd: empty,
      env: { HOME: '/nonexistent', NODE_DEBUG_NATIVE: 'COMPILE_CACHE', ...compiledCode(moved) },
      encoding: 'utf8',
    });
    const verdicts = [...serve.stderr.matchAll(/code cache for ESM \S+\/([a-z]+)[^/]* was (\w+)/g)];
    expect(new Set(verdicts.map(([, , verdict]) => verdict))).toEqual(new Set(['accepted']));
    expect(verdicts.map(([, chunk]) => chunk)).toEqual(expect.arrayContaining(['main', 'serve']));
  });

  test('is made by the Dockerfile with the flags, and for the place, that it runs with', async () => {
    const dockerfile = await readFile('Dockerfile', 'utf8');
    const config = lastStage(dockerfile);
    const command = ['/nodejs/bin/node', ...flagsOf(config), 'dev/bundle/compile.ts', 'dist'];
    expect(dockerfile).toContain(`RUN ${JSON.stringify(command).replaceAll(',', ', ')}`);
    const variables = Object.entries(compiledCode(config.WorkingDir ?? '')).map((pair) => pair.join('='));
    expect(config.Env).toEqual(expect.arrayContaining(variables));
  });
});

describe('the bundle, serving', () => {
  let controlPlane: ControlPlane;
  beforeAll(async () => {
    controlPlane = await startControlPlane();
  });
  afterAll(() => controlPlane?.stop());

  const until = async (isTrue: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 60_000; !(await isTrue().catch(() => false)); await sleep(20)) {
      if (Date.now() > end) throw new Error('not within 60 s');
    }
  };

  test('answers the API server as nobody, as the shipped service account, without writing a file', async () => {
    await kubectl(controlPlane, ['apply', '-f', '-'], { input: manifests() });
    await kubectl(controlPlane, ['create', '-f', '-'], { input: driver });
    const kubeconfig = join(directory, 'dist', 'kubeconfig');
    await copyFile(await controlPlane.serviceAccountKubeconfig('quartermaster-system', 'quartermaster'), kubeconfig);
    await chmod(kubeconfig, 0o444);
    const [webhookPort = 0, opsPort = 0] = await freePorts(2);
    const server = spawn(process.execPath, [...READ_ONLY, program, 'serve'], {
      ...NOBODY,
      cwd: empty,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        KUBECONFIG: kubeconfig,
        CLOUD: 'hetzner',
        METADATA_ENDPOINT: 'http://127.0.0.1:1',
        WEBHOOK_HOST: '127.0.0.1',
        WEBHOOK_PORT: String(webhookPort),
        WEBHOOK_URL: `https://127.0.0.1:${webhookPort}/mutate`,
        OPS_HOST: '127.0.0.1',
        OPS_PORT: String(opsPort),
        DRAIN_SECONDS: '0',
      },
    });
    const ended = once(server, 'exit');
    try {
      const get = (what: string, as: string) => kubectl(controlPlane, ['get', what, '-o', as]);
      await until(async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok);
      await until(async () =>
        (await get('mutatingwebhookconfiguration/quartermaster', 'yaml')).includes(`:${webhookPort}/mutate`),
      );
      // What `helm test` runs waits for the API server to call by the new configuration, and stores nothing.
      const answer = await runWith({ KUBECONFIG: kubeconfig }, 'check');
      // Broken to fit, what goes on set in deeper.
      expect(answer.replaceAll(/\n {6}/g, ' ')).toMatch(
        /^Quartermaster answered about a claim in the namespace default, which was not stored:\n(?:.* nothing is read from its name, .*\n)? {2}StorageClass quartermaster-check-\w+ would be made, of the provisioner csi\.hetzner\.cloud; this is a dry run\.\n/,
      );
      expect(await get('storageclass,persistentvolumeclaims', 'name')).toBe('');
      await kubectl(controlPlane, ['create', '-f', '-'], { input: liveSettings });
      await until(async () => (await runWith({ KUBECONFIG: kubeconfig }, 'check')).includes('Refused: StorageClass '));
      await kubectl(controlPlane, ['delete', '-f', '-'], { input: liveSettings });
      await until(async () => {
        await kubectl(controlPlane, ['create', '-f', '-'], { input: claim });
        return (await get('storageclass/fast', 'name')).includes('fast');
      });
    } finally {
      server.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    const { terminal: silent } = createRecorder();
    await expect(checkCommand({ KUBECONFIG: kubeconfig }, silent, 0)).rejects.toThrow('said nothing about a claim');
    await kubectl(controlPlane, ['label', 'namespaces', '--all', 'quartermaster.dev/inject=disabled']);
    await expect(checkCommand({ KUBECONFIG: kubeconfig }, silent, 0)).rejects.toThrow('claims in no namespace');
    expect(await readdir(empty)).toEqual([]);
  });

  const driver = `
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: { name: csi.hetzner.cloud }
spec: {}
`;
  const liveSettings = `
apiVersion: v1
kind: ConfigMap
metadata: { name: quartermaster-settings, namespace: quartermaster-system }
data: { UNKNOWN_CLASS: deny }
`;
  const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { generateName: data-, namespace: default }
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: { requests: { storage: 1Gi } }
`;
});
