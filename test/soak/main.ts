import { MOST_GROWTH_MB, soak } from './soak.ts';

/** `npm run soak`: ends with 1 where memory grows or an admission fails. */
const minutes = Number(process.env['SOAK_MINUTES'] ?? 4);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { sent, failures, p99, changes, early, late, exitCode } = await soak({ minutes, progress: say });
say(`${sent} admissions, ${failures.length} failed, p99 ${p99} ms; ${changes} changes; ended with ${exitCode}`);
say(`resident: ${early.toFixed(0)} MB in the second quarter, ${late.toFixed(0)} MB in the last`);
for (const failure of failures.slice(0, 5)) say(failure);
if (late - early > MOST_GROWTH_MB || failures.length > 0) process.exitCode = 1;
