import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { createTallies, sumOf } from '../../../src/defaults/admissions/tally.ts';
import { admit, admitWithWarnings } from '../../fixtures/admitting.ts';
import { platformDefaults } from '../../fixtures/defaults.ts';
import { requestFor } from '../../fixtures/golden-case.ts';

const app = (spec: object = {}, labels = {}): KubeObject & { readonly spec: object } => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'pi', namespace: 'team-a', labels },
  spec: { driver: {}, executor: {}, ...spec },
});

const env = (name: string, value: string) => ({ inject: { env: [{ name, value }] } });
const PLATFORM = 'quartermaster-system';
const PROXY = env('HTTP_PROXY', 'http://proxy');
const IN_TEAM = env('TEAM', '${labels.team}');

/** What comes to be counted once the object is admitted, the second of the clock being 7. */
const countedOf = (object: KubeObject, defaults: readonly PlatformDefaults[], decide = admit) => {
  const counted = createTallies(() => 7_000, PLATFORM);
  const { application, denied } = decide(object, defaults);
  const request = requestFor({ circumstances: {}, oldObject: undefined }, object);
  if (application !== undefined) counted.add(request, application(), denied !== undefined);
  return counted.take();
};

describe('an admission is counted for each PlatformDefaults that matches', () => {
  it('as applied where it gave something, as kept back where the object says all of it, and not where it does not match', () => {
    const defaults = [
      platformDefaults('proxy', PROXY),
      platformDefaults('own', env('OWN', 'x')),
      platformDefaults('elsewhere', { ...PROXY, match: { selector: { matchLabels: { not: 'there' } } } }),
    ];
    const said = { env: [{ name: 'OWN', value: 'y' }] };
    expect(countedOf(app({ driver: said, executor: said }), defaults)).toEqual({
      'quartermaster-system/proxy': { applied: 1, keptBack: 0, refused: 0, lastApplied: 7 },
      'quartermaster-system/own': { applied: 0, keptBack: 1, refused: 0 },
    });
  });

  it('as kept back where another that matches gives the same', () => {
    const better = platformDefaults('better', { ...env('HTTP_PROXY', 'http://other'), priority: 1 });
    expect(countedOf(app(), [better, platformDefaults('proxy', PROXY)])).toMatchObject({
      'quartermaster-system/better': { applied: 1 },
      'quartermaster-system/proxy': { keptBack: 1 },
    });
  });

  it('as refused where one value is missing, though the others are given, and says which value of which object', () => {
    const both = { inject: { env: [...PROXY.inject.env, ...IN_TEAM.inject.env] } };
    expect(countedOf(app(), [platformDefaults('both', both)])).toEqual({
      'quartermaster-system/both': {
        ...{ applied: 0, keptBack: 0, refused: 1, lastApplied: 7 },
        missing: {
          ...{ at: 7, generation: 1, field: 'env TEAM', why: '${labels.team} is not known for this object' },
          object: 'SparkApplication team-a/pi',
        },
      },
    });
  });

  it('as refused where what is enforced refuses the object, which says nothing of the others', () => {
    const defaults = [platformDefaults('team', { ...IN_TEAM, mode: 'Enforce' }), platformDefaults('proxy', PROXY)];
    expect(countedOf(app(), defaults)).toMatchObject({ 'quartermaster-system/team': { applied: 0, refused: 1 } });
    expect(Object.keys(countedOf(app(), defaults))).toEqual(['quartermaster-system/team']);
    expect(Object.keys(countedOf(app(), defaults, admitWithWarnings))).toHaveLength(2);
  });

  it('as applied in a second review of what the first one gave', () => {
    const defaults = [platformDefaults('proxy', PROXY)];
    const { object } = admit(app(), defaults);
    expect(countedOf(object, defaults)).toMatchObject({ 'quartermaster-system/proxy': { applied: 1, keptBack: 0 } });
  });

  it('for a pod and for a claim that is given a class too', () => {
    const pod: KubeObject & { readonly spec: object } = {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'team-a' } },
      spec: { containers: [{ name: 'main', image: 'busybox' }] },
    };
    expect(countedOf(pod, [platformDefaults('pods', { ...PROXY, match: { kinds: ['Pod'] } })])).toMatchObject({
      'quartermaster-system/pods': { applied: 1 },
    });
    const claim: KubeObject & { readonly spec: object } = {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'a', namespace: 'team-a' } },
      spec: { storageClassName: 'quick', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '9Gi' } } },
    };
    const kinds = { kinds: ['PersistentVolumeClaim' as const] };
    const storageClass = { provisioner: 'ebs.csi.aws.com' };
    expect(countedOf(claim, [platformDefaults('disks', { inject: { storageClass }, match: kinds })])).toMatchObject({
      'quartermaster-system/disks': { applied: 1 },
    });
  });
});

describe('what is counted', () => {
  const matched = (name: string, generation = 1) => [{ by: `${name}@${generation}`, mode: 'Default' as const }];
  const request = requestFor({ circumstances: {}, oldObject: undefined }, app());
  const addTo = (counted: ReturnType<typeof createTallies>, name: string, generation?: number) =>
    counted.add(request, { matched: matched(name, generation), applied: [], notApplied: [] }, false);

  it('is one sum for all generations of a PlatformDefaults, and one for all past the bound', () => {
    const counted = createTallies(Date.now, PLATFORM);
    for (const team of ['one', 'two', 'three']) {
      for (let at = 0; at < 90; at += 1) addTo(counted, `${team}/d${at}`);
    }
    for (let generation = 0; generation < 5_000; generation += 1) addTo(counted, 'one/d0', generation);
    const all = new Map(counted.all());
    expect([all.size, all.get('one/d0')?.keptBack, all.get('other')?.keptBack]).toEqual([201, 5_001, 70]);
    expect(Object.keys(counted.take())).toHaveLength(200);
    counted.forget('one/d0');
    expect(new Map(counted.all()).has('one/d0')).toBe(false);
  });

  it('has room for others however many PlatformDefaults one namespace has, and for the platform’s always', () => {
    const counted = createTallies(Date.now, PLATFORM);
    const countOf = (name: string) => new Map(counted.all()).get(name)?.keptBack;
    const addMany = (team: string) => {
      for (let at = 0; at < 300; at += 1) addTo(counted, `${team}/d${at}`);
    };
    addMany('hostile');
    addTo(counted, 'team/a');
    addMany('hostile-too');
    addTo(counted, `${PLATFORM}/proxy`);
    expect(['team/a', `${PLATFORM}/proxy`, 'other'].map(countOf)).toEqual([1, 1, 401]);
    for (let at = 0; at < 300; at += 1) counted.forget(`hostile/d${at}`);
    addTo(counted, 'hostile/d299');
    expect(countOf('hostile/d299')).toBe(1);
  });

  it('is taken once', () => {
    const counted = createTallies(Date.now, PLATFORM);
    addTo(counted, 'team/a');
    expect(counted.take()).toMatchObject({ 'team/a': { keptBack: 1 } });
    expect(counted.take()).toEqual({});
    addTo(counted, 'team/a');
    addTo(counted, 'team/a');
    expect(counted.take()).toMatchObject({ 'team/a': { keptBack: 2 } });
  });

  it('is added up with the later complaint, or the first object that had the same', () => {
    const of = (at: number, why: string, object: string) => ({
      ...{ applied: 1, keptBack: 0, refused: 1 },
      missing: { at, why, object, generation: 1, field: 'env A' },
    });
    expect(sumOf(of(1, 'x', 'Pod a/1'), of(2, 'x', 'Pod a/2'))).toEqual({
      ...{ applied: 2, keptBack: 0, refused: 2 },
      missing: { at: 2, why: 'x', object: 'Pod a/1', generation: 1, field: 'env A' },
    });
    expect(sumOf(of(2, 'y', 'Pod a/2'), of(1, 'x', 'Pod a/1')).missing).toMatchObject({ at: 2, why: 'y' });
  });
});
