import { describe, expect, it } from 'vitest';
import type { PersistentVolume } from '../../../../src/api/kubernetes.ts';
import { fc } from '../../../fixtures/fast-check.ts';
import { nfsClaim, nfsClass, type VolumeWorld, volumeWorld } from '../../../fixtures/nfs-volumes.ts';

const at = (uid: string): string => `/export/volumes/team-a/pvc-${uid}`;
const storageClass = nfsClass('Delete');

const inPhase =
  (phase: string) =>
  (volume: PersistentVolume): PersistentVolume => ({ ...volume, status: { phase } });
const kept = (volume: PersistentVolume): PersistentVolume => ({
  ...volume,
  spec: { ...volume.spec, persistentVolumeReclaimPolicy: 'Retain' },
});
/** As a version made them that knew no finalizer. */
const withoutFinalizers = (volume: PersistentVolume): PersistentVolume => ({
  ...volume,
  metadata: { ...volume.metadata, finalizers: [] },
});

/** A volume of a class that says Delete, in use. */
const inUse = async () => {
  const world = volumeWorld();
  const look = world.lead();
  await look({ pendingClaims: [nfsClaim('one')], storageClass });
  world.change('pvc-one', inPhase('Bound'));
  const lookNow = () => look({ volumes: world.cached(), storageClass });
  const untilDone = async () => {
    for (let turns = 0; turns < 4; turns += 1) await lookNow();
  };
  return { ...world, look, lookNow, untilDone };
};

const isWhole = ({ live, agent }: VolumeWorld): void => {
  expect(live.has('pvc-one')).toBe(true);
  expect(agent.exported).toEqual([at('one')]);
  expect(agent.deleted).toEqual([]);
};
const isGone = ({ live, agent }: VolumeWorld): void => {
  expect([...live.keys()]).toEqual([]);
  expect(agent.exported).toEqual([]);
  expect(new Set(agent.deleted)).toEqual(new Set([at('one')]));
};

describe('what a volume of a class that says Delete holds', () => {
  it.each([
    ['', (volume: PersistentVolume) => volume],
    [' of an earlier version', withoutFinalizers],
  ])('goes when nobody uses it, and the volume%s after it', async (_, made) => {
    const world = await inUse();
    world.change('pvc-one', made);
    world.change('pvc-one', inPhase('Released'));
    await world.untilDone();
    isGone(world);
  });

  it.each([
    ['', (volume: PersistentVolume) => volume],
    [' of an earlier version', withoutFinalizers],
  ])('stays where somebody has said Retain and the cache does not know, for a volume%s', async (_, made) => {
    const world = await inUse();
    world.change('pvc-one', made);
    world.change('pvc-one', inPhase('Released'));
    const volumes = world.cached();
    world.change('pvc-one', kept);
    await world.look({ volumes, storageClass });
    await world.untilDone();
    isWhole(world);
  });

  it('stays where that is said while the volume is being deleted', async () => {
    const world = await inUse();
    world.change('pvc-one', inPhase('Released'));
    await world.lookNow();
    expect(world.live.get('pvc-one')?.metadata.deletionTimestamp).toBeDefined();
    const volumes = world.cached();
    world.change('pvc-one', kept);
    await world.look({ volumes, storageClass });
    isWhole(world);
    await world.untilDone();
    expect(world.live.size).toBe(0);
    expect(world.agent.deleted).toEqual([]);
  });

  it('goes where the volume was deleted first, once its claim is gone', async () => {
    const world = await inUse();
    world.remove('pvc-one');
    await world.untilDone();
    isWhole(world);
    world.change('pvc-one', inPhase('Released'));
    await world.untilDone();
    isGone(world);
  });

  it('is deleted before the volume is let go: a server that is cut off is told once more', async () => {
    const world = await inUse();
    world.change('pvc-one', inPhase('Released'));
    await world.lookNow();
    world.agent.isCutOff = true;
    await expect(world.lookNow()).rejects.toThrow('it does not answer');
    expect(world.live.has('pvc-one')).toBe(true);
    world.agent.isCutOff = false;
    await world.untilDone();
    isGone(world);
  });

  it('stays where a person deletes a volume that says Retain by now', async () => {
    const world = await inUse();
    world.change('pvc-one', kept);
    world.change('pvc-one', inPhase('Released'));
    world.remove('pvc-one');
    await world.untilDone();
    expect([world.live.size, world.agent.exported, world.agent.deleted]).toEqual([0, [], []]);
  });

  it('stays for the claim that waits, where its volume is deleted before it was bound', async () => {
    const world = await inUse();
    world.change('pvc-one', inPhase('Available'));
    world.remove('pvc-one');
    await world.untilDone();
    await world.look({ pendingClaims: [nfsClaim('one')], volumes: world.cached(), storageClass });
    isWhole(world);
    expect(world.live.get('pvc-one')?.metadata.deletionTimestamp).toBeUndefined();
  });
});

/** What may happen to one of three claims, their volumes and who leads. */
const happening = fc.tuple(
  fc.constantFrom('claim', 'bind', 'unclaim', 'delete', 'retain', 'see claims', 'see volumes', 'look', 'look', 'lead'),
  fc.constantFrom('one', 'two', 'three'),
);

/** Claims, volumes and a leader whose two caches show what they showed when they last were looked at. */
const course = () => {
  const world = volumeWorld();
  const claims = new Set<string>();
  const made = new Set<string>();
  const waiting = () => [...claims].filter((uid) => world.live.get(`pvc-${uid}`)?.status?.phase !== 'Bound');
  let seen: { claims: readonly string[]; volumes: readonly PersistentVolume[] } = { claims: [], volumes: [] };
  let lead = world.lead();
  const look = () => {
    const pendingClaims = seen.claims.map((uid) => nfsClaim(uid));
    return lead({ pendingClaims, volumes: seen.volumes, storageClass });
  };
  const onVolume = (uid: string, change: (volume: PersistentVolume) => PersistentVolume): void => {
    if (world.live.has(`pvc-${uid}`)) world.change(`pvc-${uid}`, change);
  };
  const acts: Readonly<Record<string, (uid: string) => unknown>> = {
    claim: (uid) => !made.has(uid) && made.add(uid) && claims.add(uid),
    bind: (uid) => claims.has(uid) && onVolume(uid, inPhase('Bound')),
    unclaim: (uid) => claims.delete(uid) && onVolume(uid, inPhase('Released')),
    delete: (uid) => world.remove(`pvc-${uid}`),
    retain: (uid) => onVolume(uid, kept),
    orphan: (uid) => onVolume(uid, inPhase('Released')),
    'see claims': () => (seen = { ...seen, claims: waiting() }),
    'see volumes': () => (seen = { ...seen, volumes: world.cached() }),
    look,
    lead: () => (lead = world.lead()),
  };
  return { world, claims, act: async (what: string, uid: string) => void (await acts[what]?.(uid)) };
};

const pathOf = ({ spec }: PersistentVolume): string => spec?.nfs?.path ?? '';
const isUsed = ({ status }: PersistentVolume): boolean => status?.phase === 'Bound';
const isKept = ({ spec }: PersistentVolume): boolean => spec?.persistentVolumeReclaimPolicy === 'Retain';

/** What in use is not exported, and what to keep or in use was just deleted. */
const faults = ({ live, agent }: VolumeWorld, deletedBefore: number): readonly string[] => {
  const volumes = [...live.values()];
  const toKeep = new Set(volumes.filter((volume) => isUsed(volume) || isKept(volume)).map(pathOf));
  const notExported = volumes.filter(isUsed).map(pathOf);
  return [
    ...notExported.filter((path) => !agent.exported.includes(path)),
    ...agent.deleted.slice(deletedBefore).filter((path) => toKeep.has(path)),
  ];
};

/** Minutes later, with Kubernetes' own controllers and all watches as far as they will be. */
const comeToRest = async ({ world, claims, act }: ReturnType<typeof course>): Promise<void> => {
  world.wait(5);
  for (let turn = 0; turn < 5; turn += 1) {
    for (const uid of ['one', 'two', 'three']) await act(claims.has(uid) ? 'bind' : 'orphan', uid);
    for (const what of ['see claims', 'see volumes', 'look']) await act(what, '');
  }
};

describe('whatever happens to claims, volumes and leaders, however old the caches are', () => {
  it('every volume in use is exported, what is kept is never deleted, and in the end the rest is gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
        const all = course();
        const { live, agent } = all.world;
        for (const [what, uid] of happenings) {
          const deletedBefore = agent.deleted.length;
          await all.act(what, uid);
          expect(faults(all.world, deletedBefore)).toEqual([]);
        }
        await comeToRest(all);
        const left = [...live.values()];
        expect(left.filter((volume) => !isUsed(volume) && !isKept(volume))).toEqual([]);
        expect(agent.exported.toSorted()).toEqual(left.map(pathOf).toSorted());
      }),
      { numRuns: 300 },
    );
  });
});
