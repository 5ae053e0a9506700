import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createAgent } from '../../src/nfs-server/agent.ts';
import type { ExportList } from '../../src/nfs-server/export-list.ts';

const list: ExportList = {
  clients: ['10.0.0.0/8'],
  exports: [{ path: '/export/volumes/team-a/pvc-1', squash: 'root' }],
  removed: [],
};

let server: Server | undefined;
afterEach(() => server?.close());

const start = async (isServing = true) => {
  const applied: ExportList[] = [];
  const apply = (wanted: ExportList): Promise<void> => {
    applied.push(wanted);
    return wanted.removed.length > 0 ? Promise.reject(new Error('the disk is full')) : Promise.resolve();
  };
  server = createAgent({ token: 'secret', isServing: () => Promise.resolve(isServing), apply });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const version = async () => {
    const headers = { authorization: 'Bearer secret' };
    return (await fetch(`http://127.0.0.1:${port}/exports`, { headers })).headers.get('etag') ?? undefined;
  };
  const ask = async (path: string, body?: unknown, token = 'secret', ifMatch?: string) => {
    const headers = { authorization: `Bearer ${token}`, ...(ifMatch !== undefined && { 'if-match': ifMatch }) };
    const put = { method: 'PUT', headers, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? {} : put);
    return [response.status, (await response.text()).trim()] as const;
  };
  return { ask, applied, version };
};

test('who bears the token has a list served', async () => {
  const { ask, applied } = await start();
  expect(await ask('/exports', list)).toEqual([200, 'served']);
  expect(applied).toEqual([list]);
});

test.each(['0', '2000', '4294967294', '4200000000', '0000002000'])('%s is a group', async (gid) => {
  const { ask } = await start();
  const exports = [{ path: '/export/a', squash: 'root', gid }];
  expect(await ask('/exports', { ...list, exports })).toEqual([200, 'served']);
});

test.each(['', 'other', 'secret2', 'Secret'])('who bears “%s” instead has nothing done', async (token) => {
  const { ask, applied } = await start();
  expect(await ask('/exports', list, token)).toEqual([401, 'the token is another']);
  expect(applied).toEqual([]);
});

test.each([
  [{ ...list, exports: [{ path: '/etc', squash: 'root' }] }, /^list\.exports\[0\]\.path: /],
  [{ ...list, removed: ['/export/volumes/team-a/..'] }, /^list\.removed\[0\]: /],
  [{ ...list, clients: ['10.0.0.0/8; Access_Type = RW'] }, /^list\.clients\[0\]: /],
  [{ ...list, exports: [{ path: '/export/a', squash: 'all' }] }, /^list\.exports\[0\]\.squash: /],
  [{ ...list, exports: [{ path: '/export/a', squash: 'root', gid: '4294967295' }] }, /^list\.exports\[0\]\.gid: /],
  [{ exports: [] }, /^list\.clients: is required/],
])('a list that says %j is refused with the field', async (wrong, sentence) => {
  const { ask, applied } = await start();
  expect(await ask('/exports', wrong)).toEqual([400, expect.stringMatching(sentence)]);
  expect(applied).toEqual([]);
});

test('what cannot be done is told, and the next list is served', async () => {
  const { ask } = await start();
  expect(await ask('/exports', { ...list, removed: ['/export/pvc-1'] })).toEqual([500, 'the disk is full']);
  expect(await ask('/exports', list)).toEqual([200, 'served']);
});

test('a list that was made before another was served is refused: its sender may lead no more', async () => {
  const { ask, applied, version } = await start();
  const [old, fresh] = [await version(), await version()];
  expect(await ask('/exports', { ...list, clients: [] }, 'secret', fresh)).toEqual([200, 'served']);
  expect(await ask('/exports', list, 'secret', old)).toEqual([412, 'another list was served since']);
  expect(applied).toEqual([{ ...list, clients: [] }]);
  expect(await ask('/exports', list, 'secret', await version())).toEqual([200, 'served']);
});

test('a list that could not be served counts too, and so does one of an earlier version, which names none', async () => {
  const { ask, version } = await start();
  const first = await version();
  expect((await ask('/exports', { ...list, removed: ['/export/pvc-1'] }))[0]).toBe(500);
  expect((await ask('/exports', list, 'secret', first))[0]).toBe(412);
  const second = await version();
  expect((await ask('/exports', list))[0]).toBe(200);
  expect((await ask('/exports', list, 'secret', second))[0]).toBe(412);
});

test('no version is like that of an agent that ran before', async () => {
  const before = await (await start()).version();
  server?.close();
  const { ask } = await start();
  expect((await ask('/exports', list, 'secret', before))[0]).toBe(412);
});

test('which list is served is told to who bears the token', async () => {
  const { ask } = await start();
  const response = await ask('/exports');
  expect(response).toEqual([401, 'the token is another']);
});

test('the kubelet is told whether NFS answers', async () => {
  expect(await (await start()).ask('/healthz')).toEqual([200, 'serving']);
  server?.close();
  expect(await (await start(false)).ask('/healthz')).toEqual([503, 'NFS does not answer']);
});
