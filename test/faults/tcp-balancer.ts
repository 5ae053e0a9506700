import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureAptPackages } from '../../dev/apt-packages.ts';
import { type Daemon, startDaemon } from '../../dev/daemon.ts';
import { freePorts } from '../../dev/free-ports.ts';

/** haproxy in TCP mode on 127.0.0.1: to whoever connects what a Service is. */
export interface TcpBalancer {
  readonly port: number;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export interface Backend {
  readonly port: number;
  /** Where /readyz is answered: new connections go only where it says ok, open ones stay. */
  readonly opsPort: number;
}

const READY_WITHIN_MS = 10_000;

/** Starts it from Debian's package, which is installed first where it is missing and we are root. */
export const startTcpBalancer = async (backends: readonly Backend[]): Promise<TcpBalancer> => {
  await ensureAptPackages({
    packages: { '/usr/sbin/haproxy': 'haproxy' },
    user: 'The test of rolling restarts',
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  const directory = await mkdtemp(join(tmpdir(), 'tcp-balancer-'));
  const [port = 0] = await freePorts(1);
  const file = join(directory, 'haproxy.cfg');
  await writeFile(file, configuration(port, backends));
  const daemon = startDaemon('/usr/sbin/haproxy', ['-db', '-f', file]);
  const stop = async (): Promise<void> => {
    await daemon.stop();
    await rm(directory, { recursive: true });
  };
  try {
    await untilListening(port, daemon);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: stop };
};

const configuration = (port: number, backends: readonly Backend[]): string => `
defaults
  mode tcp
  timeout connect 2s
  timeout client 10m
  timeout server 10m
  timeout check 2s
frontend webhook
  bind 127.0.0.1:${port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /readyz
${backends.map((backend, index) => `  server replica-${index} 127.0.0.1:${backend.port} check port ${backend.opsPort} inter 100ms fall 1 rise 1`).join('\n')}
`;

const untilListening = async (port: number, daemon: Daemon): Promise<void> => {
  for (const deadline = Date.now() + READY_WITHIN_MS; Date.now() < deadline; await sleep(20)) {
    if (daemon.hasEnded()) throw new Error(`haproxy ended: ${daemon.lastWords()}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
  }
  throw new Error(`haproxy did not listen on port ${port} within ${READY_WITHIN_MS / 1_000} s`);
};
