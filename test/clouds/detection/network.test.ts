import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metadataScenarios, startMetadataStub } from '../../../dev/stubs/metadata.ts';
import { detectCloud } from '../../../src/clouds/detection/detector.ts';
import { clouds } from '../../../src/clouds/index.ts';

const CHANNEL = 'net.client.socket';
let destinations: string[] = [];

/** Node tells of each client socket before it connects, and each socket of every address it tries. */
const record = (message: unknown): void => {
  const { socket } = message as { readonly socket: Socket };
  socket.on('connectionAttempt', (address: string) => destinations.push(address));
};

beforeEach(() => {
  destinations = [];
  subscribe(CHANNEL, record);
});
afterEach(() => {
  unsubscribe(CHANNEL, record);
});

describe('with METADATA_ENDPOINT set', () => {
  it('nothing but 127.0.0.1 is ever contacted, whatever answers there and whichever cloud is asked for', async () => {
    const settings = ['auto', ...clouds.map(({ name }) => name)] as const;
    const nodes = [{ name: 'worker-1', providerId: 'cn-hangzhou.i-bp1demo', labels: {} }];
    await Promise.all(
      metadataScenarios.map(async (scenario) => {
        const stub = await startMetadataStub(scenario);
        const input = { metadataEndpoint: stub.url, facts: {}, nodes, csiDrivers: [] };
        await Promise.all(settings.map((setting) => detectCloud({ ...input, setting })));
        await stub.stop();
      }),
    );
    expect(destinations.length).toBeGreaterThan(100);
    expect(new Set(destinations)).toEqual(new Set(['127.0.0.1']));
  });

  it('no proxy is asked, though the environment names one', async () => {
    const [proxy, metadata] = await Promise.all([startMetadataStub('gcp'), startMetadataStub('aws')]);
    const program = `
      import { detectCloud } from ${JSON.stringify(new URL('../../../src/clouds/detection/detector.ts', import.meta.url).href)};
      const metadataEndpoint = new URL(${JSON.stringify(metadata.url.href)});
      const verdict = await detectCloud({ setting: 'auto', metadataEndpoint, facts: {}, nodes: [], csiDrivers: [] });
      console.log(verdict.name);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url.href, http_proxy: proxy.url.href },
      timeout: 10_000,
    });
    await Promise.all([proxy.stop(), metadata.stop()]);
    expect(stdout.trim()).toBe('aws');
    expect(metadata.requests.length).toBeGreaterThan(0);
    expect(proxy.requests).toEqual([]);
  });
});
