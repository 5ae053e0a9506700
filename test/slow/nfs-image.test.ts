import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureAptPackages } from '../../dev/apt-packages.ts';
import { type Buildah, buildObstacle, openBuildah } from '../../dev/cluster/images/buildah.ts';
import type { ImageConfig } from '../../dev/cluster/images/image.ts';
import { lastStage, nfsServerImage } from '../../dev/cluster/images/product-image.ts';
import { run } from '../../dev/control-plane/command.ts';
import { VERSION } from '../../src/install/options.ts';
import { nfsServer } from '../../src/kinds/persistent-volume-claim/nfs/parts.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { type ContainerLimits, type ImageRoot, startContainer } from '../fixtures/image-container.ts';

const REFERENCE = 'docker.io/library/quartermaster-nfs-server:0.1.0';
const DOCKERFILE = 'images/nfs-server/Dockerfile';
const progress = (line: string): void => void process.stderr.write(`image: ${line}\n`);

const obstacle = buildObstacle();
if (obstacle !== undefined && process.env['CI'] !== undefined) throw new Error(obstacle);
if (obstacle !== undefined) progress(`skipped: ${obstacle}`);

interface NfsPod {
  readonly containers: readonly [
    {
      readonly env: readonly [{ readonly name: string }];
      readonly readinessProbe: { readonly httpGet: { readonly path: string } };
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly securityContext: {
        readonly allowPrivilegeEscalation: boolean;
        readonly readOnlyRootFilesystem: boolean;
        readonly capabilities: { readonly add: readonly string[] };
      };
      readonly volumeMounts: readonly { readonly mountPath: string }[];
    },
  ];
}

/** The container that Quartermaster makes of it. */
const shippedContainer = () => {
  const request = { className: 'team-nfs', requestedGi: 1, diskClass: 'disk', software: 'quartermaster' } as const;
  const { deployment } = nfsServer(request, policyOf(readSettings({})));
  return (deployment as unknown as { spec: { template: { spec: NfsPod } } }).spec.template.spec.containers[0];
};

describe.skipIf(obstacle !== undefined)('the image that the Dockerfile of the NFS servers makes', () => {
  let buildah: Buildah;
  let image: ImageRoot;

  beforeAll(async () => {
    const packages = { '/usr/sbin/runc': 'runc', '/usr/bin/mmdebstrap': 'mmdebstrap' };
    await ensureAptPackages({ packages, user: 'Running the image', progress });
    const tarball = await nfsServerImage(REFERENCE, progress);
    buildah = await openBuildah(progress);
    await buildah.run('pull', '--quiet', `docker-archive:${tarball}`);
    const inspected = await buildah.run('inspect', '--type', 'image', REFERENCE);
    const { OCIv1 } = JSON.parse(inspected) as { readonly OCIv1: { readonly config: ImageConfig } };
    const container = (await buildah.run('from', '--pull=never', REFERENCE)).trim();
    image = { config: OCIv1.config, root: (await buildah.run('mount', container)).trim() };
  });
  afterAll(() => buildah?.[Symbol.asyncDispose]());

  const limitsOf = ({ securityContext, volumeMounts }: ReturnType<typeof shippedContainer>): ContainerLimits => {
    expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    return {
      user: { uid: 0, gid: 0 },
      capabilities: securityContext.capabilities.add,
      writable: volumeMounts.map(({ mountPath }) => mountPath),
      hasOwnNetwork: true,
    };
  };

  it('runs what its Dockerfile says, with the base that it was built from told by a label', () => {
    const { Env = [], ...config } = lastStage(readFileSync(DOCKERFILE, 'utf8'));
    expect(image.config).toMatchObject(config);
    expect(image.config.Env).toEqual(expect.arrayContaining([...Env]));
    expect(image.config.Labels).toMatchObject({
      'org.opencontainers.image.base.name': 'docker.io/library/debian:bookworm-slim',
      'org.opencontainers.image.version': VERSION,
    });
    expect(readFileSync(join(image.root, 'etc/debian_version'), 'utf8')).toMatch(/^12\./);
  });

  it('serves NFS as Quartermaster runs it, and ends well when it is told to', async () => {
    const container = shippedContainer();
    const [{ name: token }] = container.env;
    const port = container.ports.find(({ name }) => name === 'agent')?.containerPort;
    await using server = await startContainer(image, {
      command: [...(image.config.Entrypoint ?? []), ...(image.config.Cmd ?? [])],
      env: { [token]: 'a token' },
      limits: limitsOf(container),
    });
    const url = `http://127.0.0.1:${port}${container.readinessProbe.httpGet.path}`;
    const ask = `fetch(${JSON.stringify(url)}).then(({ status }) => process.stdout.write(String(status)))`;
    /** In its network: the agent answers well where Ganesha answers a call over NFS. */
    const status = async (): Promise<string> => {
      const inside = ['--net', '--target', String(await server.pid()), process.execPath, '-e', ask];
      return run('nsenter', inside, { timeoutMs: 10_000 });
    };
    await expect.poll(() => status().catch(String), { timeout: 60_000, interval: 200 }).toBe('200');
    process.kill(await server.pid(), 'SIGTERM');
    const { code, stdout } = await server.ended;
    expect(stdout).toContain('ganesha ended with 0');
    expect(code).toBe(0);
  });
});
