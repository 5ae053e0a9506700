import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { nfsAgents } from '../../../../src/kinds/persistent-volume-claim/nfs/agent.ts';
import { createAgent } from '../../../../src/nfs-server/agent.ts';
import { AGENT_PORT, type ExportList } from '../../../../src/nfs-server/export-list.ts';

/** Of this test alone: the agent's port is always the same. */
const AGENT = { address: '127.95.59.1', token: 'secret' };
const signal = AbortSignal.timeout(60_000);
const listOf = (name: string): ExportList => ({
  clients: [],
  exports: [{ path: `/export/volumes/team-a/${name}`, squash: 'root' }],
  removed: [],
});
const version = () => nfsAgents.versionOf(AGENT, signal);
const send = (name: string, since?: string) => nfsAgents.send(AGENT, listOf(name), since, signal);

let server: Server | undefined;
afterEach(() => server?.close());

const listen = async (started: Server): Promise<void> => {
  server = started;
  started.listen(AGENT_PORT, AGENT.address);
  await once(started, 'listening');
};

/** The agent itself; `served` has the folders of each list, and `hold` keeps it at the first of them. */
const startAgent = async (hold: Promise<void> = Promise.resolve()): Promise<readonly string[]> => {
  const served: string[] = [];
  const apply = async ({ exports }: ExportList): Promise<void> => {
    served.push(exports.map(({ path }) => path.split('/').at(-1)).join());
    await hold;
  };
  await listen(createAgent({ token: AGENT.token, isServing: () => Promise.resolve(true), apply }));
  return served;
};

it('a list of who led before, on its way while another leads, changes nothing', async () => {
  const served = await startAgent();
  const old = await send('old', await version());
  const fresh = await send('fresh', await version());
  await expect(send('late', old)).rejects.toMatchObject({
    reason: 'Unavailable',
    message: expect.stringContaining('answers 412: another list was served since') as string,
  });
  await send('next', fresh);
  expect(served).toEqual(['old', 'fresh', 'next']);
});

it('a list that waits while another is served is held against that, too', async () => {
  const first = Promise.withResolvers<void>();
  const served = await startAgent(first.promise);
  const before = await version();
  const slow = send('slow', before);
  await expect.poll(() => served.length).toBe(1);
  const late = send('late', before);
  first.resolve();
  await expect(late).rejects.toThrow('412');
  expect(await version()).toBe(await slow);
  expect(served).toEqual(['slow']);
});

it('an agent of an earlier version, which knows no versions, is sent lists all the same', async () => {
  const requests: (readonly [string | undefined, string | undefined])[] = [];
  await listen(
    createServer((request, response) => {
      requests.push([request.method, request.headers['if-match']]);
      request.resume().on('end', () => response.writeHead(request.method === 'PUT' ? 200 : 404).end('served\n'));
    }),
  );
  const known = await version();
  expect(await send('one', known)).toBeUndefined();
  expect(requests).toEqual([
    ['GET', undefined],
    ['PUT', undefined],
  ]);
});

it('what an agent refuses is told with its words', async () => {
  await startAgent();
  const stranger = { ...AGENT, token: 'other' };
  const refused = {
    reason: 'Unavailable',
    message: `The NFS server at http://${AGENT.address}:9559/exports answers 401: the token is another`,
  };
  await expect(nfsAgents.versionOf(stranger, signal)).rejects.toMatchObject(refused);
  await expect(nfsAgents.send(stranger, listOf('one'), undefined, signal)).rejects.toMatchObject(refused);
});
