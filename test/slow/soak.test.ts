import { expect, it } from 'vitest';
import { MOST_GROWTH_MB, soak } from '../soak/soak.ts';

it("an hour's worth of admissions and of watch events leaves the memory as it is", async () => {
  const progress: string[] = [];
  const report = await soak({ minutes: 3, progress: (line) => progress.push(line) });
  expect(report.failures, report.failures.join('\n')).toEqual([]);
  expect(report.late - report.early, progress.join('\n')).toBeLessThan(MOST_GROWTH_MB);
  expect(report.exitCode).toBe(0);
});
