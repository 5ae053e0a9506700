import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const LOG = fileURLToPath(new URL('../../src/ops/log.ts', import.meta.url));
const LINES = 1_000;

/** Runs a program that writes so many lines, and then does what `end` says. */
const linesOf = (end: string): readonly { readonly message: string }[] => {
  const program = `
    import { createLog } from ${JSON.stringify(LOG)};
    const log = createLog('info');
    for (let line = 0; line < ${LINES}; line += 1) log.info({ line }, 'said');
    ${end}`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly message: string });
};

describe('every line of the log', () => {
  it.each([
    ['ends', '', LINES],
    ['exits', 'process.exit(3);', LINES],
    ['fails', "throw new Error('of the test');", LINES],
    ['says something fatal and ends', "log.fatal('over');", LINES + 1],
  ])('is written where the program %s right after it', (_, end, expected) => {
    expect(linesOf(end)).toHaveLength(expected);
  });

  it('is written within a while where nothing follows it', () => {
    // Each tick is as long after the last, also where the process could not run: by one timer it would end before it has written.
    const lines = linesOf(
      "let ticks = 0; setInterval(() => ++ticks < 20 || process.kill(process.pid, 'SIGKILL'), 100);",
    );
    expect(lines).toHaveLength(LINES);
  });
});
