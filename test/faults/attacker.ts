import { setPriority } from 'node:os';
import { ATTACKS, reachedCount } from './attacks.ts';

// One attack without an end, in a process that has less of the processors than those it attacks: what it costs them is measured, not
// what it costs itself. Tells how far it came to whoever asks, and ends with whoever started it.
// Usage: node test/faults/attacker.ts ATTACK PORT AUTHORITY

const LOWEST_PRIORITY = 19;

const [name = '', port, authority = ''] = process.argv.slice(2);
const attack = ATTACKS[name];
if (attack === undefined) throw new Error(`there is no attack “${name}”`);
setPriority(LOWEST_PRIORITY);
process.once('disconnect', () => process.exit(0));
const begin = attack();
process.on('message', () => process.send?.(reachedCount()));
process.send?.('begins');
await begin({ port: Number(port), authority });
