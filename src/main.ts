#!/usr/bin/env node
import { run } from './cli/program.ts';
import { createTerminal, EXIT } from './cli/terminal.ts';

const terminal = createTerminal(process.stdout, process.stderr, process.env);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has had enough (`| head`): no failure of ours.
  if (error.code === 'EPIPE') return;
  terminal.fail(`quartermaster: standard output cannot be written: ${error.message}.\n`);
  process.exit(EXIT.unusable);
});
// Of what cannot be told there nobody can be told; what the command ends with holds.
process.stderr.on('error', () => undefined);

process.exitCode = await run(process.argv.slice(2), process.env, terminal, {
  serve: async (settings, mode) => {
    const shutdown = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => shutdown.abort(signal));
    const { createLog } = await import('./ops/log.ts');
    const log = createLog(settings.logLevel);
    // Unhandled rejections come here too. What state is left nobody knows: Kubernetes starts a new process.
    process.on('uncaughtException', (error) => {
      log.fatal({ error }, 'ended by a fault');
      process.exit(1);
    });
    const { serve } = await import('./server/serve.ts');
    const code = await serve({ settings, mode, environment: process.env, log, shutdownSignal: shutdown.signal });
    // What is still open when the time to end is over keeps nobody waiting.
    process.exit(code);
  },
  nfsServer: async () => {
    const shutdown = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => shutdown.abort(signal));
    const { runNfsServer } = await import('./nfs-server/run.ts');
    const { TOKEN_VARIABLE } = await import('./nfs-server/export-list.ts');
    const token = process.env[TOKEN_VARIABLE] ?? '';
    process.exit(await runNfsServer({ token, print: (line) => terminal.print(`${line}\n`), signal: shutdown.signal }));
  },
});
