import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/admission/budget.ts';

describe('a budget', () => {
  it('gives what nobody else holds to one address, and takes it back for those who hold less', () => {
    const revoked: string[] = [];
    const budget = createBudget(100, () => 0);
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
    const budget = createBudget(100, () => now);
    for (let host = 0; host < 100; host += 1) budget.open(`127.0.0.${host}`, () => undefined).take(1);
    const large = budget.open('other', () => undefined);
    expect(large.take(50)).toBe(false);
    now = 1_001;
    expect(large.take(50)).toBe(true);
    expect(budget.reservedBytes()).toBe(100);
  });

  it('never exceeds its bound, and holds nothing once all is released, whoever takes how much and releases how often', () => {
    const step = fc.record({ host: fc.nat(4), bytes: fc.nat(120), releases: fc.nat(2), waitMs: fc.nat(900) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const budget = createBudget(100, () => now);
        const holdings = steps.map(({ host, bytes, releases, waitMs }) => {
          now += waitMs;
          const holding = budget.open(String(host), () => undefined);
          holding.take(bytes);
          expect(budget.reservedBytes()).toBeLessThanOrEqual(100);
          for (let at = 0; at < releases; at += 1) holding.release();
          if (releases > 0) expect(holding.take(1)).toBe(false);
          return holding;
        });
        for (const { release } of holdings) release();
        expect(budget.reservedBytes()).toBe(0);
      }),
    );
  });
});
