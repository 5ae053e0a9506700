#!/usr/bin/env node
import { run } from './cli/program.ts';
import type { Terminal } from './cli/terminal.ts';

const terminal: Terminal = {
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  isColoured: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
};

process.exitCode = await run(process.argv.slice(2), process.env, terminal, {
  serve: async (settings, mode) => {
    const ending = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ending.abort(signal));
    const { serve } = await import('./serve.ts');
    return serve(settings, mode, process.env, ending.signal);
  },
});
