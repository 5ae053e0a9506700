#!/usr/bin/env node
// Makes the pods of test/golden that frameworks' own clients make, anew: `npm run workloads [-- airflow dask]`.
// Each client comes from PyPI at the version below, into an environment of its own in the cache.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { podOf } from './pod-of.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'quartermaster/workloads');
/** The first of each is whose pods they are. */
const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  airflow: ['apache-airflow-providers-cncf-kubernetes==10.25.0', 'apache-airflow==3.3.2'],
  dagster: ['dagster-k8s==0.29.27', 'dagster==1.13.27'],
  dask: ['dask-kubernetes==2026.3.0'],
  jupyterhub: ['jupyterhub-kubespawner==7.1.0'],
  metaflow: ['metaflow==2.19.39', 'kubernetes==33.1.0'],
  prefect: ['prefect-kubernetes==0.8.0', 'prefect==3.9.1'],
  snakemake: ['snakemake-executor-plugin-kubernetes==0.5.1'],
  toil: ['toil==9.6.0', 'kubernetes==33.1.0'],
};
const INSTALL_WITHIN_MS = 1_200_000;
const RUN_WITHIN_MS = 300_000;

/** The interpreter of an environment that has these packages. */
const pythonWith = async (name: string, packages: readonly string[]): Promise<string> => {
  const folder = join(cache, `${name}-${packages.join('-').replace(/[^\w.-]+/g, '-')}`);
  const python = join(folder, 'bin/python');
  if (existsSync(join(folder, 'complete'))) return python;
  await mkdir(cache, { recursive: true });
  await run('python3', ['-m', 'venv', folder], { timeout: RUN_WITHIN_MS });
  await run(python, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: INSTALL_WITHIN_MS });
  await writeFile(join(folder, 'complete'), '');
  return python;
};

/** Some clients read one before they make a pod; nobody is asked by it. */
const KUBECONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'here',
  contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
  clusters: [{ name: 'here', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'me', user: {} }],
};

const make = async (name: string, packages: readonly string[]): Promise<void> => {
  const python = await pythonWith(name, packages);
  const kubeconfig = join(cache, 'kubeconfig.json');
  await writeFile(kubeconfig, JSON.stringify(KUBECONFIG));
  const { stdout } = await run(python, [join(import.meta.dirname, `${name}_pods.py`)], {
    timeout: RUN_WITHIN_MS,
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...process.env,
      KUBECONFIG: kubeconfig,
      AIRFLOW_HOME: join(cache, 'airflow-home'),
      PREFECT_HOME: join(cache, 'prefect-home'),
      PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: '200',
      METAFLOW_HOME: join(cache, 'metaflow-home'),
      DO_NOT_TRACK: '1',
    },
  });
  const cases = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Readonly<
    Record<string, Parameters<typeof podOf>[0]>
  >;
  for (const [path, made] of Object.entries(cases)) {
    const folder = join(root, 'test/golden', path);
    await mkdir(folder, { recursive: true });
    const yaml = stringify(podOf(made), { version: '1.1', aliasDuplicateObjects: false });
    await writeFile(join(folder, 'before.yaml'), `# Made by ${packages[0]}: npm run workloads -- ${name}\n${yaml}`);
    process.stdout.write(`${path}\n`);
  }
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => CLIENTS[name] === undefined);
if (unknown !== undefined) throw new Error(`${unknown} is none of ${Object.keys(CLIENTS).join(', ')}`);
for (const [name, packages] of Object.entries(CLIENTS))
  if (asked.length === 0 || asked.includes(name)) await make(name, packages);
