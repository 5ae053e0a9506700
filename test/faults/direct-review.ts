import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import type { ServeProcess } from '../../dev/serve-process.ts';
import { sparkApplication } from '../fixtures/spark-world.ts';

interface Review {
  readonly response?: { readonly allowed: boolean; readonly patch?: string };
}

/** Asks one replica, past the API server, to admit a SparkApplication. True where it answers as soon as the API server wants it to, and by the defaults of spark-world. */
export const isAdmitting = async ({ webhookUrl }: Pick<ServeProcess, 'webhookUrl'>): Promise<boolean> => {
  const sent = request(webhookUrl, {
    method: 'POST',
    rejectUnauthorized: false,
    agent: false,
    signal: AbortSignal.timeout(5_000),
    headers: { 'content-type': 'application/json' },
  });
  sent.end(JSON.stringify(review));
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { response: answer } = (await json(response)) as Review;
    return answer?.allowed === true && answer.patch !== undefined;
  } catch {
    return false;
  }
};

const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'direct',
    operation: 'CREATE',
    resource: { group: 'sparkoperator.k8s.io', version: 'v1beta2', resource: 'sparkapplications' },
    namespace: 'default',
    name: 'direct',
    object: sparkApplication('direct'),
    dryRun: true,
    userInfo: { username: 'test' },
  },
};
