/** What one client has in the memory of a server. */
export interface Holding {
  /** Adds bytes; false where there is no room for them, or nothing is held any longer. */
  readonly take: (bytes: number) => boolean;
  /** Gives all of it back. Only the first call counts. */
  readonly release: () => void;
}

/** Memory that all clients of a server share, in bytes. */
export interface Budget {
  /** Begins with nothing. `onRevoked` is told when it went to those who wait; it is released by then. */
  readonly open: (host: string, onRevoked: () => void) => Holding;
  readonly heldBytes: () => number;
}

/** A body or an answer of several MiB takes a tenth of this, on a busy replica. Past it, it yields to those who wait. */
const YIELD_AFTER_MS = 1_000;

interface Held {
  readonly host: string;
  readonly openedAt: number;
  readonly revoke: () => void;
  bytes: number;
}

/**
 * A budget that nobody can use up for others. Where there is no room, the address that holds most gives back its oldest, as long as
 * it holds more than the one that asks would; then whatever has been held longest, if for over a second. Else who asks gets nothing.
 */
export const createBudget = (maxBytes: number, now = () => performance.now()): Budget => {
  /** The oldest first. */
  const all = new Set<Held>();
  const byHost = new Map<string, number>();
  let total = 0;

  const add = (held: Held, bytes: number): void => {
    held.bytes += bytes;
    total += bytes;
    const ofHost = (byHost.get(held.host) ?? 0) + bytes;
    if (ofHost === 0) byHost.delete(held.host);
    else byHost.set(held.host, ofHost);
  };
  const release = (held: Held): void => {
    if (all.delete(held)) add(held, -held.bytes);
  };
  const oldest = (isVictim: (held: Held) => boolean): Held | undefined => {
    for (const held of all) if (held.bytes > 0 && isVictim(held)) return held;
    return undefined;
  };
  const victimOf = (asking: Held, bytes: number): Held | undefined => {
    const [host, most] = largest(byHost);
    if (host !== asking.host && most > (byHost.get(asking.host) ?? 0) + bytes)
      return oldest((held) => held.host === host);
    const before = now() - YIELD_AFTER_MS;
    return oldest((held) => held !== asking && held.openedAt < before);
  };
  const take = (held: Held, bytes: number): boolean => {
    if (!all.has(held)) return false;
    while (total + bytes > maxBytes) {
      const victim = bytes > maxBytes ? undefined : victimOf(held, bytes);
      if (victim === undefined) return false;
      release(victim);
      victim.revoke();
    }
    add(held, bytes);
    return true;
  };
  return {
    open: (host, onRevoked) => {
      const held: Held = { host, openedAt: now(), revoke: onRevoked, bytes: 0 };
      all.add(held);
      return { take: (bytes) => take(held, bytes), release: () => release(held) };
    },
    heldBytes: () => total,
  };
};

const largest = (byHost: ReadonlyMap<string, number>): readonly [string, number] => {
  let largest: readonly [string, number] = ['', 0];
  for (const entry of byHost) if (entry[1] > largest[1]) largest = entry;
  return largest;
};
