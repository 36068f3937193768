// Asks Zoho who the org is, without an SDK: node plain_job.mjs acme-production

import * as tokend from "./tokend.mjs";

const org = process.argv[2];
for (const isLast of [false, true]) {
  const { access_token, api_domain, generation } = await tokend.token(org);
  const headers = { Authorization: `Zoho-oauthtoken ${access_token}` };
  const answer = await fetch(`${api_domain}/crm/v8/org`, { headers, signal: AbortSignal.timeout(30_000) });
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  if (!isJson) throw new Error(`HTTP ${answer.status} without JSON: a page of a proxy's is no word on a token`);
  const body = await answer.json();
  if (answer.ok) {
    console.log(body.org[0].company_name);
    break;
  }
  if (isLast) throw new Error(`Zoho said ${body.code}`);
  await tokend.replace(org, generation, body.code);
}
