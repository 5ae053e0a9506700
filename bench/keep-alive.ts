import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';

/** One TLS connection that is kept, with one request at a time on it. */
export interface KeepAlive {
  /** `onAnswer` is told whether it was 200. */
  readonly send: (message: Buffer, onAnswer: (isFine: boolean) => void) => void;
}

/** A whole POST of the body in a file. */
export const messageOf = (path: string, bodyFile: string): Buffer => {
  const body = readFileSync(bodyFile);
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
};

const AT_ONCE = 50;

/** Opens so many. A fault of any of them ends the process. */
export const openAll = async (port: number, count: number): Promise<readonly KeepAlive[]> => {
  const opened: KeepAlive[] = [];
  while (opened.length < count) {
    const wanted = Math.min(AT_ONCE, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: wanted }, () => open(port)))));
  }
  return opened;
};

const open = async (port: number): Promise<KeepAlive> => {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  let received: Buffer = Buffer.alloc(0);
  let answered: (isFine: boolean) => void = () => undefined;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const length = responseLength(received);
    if (length === undefined) return;
    const isFine = received.toString('latin1', 0, 15).includes(' 200 ');
    received = received.subarray(length);
    answered(isFine);
  });
  socket.on('error', (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  await once(socket, 'secureConnect');
  return {
    send: (message, onAnswer) => {
      answered = onAnswer;
      socket.write(message);
    },
  };
};

/** Length of the first whole response in `bytes`, or undefined while it is not all there. */
const responseLength = (bytes: Buffer): number | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  if (/transfer-encoding: chunked/i.test(head)) {
    const last = bytes.lastIndexOf('0\r\n\r\n');
    return last > end && last + 5 === bytes.length ? bytes.length : undefined;
  }
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error('the server sends no Content-Length');
  const total = end + 4 + Number(length);
  return bytes.length < total ? undefined : total;
};
