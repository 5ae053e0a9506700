import { connect } from 'node:tls';
import { readSeeds, reviewOf } from '../../fixtures/fuzz-seeds.ts';
import { type ServerProcess, startServerProcess } from '../../fixtures/server-process.ts';
import { checkReview, checkStatus } from '../answers.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import type { OpenTarget } from '../target.ts';

/** Whole HTTP messages, some of which smuggle a second one, broken as bytes, each on a connection of its own. */
export const httpTarget: OpenTarget = async () => {
  const server = await startServerProcess();
  const messages = readSeeds().flatMap(({ request }) => messagesOf(JSON.stringify(reviewOf(request))));
  return {
    name: 'http',
    atOnce: 4,
    make: (random) => mutateBytes(Buffer.from(random.pick(messages)), random),
    check: (input) => checkConnection(server, input),
    stop: server.stop,
    rssBytes: server.rssBytes,
  };
};

const START = 'POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

const messagesOf = (body: string): readonly string[] => {
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const chunked = `Transfer-Encoding: chunked\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const whole = `${START}${length}\r\n${body}`;
  return [
    whole,
    whole + whole,
    `${START}${chunked}`,
    `${START}Content-Length: 4\r\n${chunked}`,
    `${START}${length}${length}\r\n${body}`,
    `${START}X-Folded: a\r\n b\r\n${length}\r\n${body}`,
    whole.replaceAll('\r\n', '\n'),
    `${START}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n${whole}`,
    `CONNECT localhost:1 HTTP/1.1\r\n\r\n`,
    `${START}Upgrade: websocket\r\nConnection: Upgrade\r\n${length}\r\n${body}`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  ];
};

const checkConnection = async (server: ServerProcess, input: Buffer): Promise<void> => {
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: server.authority });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A reset is an answer too.
  socket.on('error', () => socket.destroy());
  socket.end(input);
  await new Promise((resolve) => socket.once('close', resolve));
  const ended = server.ended();
  if (ended !== undefined) throw new Error(ended);
  checkAnswers(Buffer.concat(chunks));
};

/** Throws where anything but whole HTTP answers with JSON came back. */
const checkAnswers = (received: Buffer): void => {
  for (let rest = received; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    const head = rest.toString('latin1', 0, end);
    const [, code] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? [];
    if (code === undefined) throw new Error(`answered with no HTTP: ${rest.toString('latin1', 0, 200)}`);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    const body = rest.subarray(end, end + length);
    if (code !== '100') checkBody(Number(code), JSON.parse(body.toString()));
    rest = rest.subarray(end + length);
  }
};

const checkBody = (code: number, body: unknown): void => {
  if (code === 200) checkReview(undefined, body);
  else checkStatus(code, body);
};
