import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 whose connections can be made to fail. */
export interface TcpProxy {
  readonly url: URL;
  /** Takes no new connections and resets the open ones, until `open`. */
  readonly close: () => Promise<void>;
  readonly open: () => Promise<void>;
  /** Resets every open connection; new ones work. */
  readonly cut: () => void;
  /** Carries nothing more on the connections that are open, without closing them; new ones work. */
  readonly freeze: () => void;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts one in front of `target`, on a free port. `localAddress` is whom the target sees, 127.0.0.1 where it is left out. */
export const startTcpProxy = async (target: URL, localAddress = '127.0.0.1'): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  };
  const server = createServer((client) => {
    const upstream = connect({ port: Number(target.port), host: target.hostname, localAddress });
    join(client, upstream);
    join(upstream, client);
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const close = async (): Promise<void> => {
    server.close();
    cut();
    await once(server, 'close');
  };
  const port = await listen(0);
  return {
    url: new URL(`https://127.0.0.1:${port}`),
    cut,
    close,
    open: async () => void (await listen(port)),
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    [Symbol.asyncDispose]: close,
  };
};
