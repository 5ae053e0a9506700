/** What one client has in the memory of a server. */
export interface Reservation {
  /** Adds bytes; false where there is no room for them, or nothing is held any longer. */
  readonly take: (bytes: number) => boolean;
  /** Gives all of it back. Only the first call counts. */
  readonly release: () => void;
}

/** In bytes. */
interface BudgetLimits {
  readonly all: number;
  /** Of one address; what others hold is none of its business. All of it where nothing is said. */
  readonly ofOne?: number;
}

/** Memory that all clients of a server share, in bytes. */
export interface Budget {
  /** Begins with nothing. `onRevoked` is told when it went to those who wait; it is released by then. */
  readonly open: (host: string, onRevoked: () => void) => Reservation;
  readonly reservedBytes: () => number;
}

/** A body or an answer of several MiB takes a tenth of this, on a busy replica. Past it, it yields to those who wait. */
const YIELD_AFTER_MS = 1_000;

interface Entry {
  readonly host: string;
  readonly openedAt: number;
  readonly revoke: () => void;
  bytes: number;
}

/**
 * A budget that nobody can use up for others. Where there is no room, the address that holds most gives back its oldest, as long as
 * it holds more than the one that asks would; then whatever has been held longest, if for over a second. Else who asks gets nothing.
 * Where an address has its share, it gives back its own oldest, if held for over a second.
 */
export const createBudget = (
  { all: maxBytes, ofOne = maxBytes }: BudgetLimits,
  now = () => performance.now(),
): Budget => {
  /** The oldest first. */
  const all = new Set<Entry>();
  const byHost = new Map<string, number>();
  let total = 0;
  const bytesOf = (host: string): number => byHost.get(host) ?? 0;

  const add = (entry: Entry, bytes: number): void => {
    entry.bytes += bytes;
    total += bytes;
    const ofHost = bytesOf(entry.host) + bytes;
    if (ofHost === 0) byHost.delete(entry.host);
    else byHost.set(entry.host, ofHost);
  };
  const release = (entry: Entry): void => {
    if (all.delete(entry)) add(entry, -entry.bytes);
  };
  const oldest = (isVictim: (entry: Entry) => boolean): Entry | undefined => {
    for (const entry of all) if (entry.bytes > 0 && isVictim(entry)) return entry;
    return undefined;
  };
  const victimOf = (asking: Entry, bytes: number): Entry | undefined => {
    const before = now() - YIELD_AFTER_MS;
    const canYield = (entry: Entry): boolean => entry !== asking && entry.openedAt < before;
    if (bytesOf(asking.host) + bytes > ofOne) return oldest((entry) => entry.host === asking.host && canYield(entry));
    const [host, most] = largest(byHost);
    if (host !== asking.host && most > bytesOf(asking.host) + bytes) return oldest((entry) => entry.host === host);
    return oldest(canYield);
  };
  const take = (entry: Entry, bytes: number): boolean => {
    if (!all.has(entry)) return false;
    const isTooMuch = (): boolean => total + bytes > maxBytes || bytesOf(entry.host) + bytes > ofOne;
    while (isTooMuch()) {
      const victim = bytes > Math.min(maxBytes, ofOne) ? undefined : victimOf(entry, bytes);
      if (victim === undefined) return false;
      release(victim);
      victim.revoke();
    }
    add(entry, bytes);
    return true;
  };
  return {
    open: (host, onRevoked) => {
      const entry: Entry = { host, openedAt: now(), revoke: onRevoked, bytes: 0 };
      all.add(entry);
      return { take: (bytes) => take(entry, bytes), release: () => release(entry) };
    },
    reservedBytes: () => total,
  };
};

const largest = (byHost: ReadonlyMap<string, number>): readonly [string, number] => {
  let largest: readonly [string, number] = ['', 0];
  for (const entry of byHost) if (entry[1] > largest[1]) largest = entry;
  return largest;
};
