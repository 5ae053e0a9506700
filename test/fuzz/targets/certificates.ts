import { createSecureContext } from 'node:tls';
import { AppError } from '../../../src/api/errors.ts';
import type { KubeObject, StringMap } from '../../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/names.ts';
import { tlsOptions } from '../../../src/certificates/certificate.ts';
import { applyStep, encodeState, newState } from '../../../src/certificates/rollover.ts';
import { secretSource } from '../../../src/certificates/secret-source.ts';
import { junkValues } from '../junk.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Random } from '../random.ts';
import type { OpenTarget } from '../target.ts';

const names = ['quartermaster.quartermaster-system.svc', '127.0.0.1'];

/** Certificate Secrets that are broken, as objects or as PEM: what is served with in the end must be servable. */
export const certificatesTarget: OpenTarget = async (seed) => {
  const junk = junkValues(seed);
  const issue = { names, now: new Date() };
  const young = await newState(issue);
  const announced = await applyStep(young, 'announce-authority', issue);
  const adopted = await applyStep(announced, 'adopt-authority', issue);
  const states = [young, announced, adopted].map(encodeState);
  return {
    name: 'certificates',
    make: (random) => {
      const data = random.pick(states);
      const broken = random.chance(0.5) ? textsOf(mutateJson(data, random, junk)) : breakPem(data, random);
      return Buffer.from(JSON.stringify(broken));
    },
    check: async (input) => {
      const data = JSON.parse(input.toString()) as StringMap;
      try {
        const source = secretSource({ kube: kubeWith(data), namespace: 'quartermaster-system', names });
        createSecureContext(tlsOptions(await source(AbortSignal.timeout(5_000))));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    },
  };
};

/** An API server stores texts alone, of any keys. */
const textsOf = (data: unknown): StringMap =>
  Object.fromEntries(Object.entries(data ?? {}).filter(([, value]) => typeof value === 'string'));

const breakPem = (data: StringMap, random: Random): StringMap => {
  const key = random.pick(Object.keys(data));
  const text = mutateBytes(Buffer.from(data[key] ?? '', 'base64'), random);
  return { ...data, [key]: text.toString('base64') };
};

/** An API server that holds one Secret. */
const kubeWith = (data: StringMap): Parameters<typeof secretSource>[0]['kube'] => {
  let secret: KubeObject & { readonly data?: unknown } = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'it', resourceVersion: '1', labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    data,
  };
  const keep = <T>(_resource: unknown, next: T): Promise<T> => {
    secret = next as typeof secret;
    return Promise.resolve(next);
  };
  return { get: () => Promise.resolve(secret as never), create: keep as never, replace: keep as never };
};
