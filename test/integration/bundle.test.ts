import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, packagesAtStart } from '../../dev/bundle/bundle.ts';
import { manifests } from '../../src/cli/manifests.ts';

/** As in the image: not root (where we are, we step down), nothing to write to, and nothing there but the bundle. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};
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

const run = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [...READ_ONLY, program, ...args], {
    ...NOBODY,
    cwd: empty,
    env: { HOME: '/nonexistent', TMPDIR: '/nonexistent' },
    timeout: 20_000,
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
