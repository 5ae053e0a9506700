import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import { offlineFacts } from '../../../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../../../src/clouds/index.ts';
import type { Note } from '../../../../src/controller/events.ts';
import { indexDefaults } from '../../../../src/defaults/entries-index.ts';
import { applyNfsServer, type NfsTools } from '../../../../src/kinds/persistent-volume-claim/nfs/server.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { observedServer } from '../../../fixtures/nfs-storage.ts';

const policy = policyOf(readSettings({}));
const facts = offlineFacts({
  cloud: verdictFor('aws', {}, []),
  csiDrivers: cloudNamed('aws')?.usualDrivers ?? [],
  defaults: indexDefaults([], policy),
  policy,
  namespaceLabels: {},
  objects: [],
});

const unexpected = () => Promise.reject(new Error('nothing is there to change'));

/** What is written for a server of which nothing is there. */
const written = async (change: Partial<NfsTools>): Promise<readonly string[]> => {
  const kinds: string[] = [];
  const write = <T extends KubeObject>(_: unknown, object: unknown): Promise<T> => {
    kinds.push((object as KubeObject).kind);
    return Promise.resolve(object as T);
  };
  const notes: Note[] = [];
  const tools: NfsTools = {
    kube: {
      apply: write,
      create: write,
      get: () => Promise.resolve(undefined),
      applyStatus: unexpected,
      mergePatch: unexpected,
      remove: unexpected,
    },
    facts: () => facts,
    events: { record: (_, note) => void notes.push(note) },
    disruptionBudgets: () => Promise.resolve('whole'),
    ...change,
  };
  await applyNfsServer(observedServer(), tools, new AbortController().signal);
  expect(notes).toEqual([]);
  return kinds;
};

const WITHOUT_BUDGET = [
  'StorageClass',
  'ServiceAccount',
  'Service',
  'NetworkPolicy',
  'StorageClass',
  'PersistentVolumeClaim',
  'Secret',
  'Deployment',
];

describe('an NFS server of which nothing is there', () => {
  it('is made in the order in which its parts need each other, guarded against drains last', async () => {
    expect(await written({})).toEqual([...WITHOUT_BUDGET, 'PodDisruptionBudget']);
  });

  it('goes unguarded where the API server is older than policy/v1', async () => {
    expect(await written({ disruptionBudgets: () => Promise.resolve('none') })).toEqual(WITHOUT_BUDGET);
  });
});
