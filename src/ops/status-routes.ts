import { type Request, type Response, Router } from 'express';
import { AppError } from '../api/errors.ts';
import { type Asking, isRefusal, type Viewer } from './access.ts';
import { decisionsPage } from './page/decisions.ts';
import { refusalPage } from './page/layout.ts';
import { defaultsPage, healthPage, reportPage, whyPage } from './page/sections.ts';
import { PROOF_HEADER, plainAddress, type ReplicaProofs } from './replica-proof.ts';
import { REPLICA_PATH } from './replicas.ts';
import {
  API_VERSION,
  decisionsAnswer,
  defaultsAnswer,
  healthAnswer,
  readDecisionQuery,
  readWhyQuery,
  reportAnswer,
  type StatusSources,
  textIn,
  type WhyQuery,
  whyAnswer,
} from './status-api.ts';

/** What one path answers whoever may see it. */
type Answerer = (viewer: Viewer, parameters: Request['query']) => Promise<unknown>;

const API = '/api/v1';

/** The status page and its API, each behind the same access. */
export const statusRoutes = (sources: StatusSources, proofs: ReplicaProofs): Router => {
  const router = Router();
  router.get(REPLICA_PATH, replicaRoute(sources, proofs));
  const limit = createLimit();
  const serve = (answerers: Readonly<Record<string, Answerer>>, send: Send): void => {
    for (const [path, answer] of Object.entries(answerers))
      router.get(
        path,
        guarded(sources, send, (...asked) => limit(() => answer(...asked))),
      );
  };
  serve(apiAnswerers(sources), sendJson);
  serve(pageAnswerers(sources), sendPage);
  return router;
};

/** Answers under way at once, over all paths: most ask the API server or all replicas, and hold what they are told. */
const MAX_UNDER_WAY = 10;

/** Refuses what would be one too many. */
const createLimit = () => {
  let underWay = 0;
  return async (work: () => Promise<unknown>): Promise<unknown> => {
    if (underWay >= MAX_UNDER_WAY) throw new AppError('Unavailable', 'Too many ask at once: ask again in a moment.');
    underWay += 1;
    try {
      return await work();
    } finally {
      underWay -= 1;
    }
  };
};

const apiAnswerers = (sources: StatusSources): Readonly<Record<string, Answerer>> => ({
  [API]: () =>
    Promise.resolve({
      apiVersion: API_VERSION,
      paths: ['decisions', 'defaults', 'health', 'report', 'why'].map((name) => `${API}/${name}`),
    }),
  [`${API}/decisions`]: (viewer, parameters) => decisionsAnswer(sources, viewer, readDecisionQuery(parameters)),
  [`${API}/defaults`]: (viewer, parameters) => defaultsAnswer(sources, viewer, textIn(parameters, 'namespace')),
  [`${API}/health`]: (viewer, parameters) => healthAnswer(sources, viewer, textIn(parameters, 'namespace')),
  [`${API}/report`]: (viewer, parameters) => reportAnswer(sources, viewer, textIn(parameters, 'namespace')),
  [`${API}/why`]: (viewer, parameters) => whyAnswer(sources, viewer, readWhyQuery(parameters)),
});

const pageAnswerers = (sources: StatusSources): Readonly<Record<string, Answerer>> => ({
  '/': async (viewer, parameters) => {
    const query = readDecisionQuery(parameters);
    return decisionsPage(await decisionsAnswer(sources, viewer, query), query);
  },
  '/defaults': async (viewer, parameters) => {
    const namespace = textIn(parameters, 'namespace');
    return defaultsPage(await defaultsAnswer(sources, viewer, namespace), namespace);
  },
  '/health': async (viewer, parameters) => {
    const namespace = textIn(parameters, 'namespace');
    return healthPage(await healthAnswer(sources, viewer, namespace), namespace);
  },
  '/report': async (viewer, parameters) => {
    const namespace = textIn(parameters, 'namespace');
    return reportPage(await reportAnswer(sources, viewer, namespace), namespace);
  },
  '/why': async (viewer, parameters) => {
    const query = {
      kind: textIn(parameters, 'kind'),
      namespace: textIn(parameters, 'namespace'),
      name: textIn(parameters, 'name'),
    };
    return whyPage(query, await whyIfAsked(sources, viewer, query));
  },
});

/** Nothing before anybody asks; the reason, where there is no answer. */
const whyIfAsked = async (sources: StatusSources, viewer: Viewer, query: WhyQuery) => {
  if (query.kind === '' || query.name === '') return undefined;
  try {
    return await whyAnswer(sources, viewer, readWhyQuery({ ...query }));
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
};

type Send = (response: Response, status: number, body: unknown) => void;

const sendJson: Send = (response, status, body) => {
  response.status(status).json(typeof body === 'string' ? { apiVersion: API_VERSION, error: body } : body);
};

const sendPage: Send = (response, status, body) => {
  const text = String(body);
  response
    .status(status)
    .type('html')
    .send(status === 200 ? text : refusalPage(text));
};

/** What each reason of an AppError is over HTTP. */
const STATUS: Readonly<Record<string, number>> = { InvalidInput: 400, NotFound: 404, Forbidden: 403, TooLarge: 502 };

const guarded =
  ({ access }: StatusSources, send: Send, answer: Answerer) =>
  async (request: Request, response: Response): Promise<void> => {
    try {
      const viewer = await access(askingOf(request));
      if (isRefusal(viewer)) {
        if (viewer.status === 401) response.set('WWW-Authenticate', 'Bearer realm="quartermaster"');
        return send(response, viewer.status, viewer.message);
      }
      send(response, 200, await answer(viewer, request.query));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      send(response, STATUS[error.reason] ?? 503, error.message);
    }
  };

/** Throws AppError('InvalidInput') where the namespace is no text. */
const askingOf = ({ socket, headers, query }: Request): Asking => ({
  remoteAddress: socket.remoteAddress,
  host: headers.host,
  authorization: headers.authorization,
  isForwarded: headers['forwarded'] !== undefined || headers['x-forwarded-for'] !== undefined,
  namespace: textIn(query, 'namespace'),
});

/** For another replica, which proves that it is one. */
const replicaRoute =
  ({ own }: StatusSources, proofs: ReplicaProofs) =>
  ({ socket, headers }: Request, response: Response): void => {
    const question = headers[PROOF_HEADER];
    const target = { address: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
    if (typeof question !== 'string' || !proofs.isQuestion(question, target)) {
      response.status(401).type('text').send('This is for other replicas.\n');
      return;
    }
    const body = JSON.stringify(own());
    response.set(PROOF_HEADER, proofs.ofAnswer(question, body)).type('json').send(body);
  };
