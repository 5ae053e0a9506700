import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSeeds, reviewOf } from '../fixtures/fuzz-seeds.ts';
import { type ServerProcess, startServerProcess } from '../fixtures/server-process.ts';
import { createOthers, type Others, type Waits } from './abuse-client.ts';
import { ATTACKS } from './attacks.ts';

/** What 99 of a hundred reviews wait at most, in milliseconds, beside what they wait where nobody attacks. */
const MOST_MS = 250;
const MIB = 2 ** 20;
/** How long reviews are counted. */
const SPAN_MS = 3_000;
/** Something else on the machine makes reviews slower, never faster: so often they may be counted again. */
const MOST_SPANS = 4;

const [review = ''] = readSeeds()
  .filter(({ name }) => name.startsWith('spark-application/spark-pi'))
  .map(({ request }) => JSON.stringify(reviewOf(request)));

interface Measured extends Waits {
  readonly what: string;
  readonly peakMiB: number;
  /** How many times as long as it ran the server took, since it waited for a processor that something else had: 1 where none did. */
  readonly stretch: number;
}

let server: ServerProcess;
let others: Others;
let atRest: Measured;
const measured: Measured[] = [];

beforeAll(async () => {
  server = await startServerProcess(true);
  others = createOthers(server, review);
  await others.p99();
  atRest = await measure('nobody attacks');
});

afterAll(async () => {
  others?.stop();
  await server?.stop();
  process.stdout.write(`\n200 reviews a second, while\n${measured.map(lineOf).join('\n')}\n`);
});

const lineOf = ({ what, p50, p99, peakMiB, stretch }: Measured): string => {
  const [p50Ms, p99Ms] = [p50, p99].map((ms) => `${ms.toFixed(1).padStart(6)} ms`);
  return `${what.padEnd(50)} p50 ${p50Ms}  p99 ${p99Ms}  RSS ${peakMiB.toFixed(0).padStart(4)} MiB  stretched ${stretch.toFixed(1)}`;
};

/** The first span that is within the bound, or the last. */
const measure = async (what: string, isWithin: (measured: Measured) => boolean = () => true): Promise<Measured> => {
  let peakBytes = 0;
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, server.rssBytes());
  }, 50);
  const span = async (): Promise<Measured> => {
    const before = server.processorTimes();
    const waits = await others.areAdmittedWhile(() => sleep(SPAN_MS));
    const after = server.processorTimes();
    const stretch = 1 + (after.waited - before.waited) / (after.ran - before.ran);
    return { what, ...waits, stretch, peakMiB: peakBytes / MIB };
  };
  let found = await span();
  for (let spans = 1; spans < MOST_SPANS && !isWithin(found); spans += 1) found = await span();
  clearInterval(look);
  measured.push(found);
  return found;
};

/** What the server waited for a processor is no doing of its own. */
const boundOf = ({ stretch }: Measured): number => atRest.p99 + MOST_MS * stretch;

interface Attacker {
  /** How many connections the server took of it, or messages it answered. */
  readonly reached: () => Promise<number>;
  readonly end: () => Promise<void>;
}

const beginAttack = async (name: string): Promise<Attacker> => {
  const attacker = fork(`${import.meta.dirname}/attacker.ts`, [name, String(server.port), server.authority]);
  const ended = once(attacker, 'exit');
  await Promise.race([once(attacker, 'message'), ended.then(() => Promise.reject(new Error('the attack ended')))]);
  return {
    reached: async () => {
      const told = once(attacker, 'message') as Promise<[number]>;
      attacker.send('how far?');
      return (await told)[0];
    },
    end: async () => {
      attacker.kill('SIGKILL');
      await ended;
    },
  };
};

it.each(Object.keys(ATTACKS))(
  'others wait no longer than a moment, and none is refused, while there are %s',
  async (name) => {
    const attacker = await beginAttack(name);
    try {
      const found = await measure(name, (found) => found.p99 < boundOf(found));
      expect(found.p99).toBeLessThan(boundOf(found));
      expect(found.peakMiB * MIB).toBeLessThan(server.memoryLimit);
      expect(server.ended()).toBeUndefined();
      expect(await attacker.reached()).toBeGreaterThan(0);
    } finally {
      await attacker.end();
    }
  },
);
