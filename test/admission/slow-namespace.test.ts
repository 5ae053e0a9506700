import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { createWebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { createLog } from '../../src/ops/log.ts';
import { standStill } from '../fixtures/stand-still.ts';

const COST_MS = 30;
const AT_ONCE = 8;

const reviewIn = (namespace: string): string => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
  const resource = { group: '', version: 'v1', resource: 'configmaps' };
  const request = { uid: 'u', operation: 'CREATE', resource, namespace, object };
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
  return `POST /mutate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

it('a namespace whose reviews take long, however small they are, keeps others waiting for one of them', async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const pair = await issueServing(await issueAuthority('test', validity), ['localhost'], validity);
  let slow = 0;
  const { server } = createWebhookServer(
    pair,
    ({ uid, namespace }) => {
      if (namespace === 'slow') {
        slow += 1;
        standStill(COST_MS);
      }
      return { uid, allowed: true };
    },
    createLog('silent'),
  );
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  };
  const ask = async (socket: TLSSocket, namespace: string): Promise<void> => {
    socket.write(reviewIn(namespace));
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 OK/);
  };

  const other = await open();
  let isOver = false;
  const attack = Array.from({ length: AT_ONCE }, async () => {
    const socket = await open();
    while (!isOver) await ask(socket, 'slow');
  });
  while (slow <= AT_ONCE) await sleep(1);
  for (let asked = 0; asked < 20; asked += 1) {
    const before = slow;
    await ask(other, 'other');
    // One is being decided when it comes, and one may be on its way to be read.
    expect(slow - before).toBeLessThanOrEqual(2);
  }
  isOver = true;
  await Promise.all(attack);
  server.close();
  server.closeAllConnections();
});
