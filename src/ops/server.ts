import { createServer, type Server } from 'node:http';
import type { ErrorRequestHandler, Express, Response } from 'express';
import express from 'express';
import { keepConnections } from '../admission/connections.ts';
import { refuseChunks, unlessPipelined } from '../admission/http-parser.ts';
import type { Health } from './health.ts';
import { STYLE_SOURCE } from './page/style.ts';
import type { ReplicaProofs } from './replica-proof.ts';
import type { StatusSources } from './status-api.ts';
import { statusRoutes } from './status-routes.ts';

export interface OpsOptions {
  readonly health: Health;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly status: StatusSources;
  readonly proofs: ReplicaProofs;
  /** Told of what could not be answered. */
  readonly onFault: (path: string, error: unknown) => void;
}

/** No script runs on a page of ours, and no other page has one of ours in a frame. */
const HEADERS = {
  'Content-Security-Policy': `default-src 'none'; style-src ${STYLE_SOURCE}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** The ops server: probes, metrics, the status page and its API. Reads only; nothing here can change anything. */
export const createOpsApp = ({ health, metrics, status, proofs, onFault }: OpsOptions): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.set(HEADERS);
    next();
  });
  app.get('/livez', (_request, response) => probe(response, health.isLive() ? [] : ['a restart']));
  app.get('/readyz', (_request, response) => probe(response, health.waitingFor()));
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics();
    response.type(contentType).send(text);
  });
  // Browsers ask for it unasked.
  app.get('/favicon.ico', (_request, response) => void response.status(204).end());
  app.use(statusRoutes(status, proofs));
  app.use((_request, response) => {
    response.status(404).type('text').send('There is /livez, /readyz, /metrics, / and /api/v1 here.\n');
  });
  app.use(answerFault(onFault));
  return app;
};

/** The log has the reason; the answer has nothing of our insides. */
const answerFault =
  (onFault: OpsOptions['onFault']): ErrorRequestHandler =>
  (error: unknown, { path }, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof URIError) return response.status(400).type('text').send('The path is not well encoded.\n');
    onFault(path, error);
    response.status(500).type('text').send('This failed; the log says why.\n');
  };

/** Kubelet, Prometheus and a few people. */
const MAX_CONNECTIONS = 100;

/** The ops server with bounds: whoever reaches it must not use up what the webhook and the probes need. Not listening yet. */
export const createOpsServer = (app: Express): Server => {
  const limits = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };
  const server = createServer({ ...limits, maxHeaderSize: 16 * 1024 }, unlessPipelined(app));
  refuseChunks(server);
  keepConnections(server, MAX_CONNECTIONS);
  return server;
};

const probe = (response: Response, waitingFor: readonly string[]): void => {
  if (waitingFor.length === 0) response.type('text').send('ok\n');
  else
    response
      .status(503)
      .type('text')
      .send(`waiting for: ${waitingFor.join(', ')}\n`);
};
