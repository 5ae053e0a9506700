import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { open, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { inspectPair, tlsOptions } from '../../src/certificates/certificate.ts';
import { fileSource } from '../../src/certificates/file-source.ts';
import { type CertificateState, newState } from '../../src/certificates/rollover.ts';
import { watchCertificate } from '../../src/certificates/watcher.ts';
import { mountCertificates } from '../fixtures/certificate-mount.ts';

const start = new Date('2026-11-20T12:00:00Z');
const names = ['localhost', '127.0.0.1'];

describe('the keeper', () => {
  const stopping: AbortController[] = [];
  afterEach(() => {
    for (const controller of stopping.splice(0)) controller.abort();
  });
  const signal = (): AbortSignal => {
    const controller = new AbortController();
    stopping.push(controller);
    return controller.signal;
  };
  const until = async (isTrue: () => boolean): Promise<void> => {
    for (const end = Date.now() + 5_000; !isTrue() && Date.now() < end; ) await sleep(5);
    expect(isTrue()).toBe(true);
  };
  const filesIn = (directory: string) =>
    fileSource({ certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') });

  test('waits for files that come later, and says once what is missing', async () => {
    const { directory, swap } = await mountCertificates();
    const failures: string[] = [];
    const keeper = watchCertificate({
      source: filesIn(directory),
      signal: signal(),
      firstIntervalMs: 5,
      onFailure: (error) => failures.push(String(error)),
    });
    await until(() => failures.length > 0);
    const state = await newState({ names, now: start });
    await swap(state);
    expect((await keeper.first).cert).toBe(state.serving?.cert);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain(join(directory, 'tls.crt'));
  });

  test('says nothing of a pair that was swapped between reading one half and the other', async () => {
    const { directory, swap } = await mountCertificates();
    const [before, after] = [await newState({ names, now: start }), await newState({ names, now: start })];
    const keyFile = join(directory, 'pipe.key');
    await promisify(execFile)('mkfifo', [keyFile]);
    await swap(before);
    const found = fileSource({ certFile: join(directory, 'tls.crt'), keyFile })(signal());
    // A pipe opens for writing when it is opened for reading: the certificate has been read by then.
    const pipe = await open(keyFile, 'w');
    await swap(after);
    await rm(keyFile);
    await symlink('tls.key', keyFile);
    await pipe.writeFile(after.serving?.key ?? '');
    await pipe.close();
    expect((await found).cert).toBe(after.serving?.cert);
  });

  test('serves new connections with the swapped certificate and keeps the open ones', async () => {
    const { directory, swap } = await mountCertificates();
    const [before, after] = [await newState({ names, now: start }), await newState({ names, now: start })];
    await swap(before);
    const keeper = watchCertificate({ source: filesIn(directory), signal: signal(), intervalMs: 5, onFailure: fail });
    const server = createServer(tlsOptions(await keeper.first), (_, response) => response.end('ok'));
    keeper.onChange((certificate) => server.setSecureContext(tlsOptions(certificate)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const pooled = await dial(port);
    await swap(after);
    await until(() => keeper.current()?.cert === after.serving?.cert);
    const fresh = await dial(port);
    expect(served(fresh)).toBe(fingerprint(after));
    expect(served(pooled)).toBe(fingerprint(before));
    expect(await ask(pooled)).toMatch(/^HTTP\/1.1 200/);
    for (const socket of [pooled, fresh]) socket.destroy();
    server.close();
  });

  test('serves a certificate of another authority only when that one is trusted, and publishes those before it', async () => {
    const { directory, swap } = await mountCertificates();
    const [before, after] = [await newState({ names, now: new Date() }), await newState({ names, now: new Date() })];
    let trusted = '';
    const source = fileSource({
      certFile: join(directory, 'tls.crt'),
      keyFile: join(directory, 'tls.key'),
      caFile: join(directory, 'ca.crt'),
      isTrusted: (authority) => Promise.resolve(trusted.includes(authority)),
    });
    await swap(before);
    expect(await source(signal())).toMatchObject({ cert: before.serving?.cert, caBundle: before.authority.cert });
    await swap(after);
    const both = after.authority.cert + before.authority.cert;
    expect(await source(signal())).toMatchObject({ cert: before.serving?.cert, caBundle: both });
    trusted = both;
    expect(await source(signal())).toMatchObject({ cert: after.serving?.cert, caBundle: both });
    const last = await newState({ names, now: new Date() });
    await swap(last);
    const all = last.authority.cert + both;
    expect(await source(signal())).toMatchObject({ cert: after.serving?.cert, caBundle: all });
    trusted = all;
    expect(await source(signal())).toMatchObject({ cert: last.serving?.cert, caBundle: all });
  });

  test('keeps the last good certificate where the new pair does not fit together', async () => {
    const { directory, swap } = await mountCertificates();
    const [before, after] = [await newState({ names, now: start }), await newState({ names, now: start })];
    await swap(before);
    const failures: string[] = [];
    const keeper = watchCertificate({
      source: filesIn(directory),
      signal: signal(),
      intervalMs: 5,
      onFailure: (error) => failures.push(String(error)),
    });
    await keeper.first;
    await swap({ ...after, serving: { cert: after.serving?.cert ?? '', key: before.serving?.key ?? '' } });
    await until(() => failures.length > 0);
    expect(failures[0]).toContain('the private key does not belong to the certificate');
    expect(keeper.current()?.cert).toBe(before.serving?.cert);
  });

  const fail = (error: unknown): void => expect.unreachable(String(error));
  const dial = async (port: number): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  };
  const ask = async (socket: TLSSocket): Promise<string> => {
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  const served = (socket: TLSSocket): string => socket.getPeerCertificate().fingerprint256;
  const fingerprint = (state: CertificateState): string => {
    const inspection = inspectPair(state.serving ?? { cert: '', key: '' });
    return inspection.isUsable ? inspection.certificate.fingerprint256 : inspection.why;
  };
});
