import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A running `quartermaster serve`. */
export interface Quartermaster {
  readonly opsUrl: string;
  /** SIGTERM, and its end. */
  readonly stop: () => Promise<void>;
}

export interface QuartermasterOptions {
  readonly root: string;
  /** Who it is to the API server. */
  readonly kubeconfig: string;
  readonly metadataUrl: URL;
  readonly webhookPort: number;
  readonly opsPort: number;
  readonly environment?: Readonly<Record<string, string>>;
}

const READY_WITHIN_MS = 30_000;

/** Starts `serve` on 127.0.0.1 and waits until it is ready. Throws with its last lines where it does not get there. */
export const startQuartermaster = async (options: QuartermasterOptions): Promise<Quartermaster> => {
  const { root, webhookPort, opsPort } = options;
  const child = spawn(process.execPath, ['src/main.ts', 'serve'], {
    cwd: root,
    env: environmentOf(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = collectLines(child);
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    await untilReady(child, `${opsUrl}/readyz`);
    return { opsUrl, stop };
  } catch (cause) {
    await stop();
    throw new Error(`quartermaster serve on port ${webhookPort} did not become ready:\n${lines().join('\n')}`, {
      cause,
    });
  }
};

const environmentOf = ({ kubeconfig, metadataUrl, webhookPort, opsPort, environment }: QuartermasterOptions) => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  KUBECONFIG: kubeconfig,
  METADATA_ENDPOINT: metadataUrl.href,
  WEBHOOK_HOST: '127.0.0.1',
  WEBHOOK_PORT: String(webhookPort),
  WEBHOOK_URL: `https://127.0.0.1:${webhookPort}/mutate`,
  OPS_HOST: '127.0.0.1',
  OPS_PORT: String(opsPort),
  DRAIN_SECONDS: '0',
  ...environment,
});

const collectLines = (child: ChildProcess): (() => readonly string[]) => {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
    });
  }
  return () => lines;
};

const untilReady = async (child: ChildProcess, url: string): Promise<void> => {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    const isReady = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await sleep(100);
  }
  throw new Error(`${url} was not ready within ${READY_WITHIN_MS / 1_000} s`);
};
