import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import { createWebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { createLog } from '../../src/ops/log.ts';

const MANY = 300;
const COST_MS = 1;

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
const resource = { group: '', version: 'v1', resource: 'configmaps' };
const request = { uid: 'u', operation: 'CREATE', resource, object };
const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
const REVIEW = `POST /mutate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const work = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

it('hundreds of reviews that come at one moment are all answered, a few in each turn of the event loop', async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const pair = await issueServing(await issueAuthority('test', validity), ['localhost'], validity);
  let inThisTurn = 0;
  let most = 0;
  const count = (): void => {
    most = Math.max(most, inThisTurn);
    inThisTurn = 0;
  };
  const { server } = createWebhookServer(
    pair,
    ({ uid }) => {
      if (inThisTurn === 0) setImmediate(count);
      inThisTurn += 1;
      work(COST_MS);
      return { uid, allowed: true };
    },
    createLog('silent'),
  );
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2 * MANY });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const lines = await Promise.all(
    Array.from({ length: MANY }, async () => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return socket;
    }),
  );
  const answers = lines.map(async (socket) => String(await once(socket, 'data')));
  for (const socket of lines) socket.write(REVIEW);
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  // Of the first sixteen and more in turn as many as fit into their milliseconds.
  count();
  expect(most).toBeLessThan(MANY / 4);
  server.close();
  server.closeAllConnections();
});
