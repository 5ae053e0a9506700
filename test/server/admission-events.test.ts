import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/admission/handler.ts';
import type { AdmissionRequest } from '../../src/api/admission.ts';
import type { KubeObject, ObjectMeta } from '../../src/api/kubernetes.ts';
import type { Note } from '../../src/controller/events.ts';
import { tellOwners } from '../../src/server/admission-events.ts';

const workflow = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name: 'collect', uid: 'w-1' };

interface Circumstances extends Partial<Pick<AdmissionRequest, 'operation' | 'dryRun'>> {
  readonly resource?: string;
}

/** What is recorded for one object, and about whom. */
const recorded = (
  metadata: ObjectMeta,
  warnings: readonly string[],
  { resource = 'pods', ...rest }: Circumstances = {},
): readonly (Note & { readonly about: KubeObject })[] => {
  const notes: (Note & { readonly about: KubeObject })[] = [];
  const object: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata };
  const request: AdmissionRequest = {
    ...{ uid: 'u', operation: 'CREATE', namespace: 'team-a', object, dryRun: false, username: 'argo' },
    ...rest,
    resource: { group: '', version: 'v1', resource },
  };
  const decision: Decision = { object, warnings, explain: [], companions: [], patch: [] };
  tellOwners({ record: (about, note) => void notes.push({ about, ...note }) })(request, decision, 0);
  return notes;
};

describe('what an engine hears in place of a person', () => {
  it('becomes an Event about the controlling owner', () => {
    const ownerReferences = [
      { ...workflow, kind: 'Other', uid: 'o-1' },
      { ...workflow, controller: true },
    ];
    expect(recorded({ name: 'collect-1', ownerReferences }, ['/data was not injected.'])).toEqual([
      {
        about: {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Workflow',
          metadata: { namespace: 'team-a', name: 'collect', uid: 'w-1' },
        },
        type: 'Warning',
        reason: 'DefaultsIncomplete',
        message: '/data was not injected.',
      },
    ]);
  });

  it('is about the pod by name where nobody owns it', () => {
    const [named, generated] = [{ name: 'step-pod' }, { generateName: 'step-' }].flatMap((metadata) =>
      recorded(metadata, ['w']),
    );
    expect(named?.about.metadata).toEqual({ namespace: 'team-a', name: 'step-pod' });
    expect(generated?.about.metadata).toEqual({ namespace: 'team-a', name: 'step' });
  });

  it('is told of applications that a schedule made, and not of those that a person reads the answer for', () => {
    const spark = { resource: 'sparkapplications' };
    expect(recorded({ name: 'nightly-1', ownerReferences: [workflow] }, ['w'], spark)).toHaveLength(1);
    expect(recorded({ name: 'nightly' }, ['w'], spark)).toEqual([]);
  });

  it('is left out on a dry run, on changes and where there is nothing to say', () => {
    const owned = { name: 'p', ownerReferences: [workflow] };
    expect(recorded(owned, ['w'], { dryRun: true })).toEqual([]);
    expect(recorded(owned, ['w'], { operation: 'UPDATE' })).toEqual([]);
    expect(recorded(owned, [])).toEqual([]);
  });

  it('is five sentences at most, without what would forge lines', () => {
    const notes = recorded({ name: 'p' }, ['a\nb', ...Array.from({ length: 9 }, (_, at) => `w${at}`)]);
    expect(notes).toHaveLength(5);
    expect(notes[0]?.message).not.toContain('\n');
  });
});
