import type { AdmissionRequest } from '../../src/api/admission.ts';
import type { Facts } from '../../src/api/facts.ts';
import { caseNames, readCase, requestFor } from '../golden/case.ts';
import { factsOf } from '../golden/world.ts';

/** A review that is right, and the cluster it comes to. */
export interface Seed {
  readonly name: string;
  readonly request: AdmissionRequest;
  readonly facts: Facts;
}

/** Every golden case that admission decides: their objects are what people submit, and their defaults all there is to inject. */
export const readSeeds = (): readonly Seed[] =>
  caseNames().map(([kind, name]) => {
    const given = readCase(kind, name);
    return { name: `${kind}/${name}`, request: requestFor(given, given.before), facts: factsOf(given) };
  });

/** The AdmissionReview that asks it. */
export const reviewOf = ({ resource, username, ...request }: AdmissionRequest): Readonly<Record<string, unknown>> => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    ...request,
    resource,
    requestResource: resource,
    userInfo: { username, groups: ['system:authenticated'] },
  },
});
