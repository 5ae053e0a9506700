import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findConnection } from '../../src/kube/connection.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-kubeconfig-'));
  const files = {
    staging: kubeconfig({ current: 'staging', name: 'staging' }),
    production: kubeconfig({ current: 'production', name: 'production' }),
    chooser: 'apiVersion: v1\nkind: Config\ncurrent-context: production\n',
    undecided: kubeconfig({ current: '""', name: 'undecided' }),
    other: kubeconfig({ current: 'staging', name: 'staging', host: 'other' }),
    empty: '',
    remarks: '# nothing yet\n',
    broken: 'a: [',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const kubeconfig = (as: { readonly current: string; readonly name: string; readonly host?: string }): string => `
apiVersion: v1
kind: Config
current-context: ${as.current}
clusters: [{ name: ${as.name}, cluster: { server: "https://${as.host ?? as.name}.example.org:6443" } }]
users: [{ name: user-of-${as.name}, user: { token: of-${as.host ?? as.name} } }]
contexts: [{ name: ${as.name}, context: { cluster: ${as.name}, user: user-of-${as.name} } }]
`;

const connectionOf = (names: readonly string[]) =>
  findConnection({ KUBECONFIG: names.map((name) => join(folder, name)).join(':') });

/** Where kubectl 1.34 goes with the same KUBECONFIG, and as whom. */
it.each<readonly [names: readonly string[], host: string]>([
  [['staging', 'production'], 'staging'],
  [['production', 'staging'], 'production'],
  [['chooser', 'staging', 'production'], 'production'],
  [['undecided', 'staging'], 'staging'],
  [['staging', 'other'], 'staging'],
  [['other', 'staging'], 'other'],
  [['missing', 'staging', 'absent'], 'staging'],
  [['empty', 'staging'], 'staging'],
  [['remarks', 'staging'], 'staging'],
])('of the kubeconfigs %j that of %s holds, as for kubectl', async (names, host) => {
  const { server, credentials } = await connectionOf(names);
  expect(server.hostname).toBe(`${host}.example.org`);
  expect((await credentials()).headers).toEqual({ authorization: `Bearer of-${host}` });
});

it.each<readonly [names: readonly string[], message: RegExp]>([
  [['missing', 'absent'], /missing cannot be read: ENOENT/],
  [['staging', 'broken'], /broken cannot be read/],
  [['empty'], /has no current context/],
])('refuses the kubeconfigs %j', async (names, message) => {
  await expect(connectionOf(names)).rejects.toThrow(message);
});
