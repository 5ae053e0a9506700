import { connect } from 'node:net';

const NFS_PROGRAM = 100_003;
const TRANSACTION = 0x716d_6e66;

/** ONC RPC (RFC 5531) over TCP: one fragment with a call of procedure 0 of NFS 4, which does nothing. */
const call = (): Buffer => {
  const words = [TRANSACTION, 0, 2, NFS_PROGRAM, 4, 0, 0, 0, 0, 0];
  const message = Buffer.alloc(4 + words.length * 4);
  message.writeUInt32BE(0x8000_0000 + words.length * 4);
  for (const [at, word] of words.entries()) message.writeUInt32BE(word, 4 + at * 4);
  return message;
};

/** The reply's fragment header and six words: transaction, reply, accepted, the verifier's two, success. */
const REPLY_BYTES = 28;

const isSuccess = (reply: Buffer): boolean =>
  reply.length >= REPLY_BYTES &&
  reply.readUInt32BE(4) === TRANSACTION &&
  reply.readUInt32BE(8) === 1 &&
  reply.readUInt32BE(12) === 0 &&
  reply.readUInt32BE(24) === 0;

/** Asks an NFS server to do nothing. True where it answered that it did, within the time. Never rejects. */
export const answersNfs = (port: number, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const signal = AbortSignal.timeout(timeoutMs);
    socket.setTimeout(timeoutMs, () => socket.destroy());
    let reply = Buffer.alloc(0);
    const end = (answer: boolean): void => {
      signal.removeEventListener('abort', onTimeout);
      // Ended, not reset: Ganesha would tell of that each time.
      if (answer) socket.end();
      else socket.destroy();
      resolve(answer);
    };
    const onTimeout = (): void => end(false);
    signal.addEventListener('abort', onTimeout, { once: true });
    socket.on('connect', () => socket.write(call()));
    socket.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      if (reply.length >= REPLY_BYTES) end(isSuccess(reply));
    });
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
  });
