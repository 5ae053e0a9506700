import { MOST_GROWTH_MB, soak } from './soak.ts';
import { SUITES, soakSuites, summaryOf } from './suites.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** `npm run soak`: ends with 1 where memory grows or an admission fails. */
const soakMemory = async (): Promise<void> => {
  const minutes = Number(process.env['SOAK_MINUTES'] ?? 4);
  const { sent, failures, p99, changes, early, late, exitCode } = await soak({ minutes, progress: say });
  say(`${sent} admissions, ${failures.length} failed, p99 ${p99} ms; ${changes} changes; ended with ${exitCode}`);
  say(`live: ${early.toFixed(1)} MB once settled, ${late.toFixed(1)} MB at the end`);
  for (const failure of failures.slice(0, 5)) say(failure);
  if (late - early > MOST_GROWTH_MB || failures.length > 0) process.exitCode = 1;
};

/** `npm run soak -- suites [suite …]`: all suites of CI, or those named, ten times; ends with 1 where a test failed once. */
const soakAllSuites = async (suites: readonly string[]): Promise<void> => {
  const rounds = Number(process.env['SOAK_ROUNDS'] ?? 10);
  const failures = await soakSuites({ rounds, suites: suites.length === 0 ? SUITES : suites, progress: say });
  for (const line of summaryOf(failures, rounds)) say(line);
  say(`${failures.length} failures in ${rounds} rounds`);
  if (failures.length > 0) process.exitCode = 1;
};

const [what, ...suites] = process.argv.slice(2);
if (what === 'suites') await soakAllSuites(suites);
else await soakMemory();
