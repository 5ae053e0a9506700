import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { baseImages } from '../../dev/base-images.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

interface Step {
  readonly id?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly with?: { readonly file?: string; readonly 'build-args'?: string };
}

describe('what a Dockerfile is built from', () => {
  it.each(['Dockerfile', 'images/nfs-server/Dockerfile'])(
    'stands in arguments of %s, each with a tag',
    async (path) => {
      const bases = baseImages(await readFile(join(root, path), 'utf8'));
      expect([...bases.keys()]).toEqual(['NODE_IMAGE', 'BASE_IMAGE']);
    },
  );

  it.each([
    ['FROM debian:bookworm'],
    ['ARG A_IMAGE=a:1\nFROM ${A_IMAGE} AS one\nFROM ${B_IMAGE}'],
    ['ARG A_IMAGE=a:1\nFROM ${A_IMAGE} AS one\nCOPY --from=gcr.io/b:1 /a /a'],
    ['# syntax=docker/dockerfile:1\nARG A_IMAGE=a:1\nFROM ${A_IMAGE}'],
  ])('is refused where a stage names an image itself: %j', (dockerfile) => {
    expect(() => baseImages(dockerfile)).toThrow('takes an image of its own');
  });
});

describe('the release workflow', () => {
  let folder: string;
  let steps: readonly Step[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quartermaster-release-'));
    for (const name of ['dev', 'images', 'Dockerfile', 'node_modules', 'package.json'])
      await symlink(join(root, name), join(folder, name));
    const workflow = parse(await readFile(join(root, '.github/workflows/release.yml'), 'utf8')) as {
      readonly jobs: { readonly release: { readonly steps: readonly Step[] } };
    };
    ({ steps } = workflow.jobs.release);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs the step that pins, as the runner does, with a docker that tells this of any image. Gives what it put out. */
  const pin = async (told: string): Promise<Readonly<Record<string, string>>> => {
    const script = '#!/bin/sh\n[ "$1 $2 $3" = "buildx imagetools inspect" ] && echo "$TOLD"\n';
    await writeFile(join(folder, 'docker'), script);
    await chmod(join(folder, 'docker'), 0o755);
    const output = join(folder, 'output');
    await writeFile(output, '');
    const path = `${folder}:${resolve(process.execPath, '..')}:${process.env['PATH']}`;
    const step = steps.find(({ id }) => id === 'bases');
    const env = { ...process.env, PATH: path, GITHUB_OUTPUT: output, TOLD: told };
    await run('bash', ['-e', '-c', step?.run ?? 'false'], { cwd: folder, env });
    const outputs = (await readFile(output, 'utf8')).matchAll(/^(\w+)<<END\n(.*?)^END$/gms);
    return Object.fromEntries([...outputs].map(([, name = '', text = '']) => [name, text] as const));
  };

  it('builds each image from bases by their digests', async () => {
    const outputs = await pin(JSON.stringify({ digest: DIGEST }));
    const builds = steps.filter(({ uses = '' }) => uses.startsWith('docker/build-push-action@'));
    expect(builds.map((step) => step.with?.file ?? 'Dockerfile')).toEqual([
      'Dockerfile',
      'images/nfs-server/Dockerfile',
    ]);
    for (const { with: inputs } of builds) {
      const given = (inputs?.['build-args'] ?? '').replaceAll(
        /\$\{\{ steps\.bases\.outputs\.(\w+) \}\}/g,
        (_, name: string) => outputs[name] ?? '',
      );
      const bases = baseImages(await readFile(join(root, inputs?.file ?? 'Dockerfile'), 'utf8'));
      for (const [argument, image] of bases) expect(given.split('\n')).toContain(`${argument}=${image}@${DIGEST}`);
    }
  });

  it.each(['{}', '{"digest":"sha256:short"}'])('ends where docker tells %s', async (told) => {
    await expect(pin(told)).rejects.toThrow('docker tells no digest of docker.io/library/node:24-bookworm');
  });
});
