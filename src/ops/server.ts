import express, { type Express, type Response } from 'express';
import type { Health } from './health.ts';
import { type StatusSnapshot, statusPage } from './status-page.ts';

export interface OpsOptions {
  readonly health: Health;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly snapshot: () => StatusSnapshot;
}

/** The ops server: probes, metrics and the status page. Reads only; nothing here can change anything. */
export const createOpsApp = ({ health, metrics, snapshot }: OpsOptions): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.set({
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      'X-Content-Type-Options': 'nosniff',
    });
    next();
  });
  app.get('/livez', (_request, response) => probe(response, health.isLive() ? [] : ['a restart']));
  app.get('/readyz', (_request, response) => probe(response, health.waitingFor()));
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics();
    response.type(contentType).send(text);
  });
  app.get('/', (_request, response) => {
    response.type('html').send(statusPage(snapshot()));
  });
  app.use((_request, response) => {
    response.status(404).type('text').send('There is /livez, /readyz, /metrics and / here.\n');
  });
  return app;
};

const probe = (response: Response, waitingFor: readonly string[]): void => {
  if (waitingFor.length === 0) response.type('text').send('ok\n');
  else
    response
      .status(503)
      .type('text')
      .send(`waiting for: ${waitingFor.join(', ')}\n`);
};
