import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createAgent } from './agent.ts';
import { AGENT_PORT, DISK_FOLDER, type ExportList } from './export-list.ts';
import { serverConfig } from './ganesha.ts';
import { answersNfs } from './null-call.ts';
import { openVolumes, stateFolderOf } from './volumes.ts';

const NFS_PORT = 2049;
const RUN_FOLDER = '/run/ganesha';
const EXPORTS_FILE = `${RUN_FOLDER}/exports.conf`;
const RELOAD_TIMEOUT_MS = 20_000;
const NULL_CALL_TIMEOUT_MS = 4_000;

export interface NfsServerOptions {
  readonly token: string;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs Ganesha and the agent beside it until the signal; answers the exit code, 1 where Ganesha ended by itself. */
export const runNfsServer = async ({ token, print, signal }: NfsServerOptions): Promise<number> => {
  const onError = (error: unknown): void => print(String(error));
  await mkdir(RUN_FOLDER, { recursive: true });
  const recovery = `${stateFolderOf(DISK_FOLDER)}/recovery`;
  await mkdir(recovery, { recursive: true, mode: 0o700 });
  const volumes = await openVolumes({ disk: DISK_FOLDER, exportsFile: EXPORTS_FILE, onError });
  await writeFile(`${RUN_FOLDER}/ganesha.conf`, serverConfig(recovery, EXPORTS_FILE));
  await startPortmapper();
  const ganesha = startGanesha(print);
  // What it read when it started it may have read before the first list was there.
  let isRead = false;
  const apply = async (list: ExportList): Promise<void> => {
    if (await volumes.apply(list)) isRead = false;
    if (!isRead) await ganesha.reload();
    isRead = true;
    await volumes.remove(list.removed);
  };
  const agent = createAgent({ token, isServing: () => answersNfs(NFS_PORT, NULL_CALL_TIMEOUT_MS), apply });
  agent.listen(AGENT_PORT);
  signal.addEventListener('abort', () => ganesha.end(), { once: true });
  const code = await ganesha.ended;
  agent.close();
  print(`ganesha ended with ${code}`);
  return signal.aborted ? 0 : 1;
};

/** Ganesha registers version 3 of NFS there, and does not start where it cannot. */
const startPortmapper = async (): Promise<void> => {
  const portmapper = spawn('/usr/sbin/rpcbind', [], { stdio: 'inherit' });
  const [code] = (await once(portmapper, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`rpcbind ended with ${code}`);
};

interface Ganesha {
  /** Has it read the exports again; rejects where it says that it could not. */
  readonly reload: () => Promise<void>;
  readonly end: () => void;
  readonly ended: Promise<number | null>;
}

const startGanesha = (print: (line: string) => void): Ganesha => {
  const files = ['-f', `${RUN_FOLDER}/ganesha.conf`, '-p', `${RUN_FOLDER}/pid`, '-L', 'STDOUT'];
  const child: ChildProcess = spawn('/usr/bin/ganesha.nfsd', ['-F', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const listeners = new Set<(line: string) => void>();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      print(line);
      for (const listener of listeners) listener(line);
    });
  }
  return {
    ended,
    end: () => void child.kill('SIGTERM'),
    reload: () =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error): void => {
          listeners.delete(listen);
          clearTimeout(timer);
          if (error === undefined) resolve();
          else reject(error);
        };
        const listen = (line: string): void => {
          if (line.includes('Reread exports complete')) finish();
          else if (/ :(EXPORT|CONFIG) :CRIT :/.test(line)) finish(new Error(line));
        };
        const timer = setTimeout(() => finish(new Error('Ganesha did not read its exports')), RELOAD_TIMEOUT_MS);
        listeners.add(listen);
        child.kill('SIGHUP');
      }),
  };
};
