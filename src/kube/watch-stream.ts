import type { IncomingMessage } from 'node:http';
import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { WatchEvent } from './api-server.ts';
import { connectionFailure, watchError } from './failure.ts';

/** Longest line taken: etcd refuses objects over 1.5 MiB, and JSON makes them a few times larger. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * The events of one watch response. Ends when the server ends it, or when nothing has come for `idleTimeout.ms`
 * (the server cannot be told from a dead one then; whoever watches goes on from the last resourceVersion).
 * Throws AppError: Gone on 410, TooLarge on an endless line, Unavailable where the connection broke.
 */
export async function* watchEvents<T extends KubeObject>(
  response: IncomingMessage,
  what: string,
  idleTimeout: { readonly ms: number; readonly onExpired: () => void },
): AsyncIterable<WatchEvent<T>> {
  let isExpired = false;
  const expire = (): void => {
    isExpired = true;
    idleTimeout.onExpired();
    response.destroy();
  };
  const timer = setTimeout(expire, idleTimeout.ms);
  try {
    for await (const line of lines(response, what, () => timer.refresh())) yield toEvent<T>(line, what);
  } catch (error) {
    if (!isExpired) throw error;
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}

async function* lines(response: IncomingMessage, what: string, onData: () => void): AsyncIterable<string> {
  let partialLine = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      onData();
      partialLine += chunk;
      if (!chunk.includes('\n')) {
        refuseEndless(partialLine, what);
        continue;
      }
      const whole = partialLine.split('\n');
      partialLine = whole.pop() ?? '';
      yield* whole.filter((line) => line !== '');
    }
  } catch (error) {
    throw error instanceof AppError ? error : connectionFailure(what, error);
  }
}

const refuseEndless = (line: string, what: string): void => {
  if (line.length > MAX_LINE_BYTES)
    throw new AppError('TooLarge', `${what} sent a line of over ${MAX_LINE_BYTES} bytes.`);
};

const toEvent = <T extends KubeObject>(line: string, what: string): WatchEvent<T> => {
  const { type, object } = parseEvent(line, what);
  if (type === 'ERROR') throw watchError(what, object);
  if (type === 'BOOKMARK') return { type, resourceVersion: object.metadata?.resourceVersion ?? '' };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: object as T };
  throw new AppError('Internal', `${what} sent an event of unknown type ${JSON.stringify(type)}.`);
};

const parseEvent = (line: string, what: string): { readonly type: unknown; readonly object: Partial<KubeObject> } => {
  try {
    return JSON.parse(line) as { type: unknown; object: Partial<KubeObject> };
  } catch (cause) {
    throw new AppError('Internal', `${what} sent a line that is not JSON.`, { cause });
  }
};
