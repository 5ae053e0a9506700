import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as services from '../../../dev/stubs/metadata-clouds.ts';
import { FACT_NAMES } from '../../../src/clouds/cloud.ts';
import { detectCloud } from '../../../src/clouds/detection/detector.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { createRandom } from '../random.ts';
import type { OpenTarget } from '../target.ts';

const { aws, gcp, azure, openstack, oracle, digitalocean, hetzner, alibaba } = services;
const SERVICES: readonly services.Service[] = [aws, gcp, azure, openstack, oracle, digitalocean, hetzner, alibaba];

/** Metadata services whose answers are broken as bytes, each in its own way, behind real HTTP. */
export const metadataTarget: OpenTarget = async () => {
  let random = createRandom(0);
  let service = aws;
  const server = createServer(({ method = '', url = '', headers }, response) => {
    const answer = service({ method, path: url, headers }) ?? { status: 404, headers: {}, body: 'not here' };
    const status = random.chance(0.9) ? answer.status : random.pick([200, 204, 302, 401, 500]);
    const body = mutateBytes(Buffer.from(answer.body), random);
    response.writeHead(status, { 'Content-Type': 'text/plain', ...answer.headers });
    response.end(status === 204 ? undefined : body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const metadataEndpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    name: 'metadata',
    make: (numbers) =>
      Buffer.from(JSON.stringify({ service: numbers.below(SERVICES.length), seed: numbers.below(2 ** 31) })),
    check: async (input) => {
      const given = JSON.parse(input.toString()) as { readonly service: number; readonly seed: number };
      random = createRandom(given.seed);
      service = SERVICES[given.service] ?? aws;
      const verdict = await detectCloud({ setting: 'auto', metadataEndpoint, facts: {}, nodes: [], csiDrivers: [] });
      const stranger = Object.keys(verdict.facts).find((name) => !Object.hasOwn(FACT_NAMES, name));
      if (stranger !== undefined) throw new Error(`${stranger} is no fact`);
      const odd = Object.values(verdict.facts).find(({ value }) => typeof value !== 'string' || value.length > 1_000);
      if (odd !== undefined) throw new Error(`a fact is ${JSON.stringify(odd).slice(0, 200)}`);
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
