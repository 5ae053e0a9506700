import { once } from 'node:events';
import type { Server } from 'node:net';
import { AppError, messageOf } from '../api/errors.ts';

/** Where a server listens, and the setting that says so. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly setting: string;
}

/** Resolves when the server listens. Throws AppError('Unavailable') naming the setting where it cannot: the port is taken, or not ours. */
export const listen = async (server: Server, { host, port, setting }: Address): Promise<void> => {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new AppError('Unavailable', `${setting} cannot be used: ${messageOf(cause)}.`, { cause });
  }
};
