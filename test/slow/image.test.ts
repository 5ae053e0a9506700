import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureAptPackages } from '../../dev/apt-packages.ts';
import type { Sbom } from '../../dev/bundle/sbom.ts';
import { type Buildah, buildObstacle, openBuildah } from '../../dev/cluster/images/buildah.ts';
import type { ImageConfig } from '../../dev/cluster/images/image.ts';
import { lastStage, productImage } from '../../dev/cluster/images/product-image.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { licencesOf } from '../../dev/licences.ts';
import { manifests } from '../../src/cli/manifests.ts';
import { VERSION } from '../../src/install/options.ts';
import { isAdmitting } from '../faults/direct-review.ts';
import { type ContainerRun, type ImageRoot, startContainer } from '../fixtures/image-container.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark } from '../fixtures/spark-world.ts';

const REFERENCE = 'docker.io/library/quartermaster:0.1.0';
/** As .github/workflows/release.yml has it compressed. */
const COMPRESSION = ['--compression-format', 'zstd', '--compression-level', '19'];
const LARGEST_BYTES = 45_000_000;
const progress = (line: string): void => void process.stderr.write(`image: ${line}\n`);

const obstacle = buildObstacle();
if (obstacle !== undefined && process.env['CI'] !== undefined) throw new Error(obstacle);
if (obstacle !== undefined) progress(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== undefined)('the image that the Dockerfile makes', () => {
  let buildah: Buildah;
  let image: ImageRoot;
  let entrypoint: readonly string[];

  beforeAll(async () => {
    await ensureAptPackages({ packages: { '/usr/sbin/runc': 'runc' }, user: 'Running the image', progress });
    const tarball = await productImage(REFERENCE, progress);
    buildah = await openBuildah(progress);
    await buildah.run('pull', '--quiet', `docker-archive:${tarball}`);
    const inspected = await buildah.run('inspect', '--type', 'image', REFERENCE);
    const { OCIv1 } = JSON.parse(inspected) as { readonly OCIv1: { readonly config: ImageConfig } };
    const container = (await buildah.run('from', '--pull=never', REFERENCE)).trim();
    image = { config: OCIv1.config, root: (await buildah.run('mount', container)).trim() };
    entrypoint = OCIv1.config.Entrypoint ?? [];
  });
  afterAll(() => buildah?.[Symbol.asyncDispose]());

  const run = async (command: readonly string[], env: ContainerRun['env'] = {}) => {
    await using container = await startContainer(image, { command, env });
    return await container.ended;
  };
  const entriesOf = (folder: string): readonly string[] => readdirSync(join(image.root, folder));

  it('runs Node as a user that Kubernetes can tell from root', () => {
    const { Env = [], ...config } = lastStage(readFileSync('Dockerfile', 'utf8'));
    expect(image.config).toMatchObject(config);
    expect(image.config.Env).toEqual(expect.arrayContaining([...Env]));
    expect(config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('has no shell and no package manager, nothing but the base, Node and the bundle', () => {
    const programs = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin'].flatMap((folder) =>
      existsSync(join(image.root, folder)) ? entriesOf(folder) : [],
    );
    expect(programs.filter((name) => /^(?:ba|da)?sh$|^busybox$|^np[mx]$|^apt|^dpkg/.test(name))).toEqual([]);
    expect(entriesOf('nodejs/bin')).toEqual(['node']);
    expect(entriesOf('quartermaster')).toEqual(
      expect.arrayContaining(['chunks', 'compiled', 'main.mjs', 'sbom.cdx.json', 'schemas']),
    );
  });

  it('says its version and prints its install from a root that nobody can write to', async () => {
    expect(await run([...entrypoint, '--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    expect((await run([...entrypoint, 'manifests'])).stdout).toBe(manifests());
    const [node = ''] = entrypoint;
    const writing = await run([node, '-e', 'require("node:fs").writeFileSync("/quartermaster/file", "")']);
    expect(writing.stderr).toContain('EROFS');
    const who = 'process.stdout.write(JSON.stringify([process.getuid(), process.getgid(), process.pid]))';
    expect(JSON.parse((await run([node, '-e', who])).stdout)).toEqual([65_532, 65_532, 1]);
  });

  it('is ended by the kernel where it takes more memory than the manifests allow', async () => {
    const hoard = 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 24, all.length + 1));';
    const { code } = await run([entrypoint[0] ?? '', '-e', hoard]);
    // 128 and SIGKILL, as runtimes report it.
    expect(code).toBe(137);
  });

  it('holds what V8 compiled with the very Node and flags that it runs with', async () => {
    // Without a cluster it ends as soon as all is loaded.
    const { stderr } = await run([...entrypoint, 'serve'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
    const verdicts = [...stderr.matchAll(/code cache for ESM \S+\/([a-z]+)[^/]* was (\w+)/g)];
    expect(new Set(verdicts.map(([, , verdict]) => verdict))).toEqual(new Set(['accepted']));
    expect(verdicts.map(([, chunk]) => chunk)).toEqual(expect.arrayContaining(['main', 'serve']));
  });

  it('lists in its SBOM what is shipped, and nothing that only builds it', () => {
    const { components } = JSON.parse(readFileSync(join(image.root, 'quartermaster/sbom.cdx.json'), 'utf8')) as Sbom;
    const shipped = [...licencesOf(readFileSync('package-lock.json', 'utf8')).values()].flat();
    expect(components.map((component) => component['bom-ref']).toSorted()).toEqual(shipped.toSorted());
    progress(`${components.length} packages in its SBOM`);
  });

  it('is under 45 MB to pull, as a release compresses it', async () => {
    const folder = join(buildah.folder, 'pushed');
    await buildah.run('push', '--quiet', ...COMPRESSION, REFERENCE, `oci:${folder}`);
    const sizes = await layerSizes(folder);
    progress(`layers of ${sizes.join(' and ')} bytes`);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LARGEST_BYTES);
  });

  describe('beside an API server', () => {
    let cluster: ShippedCluster;
    let account: string;
    beforeAll(async () => {
      cluster = await startShippedCluster();
      await prepareSpark(cluster.admin);
      account = await accountFolder(cluster);
    });
    afterAll(() => cluster?.controlPlane.stop());

    it.each(['making the certificate', 'with the certificate there'])(
      '%s, is ready, admits, takes less than 120 MB, and ends when it is told to',
      async (how) => {
        const [webhook = 0, ops = 0] = await freePorts(2);
        const startedAt = performance.now();
        await using container = await startContainer(image, {
          command: [...entrypoint, ...(image.config.Cmd ?? [])],
          env: environmentOf(cluster, { webhook, ops }),
          folders: { '/var/run/secrets/kubernetes.io/serviceaccount': account },
        });
        const isReady = async () => (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok;
        await expect.poll(isReady, { timeout: 60_000, interval: 10 }).toBe(true);
        const readyMs = performance.now() - startedAt;
        const pid = await container.pid();
        const megabytes = await residentMegabytes(pid);
        progress(`${how}: ready ${readyMs.toFixed(0)} ms after runc was called, ${megabytes.toFixed(0)} MiB resident`);
        expect(megabytes).toBeLessThan(120);
        expect(await isAdmitting({ webhookUrl: `https://127.0.0.1:${webhook}/mutate` })).toBe(true);
        process.kill(pid, 'SIGTERM');
        const { code, stderr } = await container.ended;
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      },
    );
  });
});

const residentMegabytes = async (pid: number): Promise<number> => {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
};

/** Bytes of each layer of the one image in a folder of OCI's layout. */
const layerSizes = async (folder: string): Promise<readonly number[]> => {
  const read = async <T>(path: string): Promise<T> => JSON.parse(await readFile(join(folder, path), 'utf8')) as T;
  const { manifests: all } = await read<{ readonly manifests: readonly { readonly digest: string }[] }>('index.json');
  const blob = `blobs/${all[0]?.digest.replace(':', '/')}`;
  const { layers } = await read<{ readonly layers: readonly { readonly size: number }[] }>(blob);
  return layers.map(({ size }) => size);
};

/** A service account's files, as a pod has them. */
const accountFolder = async ({ controlPlane }: ShippedCluster): Promise<string> => {
  const folder = await mkdtemp(join(controlPlane.directory, 'account-'));
  const asked = ['create', 'token', 'quartermaster', '-n', 'quartermaster-system', '--duration=1h'];
  await writeFile(join(folder, 'token'), (await kubectl(controlPlane, asked)).trim());
  await writeFile(join(folder, 'ca.crt'), controlPlane.caPem);
  for (const path of ['', 'token', 'ca.crt']) await chmod(join(folder, path), path === '' ? 0o755 : 0o444);
  return folder;
};

const environmentOf = (
  { controlPlane }: ShippedCluster,
  { webhook, ops }: { readonly webhook: number; readonly ops: number },
): NonNullable<ContainerRun['env']> => ({
  KUBERNETES_SERVICE_HOST: new URL(controlPlane.url).hostname,
  KUBERNETES_SERVICE_PORT: new URL(controlPlane.url).port,
  ...{ CLOUD: 'hetzner', METADATA_ENDPOINT: 'http://127.0.0.1:1', DRAIN_SECONDS: '0' },
  ...{ WEBHOOK_HOST: '127.0.0.1', WEBHOOK_PORT: String(webhook), OPS_HOST: '127.0.0.1', OPS_PORT: String(ops) },
  WEBHOOK_URL: `https://127.0.0.1:${webhook}/mutate`,
});
