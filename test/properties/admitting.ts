import { type Decision, decide } from '../../src/admission/handler.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { CALRISSIAN_LABEL } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { indexDefaults } from '../../src/defaults/resolution.ts';
import { system } from '../fixtures/defaults.ts';
import { type Circumstances, requestFor } from '../golden/case.ts';
import { factsOf } from '../golden/world.ts';

const circumstances: Circumstances = {
  namespaceLabels: { [CALRISSIAN_LABEL]: 'enabled' },
  cloud: { name: 'aws', facts: { region: 'eu-west-1' } },
  objectStores: { 'team-a/history': { url: 's3a://history' } },
  claims: { claim: ['ReadWriteMany'], 'other-claim': ['ReadWriteOnce'] },
};

const world = factsOf({ defaults: [], circumstances });

/** What becomes of an object, or of a change of what is stored, under these PlatformDefaults. */
export const admit = (object: KubeObject, defaults: readonly PlatformDefaults[], oldObject?: KubeObject): Decision =>
  decide(requestFor({ circumstances, oldObject }, object), { ...world, defaults: indexDefaults(defaults, system) });

/** How many objects each property is tried on. */
export const runs = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 100) };
