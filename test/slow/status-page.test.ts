import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureAptPackages } from '../../dev/apt-packages.ts';
import { createHealth } from '../../src/ops/health.ts';
import { createReplicaProofs } from '../../src/ops/replica-proof.ts';
import { createOpsApp, createOpsServer } from '../../src/ops/server.ts';
import { statusWorld } from '../fixtures/status-world.ts';

const CHROMIUM = '/usr/bin/chromium';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Where to look at the pages. */
const SCREENSHOTS = join(tmpdir(), 'quartermaster-status-page');
const PATHS = ['/', '/defaults', '/health', '/report', '/why?kind=SparkApplication&namespace=team-geo&name=spark-pi'];
const WIDTHS = [1280, 375] as const;
/** What a reader has to move sideways to see. */
const SIDEWAYS = `[...document.querySelectorAll('main, main *')]
  .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth && getComputedStyle(one).display !== 'inline')
  .map((one) => one.outerHTML.slice(0, 80))`;
const SCHEMES = ['light', 'dark'] as const;
const looks = PATHS.flatMap((path) => WIDTHS.flatMap((width) => SCHEMES.map((scheme) => ({ path, width, scheme }))));

let server: Server;
let browser: Browser;
let url: string;

beforeAll(async () => {
  await ensureAptPackages({
    packages: { [CHROMIUM]: 'chromium' },
    user: 'The test of the status page',
    progress: console.log,
  });
  const onFault = (_path: string, error: unknown): never => {
    throw error;
  };
  const options = { health: createHealth([]), metrics: () => Promise.reject(new Error('none')), status: statusWorld };
  const proofs = createReplicaProofs(() => undefined, Date.now);
  server = createOpsServer(createOpsApp({ ...options, proofs, onFault })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await mkdir(SCREENSHOTS, { recursive: true });
  // Root has no sandbox to go into; nothing but our own page is opened.
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'], timeout: 120_000 });
});

afterAll(async () => {
  await browser?.close();
  server?.close().closeAllConnections();
});

/** A page with what its console and its policy said. axe is brought in from outside, past the policy that would keep it away. */
const open = async (path: string, options: { width: number; scheme: 'light' | 'dark' }, bypassCSP = false) => {
  const viewport = { width: options.width, height: 900 };
  const context = await browser.newContext({ viewport, colorScheme: options.scheme, bypassCSP });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.push(request.url());
  });
  await page.goto(`${url}${path}`);
  return { page, complaints, close: () => context.close() };
};

const unfold = async (page: Page): Promise<void> => {
  for (const details of await page.locator('details').all()) await details.locator('summary').click();
};

describe('the status page in Chromium', () => {
  it.each(looks)(
    'at $path, $width pixels wide, $scheme: fits, breaks no rule of axe, asks nobody else',
    async (look) => {
      const { page, complaints, close } = await open(look.path, look, true);
      await unfold(page);
      const name = `${look.path.split('?')[0]?.slice(1) || 'decisions'}-${look.width}-${look.scheme}.png`;
      await page.screenshot({ path: join(SCREENSHOTS, name), fullPage: true });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
      expect(await page.evaluate(SIDEWAYS)).toEqual([]);
      await page.addScriptTag({ path: AXE });
      const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(complaints).toEqual([]);
      await close();
    },
  );

  it('looks as it should under its own policy, which lets no script run', async () => {
    const { page, complaints, close } = await open('/', { width: 1280, scheme: 'light' });
    expect(complaints).toEqual([]);
    expect(await page.evaluate(`getComputedStyle(document.querySelector('header p')).fontWeight`)).toBe('650');
    await page.addScriptTag({ content: 'globalThis.ran = true' }).catch(() => undefined);
    expect(await page.evaluate('globalThis.ran')).toBeUndefined();
    await close();
  });

  it('is used with the keyboard alone: to the content, to a field, to a decision and into it', async () => {
    const { page, close } = await open('/', { width: 1280, scheme: 'light' });
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('To the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').getAttribute('name')).toBe('namespace');
    await page.keyboard.type('team-geo');
    await page.keyboard.press('Tab');
    await page.keyboard.type('SparkApplication');
    await page.keyboard.press('Enter');
    await page.waitForURL(/kind=SparkApplication/);
    expect(await page.getByRole('status').textContent()).toBe('2 decisions');
    await page.locator('summary').first().focus();
    await page.keyboard.press('Enter');
    await page.getByText('Before and after').waitFor();
    expect(await page.locator('del').first().textContent()).toBe('"512m"');
    await close();
  });
});
