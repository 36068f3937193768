// A person with a real browser, for tests/daemon: opens the address on standard input in headless Chromium, logs in and
// consents where a page of provider.mjs asks, and prints where it ended: {url, title, text, refused}. `refused` are
// complaints of the browser about the last page, such as a breach of its own policy.
//
//   echo ADDRESS | node browse.mjs accept|cancel NAME
//
// With LOGIN_SHOTS=FOLDER in the environment it leaves pictures there: NAME-consent.png, NAME-end-light.png and
// NAME-end-dark.png. It goes nowhere but to loopback.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const STEP_MS = 60_000; // Long, since the machine may be busy with other tests.
const [choice, name] = process.argv.slice(2);
const address = (await text(process.stdin)).trim();
const shots = process.env.LOGIN_SHOTS;

const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
// Root has no sandbox in Chromium, and tests may run as root.
const args = process.getuid() === 0 ? [...quiet, '--no-sandbox'] : quiet;
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ viewport: { width: 900, height: 600 } });
page.setDefaultTimeout(STEP_MS);
// Pages of the provider ask for fonts of another host.
await page.route((url) => !['localhost', '127.0.0.1'].includes(url.hostname), (route) => route.abort());

let refused = [];
page.on('framenavigated', () => { refused = []; });
page.on('console', (message) => { if (message.type() === 'error') refused.push(message.text()); });
page.on('pageerror', (error) => refused.push(error.message));

async function shoot(what) {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}-${what}.png`) });
}

await page.goto(address);
const ends = page.locator('footer', { hasText: 'You can close this page' });
const asks = page.locator('input[name=login]');
const consents = page.locator('h1', { hasText: 'Authorize' });
await ends.or(asks).or(consents).first().waitFor();
if (await asks.count()) {
  await page.fill('input[name=login]', 'admin');
  await page.fill('input[name=password]', 'x');
  await page.click('button[type=submit]');
}
await ends.or(consents).first().waitFor();
if (await consents.count()) {
  await shoot('consent');
  await page.click(choice === 'accept' ? 'button[type=submit]' : 'a[href$="/abort"]');
}
await ends.waitFor();
for (const colorScheme of ['light', 'dark']) {
  await page.emulateMedia({ colorScheme });
  await shoot(`end-${colorScheme}`);
}
const end = { url: page.url(), title: await page.title(), text: await page.locator('main').innerText(), refused };
console.log(JSON.stringify(end));
await browser.close();
