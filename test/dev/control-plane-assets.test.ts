import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  debianArchives,
  parseDeb822Sources,
  parseOneLineSources,
  sourcePackages,
} from '../../dev/control-plane/apt-sources.ts';
import { baseTools, ensureAssets, namedByEnvironment } from '../../dev/control-plane/assets.ts';
import { withLock } from '../../dev/control-plane/build-lock.ts';
import { downloadByEnvtest } from '../../dev/control-plane/envtest-download.ts';
import { openApiPackages } from '../../dev/control-plane/kubernetes-build.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assets-test-'));
});

afterEach(() => rm(directory, { recursive: true }));

async function writeTools(...names: readonly string[]): Promise<void> {
  for (const name of names) await writeFile(join(directory, name), '');
}

describe('the build lock', () => {
  const lockUrl = new URL('../../dev/control-plane/build-lock.ts', import.meta.url).href;

  async function startHolder(file: string): Promise<ChildProcess> {
    const script = `
      import { withLock } from ${JSON.stringify(lockUrl)};
      const forever = () => new Promise((resolve) => { console.log('holding'); setTimeout(resolve, 60_000); });
      await withLock(${JSON.stringify(file)}, () => {}, forever);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    return holder;
  }

  it('is waited for while its holder lives and taken over when the holder is killed', async () => {
    const file = join(directory, 'lock');
    const holder = await startHolder(file);
    const waited = Promise.withResolvers<void>();
    const work = withLock(file, waited.resolve, () => Promise.resolve('done'));
    await waited.promise;
    holder.kill('SIGKILL');
    expect(await work).toBe('done');
  });

  it('lets one in after another, even when the first one fails', async () => {
    const file = join(directory, 'lock');
    const steps: string[] = [];
    const noteWait = () => steps.push('waits');
    await expect(withLock(file, noteWait, () => Promise.reject(new Error('half-built')))).rejects.toThrow('half-built');
    await withLock(file, noteWait, () => Promise.resolve(steps.push('works')));
    expect(steps).toEqual(['works']);
  });
});

describe('apt sources', () => {
  it('are read from one-line files, with and without options', () => {
    const text = `# a comment
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://packages.example/apt bookworm main # trailing
deb-src http://mirror.example/debian bookworm main contrib
#deb http://off.example/debian bookworm main
`;
    expect(parseOneLineSources(text)).toEqual([
      {
        uri: 'https://packages.example/apt',
        suites: ['bookworm'],
        components: ['main'],
        signedBy: '/usr/share/keyrings/a.gpg',
      },
      { uri: 'http://mirror.example/debian', suites: ['bookworm'], components: ['main', 'contrib'] },
    ]);
  });

  it('are read from deb822 files, with comments, several stanzas and a stanza that is off', () => {
    const text = `Types: deb
# a comment inside
URIs: http://mirror.example/debian http://other.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no
`;
    const shared = {
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main'],
      signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
    };
    expect(parseDeb822Sources(text)).toEqual([
      { uri: 'http://mirror.example/debian', ...shared },
      { uri: 'http://other.example/debian', ...shared },
    ]);
  });

  it('keep a key that is written into the stanza, line by line', () => {
    const key = 'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----\n';
    const [source] = parseDeb822Sources(
      `Types: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\n${key}`,
    );
    expect(source && sourcePackages(source, 'bookworm')).toContain(key.replace('Signed-By:', 'Signed-By: '));
  });

  it("give Debian's own archive before third parties, and never a disc or the security archive", () => {
    const uris = debianArchives(
      parseOneLineSources(`deb https://third.example/apt bookworm main
deb http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb cdrom:[Debian]/ bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://signed.example/d stable main
`),
      'bookworm',
    ).map((source) => source.uri);
    expect(uris).toEqual(['http://signed.example/d', 'http://mirror.example/debian', 'https://third.example/apt']);
  });
});

describe('the environment', () => {
  it('names a single tool before the directory of all of them', async () => {
    await writeTools(...baseTools, 'other-etcd');
    const found = namedByEnvironment(
      { KUBEBUILDER_ASSETS: directory, TEST_ASSET_ETCD: join(directory, 'other-etcd') },
      baseTools,
    );
    expect(found).toEqual({
      'kube-apiserver': join(directory, 'kube-apiserver'),
      etcd: join(directory, 'other-etcd'),
      kubectl: join(directory, 'kubectl'),
    });
  });

  it('wins over the cache', async () => {
    await writeTools(...baseTools);
    const assets = await ensureAssets({ environment: { KUBEBUILDER_ASSETS: directory, XDG_CACHE_HOME: directory } });
    expect(assets.kubectl).toBe(join(directory, 'kubectl'));
  });

  it('is refused by name where it points at nothing', async () => {
    await writeTools('etcd', 'kubectl');
    await expect(ensureAssets({ environment: { KUBEBUILDER_ASSETS: directory } })).rejects.toThrow(
      `KUBEBUILDER_ASSETS names ${join(directory, 'kube-apiserver')}, which does not exist: correct it, or set TEST_ASSET_KUBE_APISERVER.`,
    );
  });
});

it('gives up on a download whose server accepts and never answers', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const download = downloadByEnvtest(() => undefined, { indexUrl: `http://127.0.0.1:${port}/`, giveUpAfterMs: 200 });
  await expect(download).rejects.toThrow('timeout');
  silent.close();
});

it('picks the packages that have OpenAPI definitions, written as the vendored ones', () => {
  const packages = openApiPackages([
    'staging/src/k8s.io/api/core/v1/doc.go',
    'staging/src/k8s.io/api/core/v1/types.go',
    'staging/src/k8s.io/sample-apiserver/pkg/apis/wardle/v1/doc.go',
    'pkg/apis/abac/v0/doc.go',
    'pkg/apis/abac/v0/zz_generated.deepcopy.go',
    '',
  ]);
  expect(packages).toEqual(['k8s.io/kubernetes/pkg/apis/abac/v0', 'k8s.io/kubernetes/vendor/k8s.io/api/core/v1']);
});
