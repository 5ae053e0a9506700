import { run } from '@bufbuild/cel';
import { describe, expect, it } from 'vitest';
import { gitopsPage, type Health, type HealthCheck, healthCases } from '../fixtures/gitops-page.ts';

const holds = (expression: string, object: object): boolean => {
  try {
    return run(expression, object as never) === true;
  } catch {
    // Flux waits where a field is not there yet.
    return false;
  }
};

/** In Flux's order. */
const healthOf = (check: HealthCheck, object: object): Health => {
  if (holds(check.inProgress, object)) return 'Progressing';
  if (holds(check.failed, object)) return 'Degraded';
  return holds(check.current, object) ? 'Healthy' : 'Progressing';
};

describe('the health checks that docs/gitops.md has for Flux', () => {
  it('are of both kinds', () => {
    expect(gitopsPage.healthChecks.map(({ kind }) => kind)).toEqual(['PlatformDefaults', 'ObjectStore']);
  });

  it.each(healthCases)('of what is %s say %s', (_, health, object) => {
    for (const check of gitopsPage.healthChecks) expect(healthOf(check, object), check.kind).toBe(health);
  });
});
