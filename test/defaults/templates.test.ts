import { describe, expect, it } from 'vitest';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { warningsOn } from '../../src/defaults/warnings.ts';
import { platformDefaults, resolve, system } from '../fixtures/defaults.ts';

const pod = { match: { kinds: ['Pod' as const] } };
const shipper = { name: 'log-shipper', image: 'shipper:1', args: ['--all'] };
const tools = platformDefaults('tools', { ...pod, templates: [shipper] });
const asked = (inject: object, where = {}) => platformDefaults('asked', { ...pod, inject }, where);
const containersOf = (...list: Parameters<typeof resolve>[0]) =>
  [...(resolve(list, { kind: 'Pod', pod: { owners: new Set() } })?.addedContainers ?? [])].map(
    ([, { value }]) => value,
  );

describe('a container by a template', () => {
  it('is what the template says, but for what is said besides', () => {
    const initContainers = [{ name: 'ship', template: 'log-shipper', args: ['--one'] }];
    expect(containersOf(tools, asked({ initContainers }))).toEqual([{ ...shipper, name: 'ship', args: ['--one'] }]);
  });

  it('goes on beside the others where it is a sidecar', () => {
    const sidecars = [{ name: 'ship', template: 'log-shipper' }];
    expect(containersOf(tools, asked({ sidecars }))).toEqual([{ ...shipper, name: 'ship', restartPolicy: 'Always' }]);
  });

  it('has the template of the most specific PlatformDefaults that has one of that name', () => {
    const better = platformDefaults('better', { ...pod, priority: 1, templates: [{ ...shipper, image: 'shipper:2' }] });
    const sidecars = [{ name: 'ship', template: 'log-shipper' }];
    expect(containersOf(tools, better, asked({ sidecars }))).toMatchObject([{ image: 'shipper:2' }]);
  });

  it('is left out, with all else given, where nothing that matches has such a template', () => {
    const inject = { env: [{ name: 'A', value: 'b' }], sidecars: [{ name: 'ship', template: 'log-shipper' }] };
    const elsewhere = platformDefaults('tools', {
      match: { kinds: ['Pod'], selector: { matchLabels: { tier: 'gold' } } },
      templates: [shipper],
    });
    const injection = resolve([elsewhere, asked(inject)], { kind: 'Pod', pod: { owners: new Set() } });
    expect([...(injection?.env.keys() ?? [])]).toEqual(['A']);
    expect([...(injection?.addedContainers.keys() ?? [])]).toEqual([]);
    expect(injection?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/asked: sidecars ship is not applied: no PlatformDefaults that matches has a template log-shipper.',
    ]);
  });

  it('is left out of the init containers where the template is of one that goes on', () => {
    const probed = platformDefaults('tools', { ...pod, templates: [{ ...shipper, readinessProbe: {} } as never] });
    const initContainers = [{ name: 'ship', template: 'log-shipper' }];
    expect(containersOf(probed, asked({ initContainers }))).toEqual([]);
  });

  it('has its variables filled in as whoever names it sees them', () => {
    const variables = { registry: 'mirror.example.org' };
    const templates = [{ ...shipper, image: '${registry}/shipper:1' }];
    const sidecars = [{ name: 'ship', template: 'log-shipper' }];
    const list = [platformDefaults('tools', { ...pod, variables, templates }), asked({ sidecars })];
    expect(containersOf(...list)).toMatchObject([{ image: 'mirror.example.org/shipper:1' }]);
  });

  it('is told in the status of the PlatformDefaults while nobody has the template', () => {
    const inForce = createDefaultsInForce(system);
    const one = asked({ sidecars: [{ name: 'ship', template: 'log-shipper' }] });
    inForce.put(one);
    const warnings = () => {
      const entry = inForce.entry('quartermaster-system', 'asked');
      return entry === undefined ? [] : warningsOn(entry, inForce, () => false);
    };
    const message = 'spec.inject.sidecars ship: no PlatformDefaults has template log-shipper: this is never applied.';
    expect(warnings()).toEqual([{ reason: 'Incomplete', message, isNever: true }]);
    inForce.put(tools);
    expect(warnings()).toEqual([]);
    inForce.remove(tools);
    expect(warnings()).toHaveLength(1);
  });
});

describe('containers that no pod could have', () => {
  it.each([
    [{ sidecars: [{ name: 'ship' }] }, 'spec.inject.sidecars[0].image: is required; say which image it runs'],
    [
      { sidecars: [{ name: 'Ship', image: 'a' }] },
      'spec.inject.sidecars[0].name: "Ship" is not a DNS label (lower case, digits and -, at most 63 characters)',
    ],
    [
      { initContainers: [{ name: 'ship', image: 'a', restartPolicy: 'Always' }] },
      'spec.inject.initContainers[0].restartPolicy: follows from the list; add what goes on beside the others to spec.inject.sidecars',
    ],
    [
      { initContainers: [{ name: 'ship', image: 'a', livenessProbe: {} }] },
      'spec.inject.initContainers[0].livenessProbe: an init container has none; add it to spec.inject.sidecars',
    ],
    [
      { initContainers: [{ name: 'ship', image: 'a' }], sidecars: [{ name: 'ship', image: 'b' }] },
      'spec.inject.sidecars[0].name: "ship" is one of spec.inject.initContainers too',
    ],
    [
      { sidecars: [{ name: 'ship', template: '${cloud}' }] },
      'spec.inject.sidecars[0].template: takes no variables; name one of spec.templates',
    ],
  ])('are refused: %j', (inject, violation) => {
    expect(validateDefaults(asked(inject), system)).toEqual([violation]);
  });

  it('are refused among templates', () => {
    const one = platformDefaults('tools', { ...pod, templates: [{ name: 'ship' }] });
    expect(validateDefaults(one, system)).toEqual(['spec.templates[0].image: is required; say which image it runs']);
  });
});

describe('a tenant', () => {
  const inTeam = { namespace: 'team-a' };

  it('names templates of the platform', () => {
    expect(validateDefaults(asked({ sidecars: [{ name: 'ship', template: 'log-shipper' }] }, inTeam), system)).toEqual(
      [],
    );
  });

  it.each([
    [
      { sidecars: [{ name: 'ship', image: 'own:1', securityContext: { privileged: true } }] },
      'spec.inject.sidecars[0]: a container of one’s own is allowed in namespace quartermaster-system only; name a template of the platform',
    ],
    [
      { initContainers: [{ name: 'ship', template: 'log-shipper', securityContext: { privileged: true } }] },
      'spec.inject.initContainers[0].securityContext: is allowed in namespace quartermaster-system only; a template is taken as it is',
    ],
  ])('says nothing of what runs: %j', (inject, violation) => {
    expect(validateDefaults(asked(inject, inTeam), system)).toEqual([violation]);
  });

  it('has no templates', () => {
    const own = platformDefaults('tools', { ...pod, templates: [shipper] }, inTeam);
    expect(validateDefaults(own, system)).toEqual([
      'spec.templates: is allowed in namespace quartermaster-system only; remove it or ask the platform team',
    ]);
  });
});
