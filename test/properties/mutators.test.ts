import { isDeepStrictEqual } from 'node:util';
import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/admission/handler.ts';
import { TARGET_KINDS, type TargetKind } from '../../src/api/inject-spec.ts';
import type { Container, KubeObject, Pod } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { FRAMEWORK_KINDS, isPodKind, POD_KINDS } from '../../src/api/target-kinds.ts';
import { admitWithWarnings as admit, admit as admitOrRefuse, runs } from '../fixtures/admitting.ts';
import { resolve } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { defaultsFor, forAllContainers, forUsersAlone, objectsOf } from '../fixtures/mutation-inputs.ts';
import { changedPaths } from './changed-paths.ts';
import { doublesIn } from './doubles.ts';
import { lost, missing } from './held-values.ts';

const kinds = TARGET_KINDS.filter((kind) => objectsOf[kind] !== undefined);
/** What frameworks have in common is the same code: the profiles are what differs. */
const runsOf = (kind: TargetKind) => ({ numRuns: Math.ceil(runs.numRuns / (isFramework(kind) ? 5 : 1)) });
const isFramework = (kind: TargetKind): boolean => FRAMEWORK_KINDS.some((framework) => framework === kind);

const inputs = (kind: TargetKind, modes?: Parameters<typeof defaultsFor>[1]) =>
  [objectsOf[kind] ?? fc.constant({} as KubeObject), defaultsFor(kind, modes)] as const;

/** What is enforced for such an object and is not there, nor told of. */
const missingOf = (
  kind: TargetKind,
  defaults: readonly PlatformDefaults[],
  object: KubeObject,
  warnings: readonly string[],
): readonly string[] => {
  const injection = resolve(defaults, {
    kind,
    name: 'it',
    ...(isPodKind(kind) && { pod: { owners: new Set() } }),
  });
  return injection === undefined ? [] : missing(injection, object, warnings.join());
};

describe.each(kinds)('a mutated %s', (kind) => {
  it('comes out the same when it is mutated again', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const once = admit(object, defaults).object;
        expect(admit(once, defaults).object).toEqual(once);
      }),
      runsOf(kind),
    );
  });

  it('leaves the object it was made from as it was, and is that very object where nothing changes', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const { object: mutated } = admit(freeze(object), defaults);
        if (isDeepStrictEqual(mutated, object)) expect(mutated).toBe(object);
        // A runner needs its own name whatever the defaults are.
        if (kind !== 'CalrissianPod') expect(admit(object, []).object).toBe(object);
      }),
      runsOf(kind),
    );
  });

  it('is what its patch makes of the object, read by another implementation', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const { object: mutated, patch } = admit(object, defaults);
        expect(jsonpatch.apply_patch(parsed(object), [...patch])).toEqual(mutated);
      }),
      runsOf(kind),
    );
  });

  it('explains each path that changed, and none that did not', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const { object: mutated, explain } = admit(object, defaults);
        const changed = [...new Set(changedPaths(object, mutated))];
        // What a container is given that was added is told besides the container.
        const isBelow = (path: string): boolean => changed.some((whole) => path.startsWith(`${whole}/`));
        const explained = new Set(explain.map(({ path }) => path).filter((path) => !isBelow(path)));
        expect([...explained].sort()).toEqual(changed.sort());
      }),
      runsOf(kind),
    );
  });

  it('holds all that its user said where nothing is enforced', () => {
    fc.assert(
      fc.property(...inputs(kind, ['Default']), (object, defaults) => {
        expect(lost(object, admit(object, defaults).object)).toEqual([]);
      }),
      runsOf(kind),
    );
  });

  it('has no name, path or variable twice', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        fc.pre(doublesIn(object).length === 0);
        expect(doublesIn(admit(object, defaults).object)).toEqual([]);
      }),
      runsOf(kind),
    );
  });

  it('holds all that is enforced and was not refused with a warning', () => {
    fc.assert(
      fc.property(...inputs(kind, ['Enforce']), (object, given) => {
        const defaults = forAllContainers(given);
        const { object: mutated, warnings } = admit(object, defaults);
        expect(missingOf(kind, defaults, mutated, warnings)).toEqual([]);
      }),
      runsOf(kind),
    );
  });

  it('holds all that is enforced, or is refused as it is; what gives way to something else that is enforced is told', () => {
    fc.assert(
      fc.property(...inputs(kind, ['Enforce']), (object, given) => {
        const defaults = forAllContainers(given);
        const { object: mutated, warnings, denied, patch } = admitOrRefuse(object, defaults);
        if (denied === undefined) {
          const outdone = warnings.filter((warning) => warning.includes('is enforced too'));
          expect(missingOf(kind, defaults, mutated, outdone)).toEqual([]);
        } else {
          expect(mutated).toBe(object);
          expect(patch).toEqual([]);
        }
      }),
      runsOf(kind),
    );
  });

  const told = ({ outcomes: _, application, ...rest }: Decision) => ({ ...rest, application: application?.() });

  it('is refused only where it would lack something enforced, of which a warning would tell', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const refusing = admitOrRefuse(object, defaults);
        const warning = admit(object, defaults);
        if (refusing.denied === undefined) expect(told(refusing)).toEqual(told(warning));
        else expect(warning.warnings.length).toBeGreaterThan(0);
      }),
      runsOf(kind),
    );
  });

  it('is answered for whatever its manifest holds', () => {
    fc.assert(
      fc.property(...inputs(kind), junk, junk, (object, defaults, spec, metadata) => {
        // Its labels are what it is known by.
        const odd = parsed({ ...object, spec, metadata: { ...(metadata as object), labels: object.metadata.labels } });
        const { object: mutated } = admit(odd, defaults);
        expect(admit(mutated, defaults).object).toEqual(mutated);
        expect(admit(mutated, defaults, odd).object.kind).toBe(odd.kind);
      }),
      runsOf(kind),
    );
  });

  it('does not depend on the order of PlatformDefaults', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        expect(admit(object, defaults.toReversed()).object).toEqual(admit(object, defaults).object);
      }),
      runsOf(kind),
    );
  });
});

describe.each(POD_KINDS)('a mutated %s', (kind) => {
  it('has the containers and commands it had before any that are added, and in those of the engine nothing but sources of variables', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const { object: mutated } = admit(object, forUsersAlone(defaults));
        expect(skeletonOf(withoutAdded(mutated, object))).toEqual(skeletonOf(object));
      }),
      runsOf(kind),
    );
  });
});

describe.each(['Pod', ...FRAMEWORK_KINDS] as const)('a mutated %s', (kind) => {
  it('has its service mesh as it was, unless that is named, and every label that it had', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults) => {
        const { object: mutated } = admit(object, defaults);
        const isNamed = defaults.some(({ spec }) => spec.match.containers?.includes('istio-proxy'));
        if (!isNamed) expect((mutated as Pod).spec?.containers?.[0]).toEqual({ name: 'istio-proxy' });
        expect(mutated.metadata.labels ?? {}).toMatchObject(object.metadata.labels ?? {});
      }),
      runsOf(kind),
    );
  });
});

/** A pod without the init containers that stand after those of another. */
const withoutAdded = (pod: KubeObject, before: KubeObject): KubeObject => {
  const { spec } = pod as Pod;
  const count = (before as Pod).spec?.initContainers?.length ?? 0;
  const kept = spec?.initContainers?.slice(0, count);
  const { initContainers: _, ...rest } = spec ?? {};
  return { ...pod, ...(spec && { spec: { ...rest, ...(kept?.length && { initContainers: kept }) } }) } as KubeObject;
};

/** A pod without what may be given to it. */
const skeletonOf = (pod: KubeObject): object => {
  const { volumes, nodeSelector, tolerations, imagePullSecrets, hostAliases, initContainers, containers } =
    (pod as Pod).spec ?? {};
  const given = ['priorityClassName', 'schedulerName', 'terminationGracePeriodSeconds', 'affinity', 'dnsConfig'];
  const templated = ['runtimeClassName', 'topologySpreadConstraints', 'securityContext'];
  const lists = { volumes, nodeSelector, tolerations, imagePullSecrets, hostAliases };
  const ours = [...given, ...templated, ...Object.keys(lists)];
  const rest = Object.fromEntries(Object.entries((pod as Pod).spec ?? {}).filter(([key]) => !ours.includes(key)));
  const strip = (container: Container) => {
    const { env, envFrom, volumeMounts, ...others } = container;
    const { resources, securityContext, ...left } = others as Container & {
      resources?: object;
      securityContext?: object;
    };
    return ['init', 'wait'].includes(container.name)
      ? { ...left, env, volumeMounts, resources, securityContext }
      : left;
  };
  return { ...rest, initContainers: initContainers?.map(strip), containers: containers?.map(strip) };
};

const names = [
  ...[
    'spec',
    'metadata',
    'labels',
    'annotations',
    'name',
    'ownerReferences',
    'driver',
    'executor',
    'env',
    'envFrom',
    'volumes',
  ],
  ...[
    'volumeMounts',
    'mountPath',
    'configMaps',
    'path',
    'containers',
    'initContainers',
    'monitoring',
    'prometheus',
    'template',
  ],
  ...[
    'sparkConf',
    'nodeSelector',
    'tolerations',
    'imagePullSecrets',
    'hostAliases',
    'persistentVolumeClaim',
    'claimName',
    '__proto__',
    'constructor',
  ],
];
const { tree: junk } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, '', 'calrissian', 'main', '/data'),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 8 }),
  ),
}));

const parsed = (value: unknown): KubeObject => JSON.parse(JSON.stringify(value)) as KubeObject;

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
};
