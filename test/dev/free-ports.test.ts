import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';

it('gives no port twice, nor one that a connection could be given', async () => {
  const ports = (await Promise.all([freePorts(20), freePorts(20), freePorts(20)])).flat();
  expect(new Set(ports).size).toBe(60);
  const [first = ''] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/);
  expect(Math.max(...ports)).toBeLessThan(Number(first));
});

it('gives no port that another process was given', async () => {
  const program = `
    import { freePorts } from '${import.meta.dirname}/../../dev/free-ports.ts';
    console.log(JSON.stringify(await freePorts(4_000)));
    process.stdin.resume();`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program]);
  let told = '';
  while (!told.endsWith('\n')) told += String((await once(other.stdout, 'data'))[0]);
  const theirs = new Set(JSON.parse(told) as readonly number[]);
  const ours = await freePorts(4_000);
  expect(ours.filter((port) => theirs.has(port))).toEqual([]);
  other.stdin.end();
  await once(other, 'exit');
});
