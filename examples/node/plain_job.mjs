// Asks Zoho who the org is, without an SDK: node plain_job.mjs acme-production

import * as tokend from "./tokend.mjs";

/** What Zoho's API answers; asked once more, with a new token, where it refused the old one. */
async function call(org, path) {
  for (const isLast of [false, true]) {
    const { access_token, api_domain, generation } = await tokend.token(org);
    const headers = { Authorization: `Zoho-oauthtoken ${access_token}` };
    const answer = await fetch(api_domain + path, { headers, signal: AbortSignal.timeout(30_000) });
    // None of a 204, nor of a web page of Zoho on a bad day or of a proxy: that is no word on the token.
    const body = await answer.json().catch(() => null);
    if (answer.ok) return body;
    const code = body?.code;
    if (isLast || !code) throw new Error(`Zoho answered ${answer.status}: ${code ?? "no code, most likely a web page"}`);
    await tokend.replace(org, generation, code);
  }
}

try {
  const answer = await call(process.argv[2], "/crm/v8/org");
  console.log(answer.org[0].company_name);
} catch (error) {
  console.error(`${process.argv[1]}: ${error.message} ${error.cause?.message ?? ""}`.trimEnd());
  process.exitCode = 1;
}
