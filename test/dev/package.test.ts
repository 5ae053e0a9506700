import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const version = async (): Promise<string> =>
  (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;

describe('npm run quartermaster', () => {
  it('takes paths from where the user stands', async () => {
    const args = ['run', '--silent', 'quartermaster', '--', 'preview', '-f', 'spark-checkpoint.yaml', '--cloud', 'gcp'];
    const { stdout } = await run('npm', args, { cwd: join(root, 'examples/volumes') });
    expect(stdout).toContain('provisioner: pd.csi.storage.gke.io');
  });
});

describe('the check before the two commands', () => {
  const check = (node: string) =>
    run(process.execPath, [
      '-e',
      `Object.defineProperty(process.versions, 'node', { value: '${node}' }); require('./dev/needs-node.cjs')`,
    ]);

  it('says in one sentence what is missing', async () => {
    const failure = await check('20.20.2').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 1, stdout: '' });
    expect((failure as { readonly stderr: string }).stderr).toMatch(
      /^Quartermaster runs on Node 24, this is 20\.20\.2: .+\n$/,
    );
  });

  it('says nothing where nothing is', async () => {
    expect(await check('24.0.0')).toEqual({ stdout: '', stderr: '' });
  });
});

describe('npm pack', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quartermaster-package-'));
    await run('npm', ['pack', '--pack-destination', folder], { cwd: root });
    await run('tar', ['-xzf', `quartermaster-${await version()}.tgz`], { cwd: folder });
  }, 60_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['quartermaster', 'kubectl-quartermaster'])('holds %s, which needs no other package', async (name) => {
    const { bin } = JSON.parse(await readFile(join(folder, 'package/package.json'), 'utf8')) as {
      readonly bin: Readonly<Record<string, string>>;
    };
    const program = join(folder, 'package', bin[name] ?? '');
    await chmod(program, 0o755);
    await symlink(program, join(folder, name));
    const { stdout } = await run(join(folder, name), [
      'preview',
      '-f',
      'examples/opt-out',
      '--cloud',
      'gcp',
      '-o',
      'diff',
    ]);
    expect(stdout).toContain('spark-pi-as-it-is stays as it is');
    expect((await run(join(folder, name), ['--version'])).stdout.trim()).toBe(await version());
  });
});
