import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  baseTools,
  cacheDirectory,
  ensureAssets,
  envtestRange,
  namedByEnvironment,
} from '../../dev/control-plane/assets.ts';
import { withLock } from '../../dev/control-plane/build-lock.ts';
import { downloadByEnvtest } from '../../dev/control-plane/envtest-download.ts';
import { goVersion } from '../../dev/control-plane/go.ts';
import { type BuildOptions, buildPrograms, kubernetesModule } from '../../dev/control-plane/kubernetes-build.ts';
import { wantedVersion } from '../../dev/control-plane/versions.ts';

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
  const download = downloadByEnvtest('1.37.x', () => undefined, {
    indexUrl: `http://127.0.0.1:${port}/`,
    giveUpAfterMs: 200,
  });
  await expect(download).rejects.toThrow('timeout');
  silent.close();
});

describe('the version', () => {
  it.each([
    [undefined, '1.37.2'],
    ['', '1.37.2'],
    ['newest', '1.37.2'],
    ['oldest', '1.34.4'],
    ['1.35.4', '1.35.4'],
    ['v1.36.3', '1.36.3'],
  ])('of KUBERNETES_VERSION=%s is %s', (named, version) => {
    expect(wantedVersion({ KUBERNETES_VERSION: named })).toBe(version);
  });

  it.each(['1.37', 'latest', '1.37.2/../..'])('is refused where it is %s', (named) => {
    expect(() => wantedVersion({ KUBERNETES_VERSION: named })).toThrow(
      `KUBERNETES_VERSION is ${named}: give oldest, newest, or a whole version such as 1.35.4.`,
    );
  });

  it('has a folder of its own in the cache', () => {
    const folder = (named: string) => cacheDirectory({ KUBERNETES_VERSION: named, XDG_CACHE_HOME: '/cache' });
    expect(folder('oldest')).toMatch(/^\/cache\/quartermaster\/control-plane\/1\.34\.4-etcd-/);
    expect(folder('oldest')).not.toBe(folder('newest'));
  });

  it("is open to any that is supported where envtest's download is all that is wanted, else its minor", () => {
    expect(envtestRange({}, baseTools)).toBe('1.34.x - 1.37.x');
    expect(envtestRange({}, ['kubectl', 'kube-controller-manager'])).toBe('1.37.x');
    expect(envtestRange({ KUBERNETES_VERSION: 'oldest' }, baseTools)).toBe('1.34.x');
  });
});

describe("the go.mod that Kubernetes' commands build under", () => {
  const goMod = `module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
\tk8s.io/api v0.0.0
\tk8s.io/klog/v2 v2.140.0
\tk8s.io/utils v0.0.0-20260626114624-be93311217bd
\tk8s.io/pod-security-admission v0.0.0
)
`;

  it('takes the staging repositories as they are published, and nothing else', () => {
    expect(kubernetesModule(goMod, '1.37.2')).toBe(`module controlplane
go 1.26.0
godebug default=go1.26
require k8s.io/kubernetes v1.37.2
replace k8s.io/api => k8s.io/api v0.37.2
replace k8s.io/pod-security-admission => k8s.io/pod-security-admission v0.37.2
`);
  });

  it('names the Go that builds it, as a toolchain is named', () => {
    expect(goVersion(goMod)).toBe('1.26.0');
    expect(goVersion('go 1.24\n')).toBe('1.24.0');
    expect(() => goVersion('module old\n')).toThrow('names no version of Go');
  });
});

describe('the build from Go modules', () => {
  const buildUrl = new URL('../../dev/control-plane/kubernetes-build.ts', import.meta.url).href;
  let cache: string;

  /** A Go that has every module, and builds programs that say which they are. `build` goes before the last of it is written. */
  async function writeGo({ version = 'go1.26.8', build = ':' } = {}): Promise<void> {
    const bin = join(directory, 'go-bin');
    const module = join(directory, 'module');
    await mkdir(join(module, 'bin'), { recursive: true });
    await mkdir(join(module, 'pkg', 'tool'), { recursive: true });
    await mkdir(bin, { recursive: true });
    await writeFile(join(module, 'go.mod'), 'module any\n\ngo 1.26.0\n');
    await writeFile(
      join(bin, 'go'),
      `#!/bin/sh
echo "$@" >>${directory}/calls
case "$1 $3" in
  'version ') echo 'go version ${version} linux/amd64' ;;
  'mod -json') echo '{"Dir": "${module}", "GoMod": "${module}/go.mod"}' ;;
  'build -ldflags')
    echo 'half of' >"$6"
    ${build}
    echo "$7" >>"$6" ;;
esac
`,
    );
    await chmod(join(bin, 'go'), 0o755);
    await writeFile(join(module, 'bin', 'go'), await readFile(join(bin, 'go')));
  }

  function options(): BuildOptions {
    return { cache, version: '1.37.2', environment: environment(), progress: (line) => lines.push(line) };
  }

  function environment(): NodeJS.ProcessEnv {
    return { PATH: `${join(directory, 'go-bin')}:${process.env['PATH']}` };
  }

  const calls = () => readFile(join(directory, 'calls'), 'utf8');
  const built = (program: string) => readFile(join(cache, 'bin', program), 'utf8');
  let lines: string[];

  beforeEach(async () => {
    cache = join(directory, 'cache');
    lines = [];
    await writeGo();
  });

  it('gives each program whole, says how it goes, and leaves nothing else', async () => {
    await buildPrograms(['kubectl', 'etcd'], options());
    expect(await built('kubectl')).toBe('half of\nk8s.io/kubernetes/cmd/kubectl\n');
    expect(await built('etcd')).toBe('half of\n.\n');
    expect(await readdir(cache)).toEqual(['bin']);
    expect(lines[0]).toContain('building kubectl, etcd of Kubernetes 1.37.2 from Go modules, once');
    expect(lines.at(-1)).toMatch(/^etcd is built, in \d+ s$/);
  });

  it("takes agnhost from the control plane's own module", async () => {
    await buildPrograms(['agnhost'], options());
    expect(await built('agnhost')).toContain('k8s.io/kubernetes/test/images/agnhost');
  });

  it("keeps what was finished when one fails, and ends with Go's last lines", async () => {
    await writeGo({ build: 'case "$7" in *controller*) echo no space left >&2; exit 1 ;; esac' });
    const building = buildPrograms(['kubectl', 'kube-controller-manager'], options());
    await expect(building).rejects.toThrow('no space left');
    expect(await readdir(join(cache, 'bin'))).toEqual(['kubectl']);
    expect(await readdir(cache)).toEqual(['bin']);
  });

  it('takes nothing of a run that was killed in the middle, and clears it away', async () => {
    await writeGo({ build: 'echo begun >&2; sleep 60' });
    const script = `
      import { buildPrograms } from ${JSON.stringify(buildUrl)};
      const progress = (line) => { if (line.startsWith('fetching')) console.log(line); };
      await buildPrograms(['kubectl'], { ...${JSON.stringify(options())}, progress });`;
    const builder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await expect.poll(() => halfBuilt(cache)).toBe('half of\n');
    builder.kill('SIGKILL');
    await once(builder, 'exit');
    expect(await readdir(join(cache, 'bin'))).toEqual([]);
    await writeGo();
    await buildPrograms(['kubectl'], options());
    expect(await built('kubectl')).toBe('half of\nk8s.io/kubernetes/cmd/kubectl\n');
    expect(await readdir(cache)).toEqual(['bin']);
  });

  it('has a Go too old to fetch another build with the toolchain that the module names', async () => {
    await writeGo({ version: 'go1.19.8' });
    await buildPrograms(['kubectl'], options());
    expect(await calls()).toMatch(/golang\.org\/toolchain@v0\.0\.1-go1\.26\.0\.linux-(amd64|arm64)/);
    expect(await built('kubectl')).toContain('cmd/kubectl');
  });

  it('is done once where two runs want it', async () => {
    const assets = { KUBERNETES_VERSION: '1.35.4', XDG_CACHE_HOME: directory, ...environment() };
    for (const tool of baseTools) await writeTools(tool);
    const named = Object.fromEntries(
      baseTools.map((tool) => [`TEST_ASSET_${tool.toUpperCase().replaceAll('-', '_')}`, join(directory, tool)]),
    );
    const ensure = () =>
      ensureAssets({ environment: { ...assets, ...named }, tools: ['agnhost'], progress: (line) => lines.push(line) });
    const [first, second] = await Promise.all([ensure(), ensure()]);
    expect(first).toEqual(second);
    expect((await calls()).match(/^build /gm)).toHaveLength(1);
  });
});

/** What is written so far of a program that is being built; undefined before that. */
async function halfBuilt(cache: string): Promise<string | undefined> {
  const names = await readdir(cache).catch(() => []);
  const workshop = names.find((name) => name.startsWith('building-'));
  if (workshop === undefined) return undefined;
  return readFile(join(cache, workshop, 'kubectl'), 'utf8').catch(() => undefined);
}
