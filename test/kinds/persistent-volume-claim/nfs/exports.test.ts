import { expect, it } from 'vitest';
import { ADDRESS, nfsClaim, nfsClass, volumeWorld } from '../../../fixtures/nfs-volumes.ts';

const at = (uid: string): string => `/export/volumes/team-a/pvc-${uid}`;

it('a volume stays exported that the cache of claims is ahead of: it is bound, and no volume is known', async () => {
  const { lead, agent, live } = volumeWorld();
  const look = lead();
  await look({ pendingClaims: [nfsClaim('one')] });
  await look({ pendingClaims: [nfsClaim('two')] });
  expect([...live.keys()]).toEqual(['pvc-one', 'pvc-two']);
  expect(agent.exported).toEqual([at('one'), at('two')]);
});

it('a leader whose caches are old ends no export of a volume that is there', async () => {
  const { lead, agent } = volumeWorld();
  await lead()({ pendingClaims: [nfsClaim('one')] });
  await lead()({ pendingClaims: [nfsClaim('two')] });
  expect(agent.exported).toEqual([at('one'), at('two')]);
});

it('an export ends with its volume, once the cache has shown both', async () => {
  const { lead, agent, cached, live } = volumeWorld();
  const look = lead();
  await look({ pendingClaims: [nfsClaim('one'), nfsClaim('two')] });
  await look({ volumes: cached() });
  live.delete('pvc-one');
  await look({ volumes: cached() });
  expect(agent.exported).toEqual([at('two')]);
});

it('an export ends within minutes where its volume came and went unseen', async () => {
  const { lead, agent, live, wait } = volumeWorld();
  const look = lead();
  await look({ pendingClaims: [nfsClaim('one')] });
  live.delete('pvc-one');
  await look({});
  expect(agent.exported).toEqual([at('one')]);
  wait(5);
  await look({});
  expect(agent.exported).toEqual([]);
});

it('a list whose answer was lost is sent again, also where it is what was answered before', async () => {
  const { lead, agent, cached, live } = volumeWorld();
  const look = lead();
  await look({ pendingClaims: [nfsClaim('one'), nfsClaim('two')] });
  const both = cached();
  await look({ volumes: both });
  live.delete('pvc-one');
  agent.isCutOff = true;
  await expect(look({ volumes: cached() })).rejects.toThrow('it does not answer');
  agent.isCutOff = false;
  await look({ volumes: both });
  expect(agent.exported).toEqual([at('one'), at('two')]);
});

it('what an agent was told it is told again every few minutes, without a word where it is the same', async () => {
  const { lead, agent, cached, wait } = volumeWorld();
  const look = lead();
  await look({ pendingClaims: [nfsClaim('one')] });
  const { lists } = agent;
  expect(await look({ volumes: cached() })).toEqual([]);
  expect(agent.lists).toBe(lists);
  agent.exported = [];
  wait(5);
  expect(await look({ volumes: cached() })).toEqual([]);
  expect(agent.exported).toEqual([at('one')]);
});

it('of volumes of other servers none is exported, whatever their labels say', async () => {
  const { lead, agent, live, change } = volumeWorld();
  await lead()({ pendingClaims: [nfsClaim('one')] });
  change('pvc-one', (volume) => ({
    ...volume,
    spec: { ...volume.spec, nfs: { server: '10.96.0.8', path: at('one') } },
  }));
  expect(live.get('pvc-one')?.spec?.nfs?.server).not.toBe(ADDRESS);
  await lead()({ storageClass: nfsClass() });
  expect(agent.exported).toEqual([]);
});
