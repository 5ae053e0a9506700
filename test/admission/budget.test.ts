import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/admission/budget.ts';
import { fc } from '../fixtures/fast-check.ts';

describe('a budget', () => {
  it('gives what nobody else holds to one address, and takes it back for those who hold less', () => {
    const revoked: string[] = [];
    const budget = createBudget({ all: 100 }, () => 0);
    const open = (host: string, name = host) => budget.open(host, () => revoked.push(name));
    const greedy = ['first', 'second', 'third', 'fourth'].map((name) => open('greedy', name));
    expect(greedy.map(({ take }) => take(25))).toEqual([true, true, true, true]);
    expect(open('greedy').take(1)).toBe(false);
    expect(open('other').take(30)).toBe(true);
    expect(revoked).toEqual(['first', 'second']);
    expect(open('another').take(60)).toBe(false);
    expect(budget.reservedBytes()).toBe(80);
  });

  it('takes back what has been held for long, however many addresses hold it', () => {
    let now = 0;
    const budget = createBudget({ all: 100 }, () => now);
    for (let host = 0; host < 100; host += 1) budget.open(`127.0.0.${host}`, () => undefined).take(1);
    const large = budget.open('other', () => undefined);
    expect(large.take(50)).toBe(false);
    now = 1_001;
    expect(large.take(50)).toBe(true);
    expect(budget.reservedBytes()).toBe(100);
  });

  it('gives one address no more than its share, which takes nothing from others, and takes back what it has held for long', () => {
    let now = 0;
    const revoked: string[] = [];
    const budget = createBudget({ all: 1_000, ofOne: 100 }, () => now);
    const open = (host: string, name = host) => budget.open(host, () => revoked.push(name));
    open('other').take(60);
    expect(['first', 'second'].map((name) => open('greedy', name).take(50))).toEqual([true, true]);
    expect(open('greedy').take(1)).toBe(false);
    expect(open('other').take(40)).toBe(true);
    now = 1_001;
    expect(open('greedy').take(20)).toBe(true);
    expect(revoked).toEqual(['first']);
    expect(open('greedy').take(101)).toBe(false);
    expect(budget.reservedBytes()).toBe(170);
  });

  it('never exceeds its bounds, and holds nothing once all is released, whoever takes how much and releases how often', () => {
    const [ALL, OF_ONE] = [100, 40];
    const step = fc.record({ host: fc.nat(4), bytes: fc.nat(120), releases: fc.nat(2), waitMs: fc.nat(900) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const budget = createBudget({ all: ALL, ofOne: OF_ONE }, () => now);
        const held = new Map<object, { readonly host: number; readonly bytes: number }>();
        const expectBounded = (): void => {
          const sums = [...Map.groupBy(held.values(), ({ host }) => host).values()].map(sumOf);
          expect(Math.max(0, ...sums)).toBeLessThanOrEqual(OF_ONE);
          expect(sumOf([...held.values()])).toBe(budget.reservedBytes());
          expect(budget.reservedBytes()).toBeLessThanOrEqual(ALL);
        };
        const holdings = steps.map(({ host, bytes, releases, waitMs }) => {
          now += waitMs;
          const holding = budget.open(String(host), () => held.delete(holding));
          if (holding.take(bytes)) held.set(holding, { host, bytes });
          expectBounded();
          for (let at = 0; at < releases; at += 1) holding.release();
          if (releases > 0) {
            held.delete(holding);
            expect(holding.take(1)).toBe(false);
          }
          expectBounded();
          return holding;
        });
        for (const { release } of holdings) release();
        expect(budget.reservedBytes()).toBe(0);
      }),
    );
  });
});

const sumOf = (list: readonly { readonly bytes: number }[]): number => list.reduce((sum, { bytes }) => sum + bytes, 0);
